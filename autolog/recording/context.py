"""Where in the program a fact belongs: the context variable that every call and every log function reads.

It travels like any context variable: into asyncio tasks by itself, into joblib's workers with the task (the joblib
plugin). A plain thread starts without one; what it logs goes to the only explicit run of the process, if there is one.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["Context", "current", "current_run", "explicit", "last_run", "set_last"]


@dataclass(frozen=True)
class Context:
    """Where the program stands.

    Args:
        run: the run that facts go to, or None.
        inside: the plugin whose wrapped call is under way, or None; calls inside it are part of it.
        paused: nothing is recorded.
        task: this is a task that was handed on: what it trains is a child of the run, never the run itself.
    """

    run: ActiveRun | None = None
    inside: str | None = None
    paused: bool = False
    task: bool = False


current: ContextVar[Context] = ContextVar("autolog_context", default=Context())  # noqa: B039 (frozen)
last: ContextVar[ActiveRun | None] = ContextVar("autolog_last_run", default=None)

explicit: dict[str, ActiveRun] = {}
"""The runs that `start_run` opened and nobody has ended yet, in this process."""


def current_run() -> ActiveRun | None:
    """Give the run that facts of this context belong to; in a context without one the only explicit run, if any."""
    run = current.get().run
    if run is None and len(explicit) == 1:
        return next(iter(explicit.values()), None)
    return run


def last_run() -> ActiveRun | None:
    """Give the run that ended last in this context; for the main thread, whose cells a notebook may run in contexts of
    their own, the one that ended last there."""
    found = last.get()
    if found is None and threading.current_thread() is threading.main_thread():
        return _last_of_main
    return found


def set_last(run: ActiveRun) -> None:
    """Note that a run has ended here."""
    global _last_of_main
    last.set(run)
    if threading.current_thread() is threading.main_thread():
        _last_of_main = run


_last_of_main: ActiveRun | None = None

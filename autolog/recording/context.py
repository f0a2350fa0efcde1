"""Where in the program a fact belongs: the context variable that every call and every log function reads.

It travels like any context variable: into asyncio tasks by itself, into joblib's workers with the task (the joblib
plugin). A plain thread starts without one; what it logs goes to the only explicit run of the process, if there is one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

from autolog.recording.decorating import decorated

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["Context", "current", "current_run", "explicit", "forget", "handing", "last_run", "set_last"]


P = ParamSpec("P")
T = TypeVar("T")


class Context(NamedTuple):
    """Where the program stands.

    Args:
        run: the run that facts go to, or None.
        inside: the plugin whose wrapped call is under way, or None; calls inside it are part of it.
        recorded: whether calls of that one open runs: it was asked for.
        paused: nothing is recorded.
        task: the number of the task that this is, among those of one call to a pool, or None: what it trains is a child
            of the run, never the run itself.
        tasks: the tasks that lead here from the run, outermost first: of each, the number of the call to a pool, among
            those of the task or run around it, and the task's number in that.
        handed: what the handler of the wrapped call hands on to those of the calls inside it, plain values; None where
            there is none.
    """

    run: ActiveRun | None = None
    inside: str | None = None
    recorded: bool = False
    paused: bool = False
    task: int | None = None
    tasks: tuple[tuple[int, int], ...] = ()
    handed: dict[str, Any] | None = None


current: ContextVar[Context] = ContextVar("autolog_context", default=Context())  # noqa: B039 (immutable)
last: ContextVar[ActiveRun | None] = ContextVar("autolog_last_run", default=None)

explicit: dict[str, ActiveRun] = {}
"""The runs that `start_run` opened and nobody has ended yet, in this process."""


def current_run() -> ActiveRun | None:
    """Give the run that facts of this context belong to; in a context without one the only explicit run, if any."""
    run = current.get().run
    if run is None and len(explicit) == 1:
        return next(iter(explicit.values()), None)
    return run


class Entered:
    """Is in a context for the body of a `with`, or for the calls of a function that it decorates.

    No `contextmanager`: that assigns to the errors that pass through, which their classes may forbid.
    """

    __slots__ = ("_context", "_token")

    def __init__(self, entered: Context) -> None:
        self._context = entered

    def __enter__(self) -> None:
        self._token = current.set(self._context)

    def __exit__(self, *_: object) -> None:
        current.reset(self._token)

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        return decorated(function, partial(Entered, self._context))


def handing(facts: Mapping[str, Any]) -> Entered:
    """Hand these facts on as well, besides what is handed on already, for the body of a `with`."""
    here = current.get()
    return Entered(here._replace(handed={**(here.handed or {}), **facts}))


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


def forget() -> None:
    """Stand where a program begins: no run, here or anywhere."""
    global _last_of_main
    explicit.clear()
    current.set(Context())
    last.set(None)
    _last_of_main = None

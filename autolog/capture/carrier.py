"""Takes a context with a task into another thread or process, where the task then runs as if it had stayed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from autolog import guard, session
from autolog.patching import UNSEEN, unseen
from autolog.recording import context
from autolog.recording.context import Context

__all__ = ["Carrier"]

_token: Final = os.urandom(8).hex()


@dataclass(frozen=True)
class _Portable:
    """A context as it can be pickled.

    Args:
        options: the calls to `enable`, so that another process can do the same.
        run: what a handle on the active run is made of, or None.
        inside: the plugin whose recorded call the task is part of, or None.
        recorded: whether calls of that one open runs.
        tasks: the tasks that lead to where it is made.
        pool: the number of the call to a pool whose tasks it goes with.
        paused: nothing is recorded.
        handed: what the handler of that call hands on.
        origin: the process that it comes from.
    """

    options: Mapping[str, Any]
    run: Mapping[str, Any] | None
    inside: str | None
    recorded: bool
    paused: bool
    tasks: tuple[tuple[int, int], ...]
    pool: int
    handed: Mapping[str, Any] | None
    origin: str


class Carrier:
    """The context in which it is made, to be entered elsewhere; loads wherever autolog is installed."""

    def __init__(self) -> None:
        here = self._context = context.current.get()._replace(run=context.current_run())
        self._pool = 0 if here.run is None else here.run.next_number(("pool", here.tasks))

    @unseen
    def call(self, task: int, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call a function in that context, as the task of this number."""
        run, inside, recorded, paused, _, tasks, handed = self._context
        here = Context(run, inside, recorded, paused, task, (*tasks, (self._pool, task)), handed)
        token = context.current.set(here)
        try:
            return function(*args, **kwargs)
        except BaseException:
            UNSEEN.leave()
            raise
        finally:
            context.current.reset(token)

    def __reduce__(self) -> tuple[Callable[[_Portable], Carrier], tuple[_Portable]]:
        here, current = self._context, session.get()
        run = None if here.run is None else here.run.portable()
        place = here.inside, here.recorded, here.paused, here.tasks, self._pool, here.handed
        return _unpacked, (_Portable(current.portable(), run, *place, _origin()),)


def _unpacked(portable: _Portable) -> Carrier:
    """Make the carrier in another process; one that cannot be set up there records nothing."""
    carrier = Carrier.__new__(Carrier)
    arrived = guard.call("carrier.arrive", None, _arrive, portable)
    carrier._context, carrier._pool = arrived or Context(paused=True), portable.pool  # noqa: SLF001 (its own constructor)
    return carrier


def _arrive(portable: _Portable) -> Context:
    if portable.paused:
        return Context(paused=True)
    if portable.origin != _origin():  # dask's workers may be threads of the program's own process
        session.get().adopt(portable.options)
    run = None if portable.run is None else session.get().recorder.carried(portable.run, portable.inside)
    return Context(run, portable.inside, portable.recorded, tasks=portable.tasks, handed=dict(portable.handed or {}))


def _origin() -> str:
    """Name this process; a forked child is another."""
    return f"{os.getpid()}-{_token}"

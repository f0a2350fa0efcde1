"""The end of a child of multiprocessing's: it leaves by `os._exit`, which calls nothing that `atexit` was given."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Final

from autolog import guard

__all__ = ["at_end", "watch"]

_LAST: Final = -100  # after what the program and multiprocessing's queues do at the end, which may log

_then: list[Callable[[BaseException | None], None]] = []


def at_end(then: Callable[[BaseException | None], None]) -> None:
    """Have `then(error)` called where such a child ends; with the error that ends it, if any."""
    _then.append(then)


def watch() -> None:
    """Be told of this process's end, if it is such a child; to be called once there is something to end in it."""
    _watch(os.getpid())


@functools.lru_cache(maxsize=1)
def _watch(pid: int) -> None:
    """Register in each process anew: multiprocessing forgets in a child what its parent has registered."""
    process, util = (sys.modules.get(f"multiprocessing.{name}") for name in ("process", "util"))
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, _end, exitpriority=_LAST)


def _end() -> None:
    """End what there is; multiprocessing calls this while the error of its target is on its way, if there is one."""
    error = sys.exc_info()[1]
    for then in _then:
        guard.call("journal.end", None, then, error)

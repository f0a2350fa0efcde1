"""Work that is done a few pieces at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["abreast"]

_T = TypeVar("_T")


def abreast(work: Callable[[_T], object], pieces: Iterable[_T], threads: int) -> None:
    """Do all pieces of some work, on this thread and on others; an interpreter that ends may start no others.

    Args:
        work: does one piece.
        pieces: what it is called with.
        threads: so many at most, this one included.

    Raises:
        Exception: what the first piece raised that failed; no more are begun then.
    """
    waiting, failures = deque(pieces), list[Exception]()

    def serve() -> None:
        while not failures:
            try:
                piece = waiting.popleft()
            except IndexError:
                return
            try:
                work(piece)
            except Exception as error:  # noqa: BLE001 (which is raised on the thread that asked)
                failures.append(error)

    more = range(min(threads, len(waiting)) - 1)
    others = [threading.Thread(target=serve, name="autolog-delivery", daemon=True) for _ in more]
    started = [each for each in others if _starts(each)]
    serve()
    for each in started:
        each.join()
    if failures:
        raise failures[0]


def _starts(thread: threading.Thread) -> bool:
    try:
        thread.start()
    except RuntimeError:
        return False
    return True

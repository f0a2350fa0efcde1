"""A lock between processes, held while one of them serves a destination; it goes with the process that holds it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["lease"]

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

    def _take(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]

else:

    def _take(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def lease(path: Path) -> Iterator[bool]:
    """Hold the lock while the block runs; gives False where somebody else, here or in another process, holds it.

    Args:
        path: the file to lock; it is made, with its folder.
    """
    path.parent.mkdir(exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        try:
            _take(file)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(file)

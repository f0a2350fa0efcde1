"""A lock between processes, held while one of them serves a destination; it goes with the process that holds it.

A forked child has the parent's files, and a lock lasts as long as anybody has its file: so the child closes them. It
unlocks nothing, since that would be for the parent too.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from autolog.paths import make_folder

__all__ = ["lease"]

_open: Final[set[int]] = set()

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

    Raises:
        OSError: it cannot be; FileNotFoundError where the folder above is not there.
    """
    make_folder(path.parent)
    file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    _open.add(file)
    try:
        try:
            _take(file)
        except OSError:
            yield False
            return
        yield True
    finally:
        _open.discard(file)
        os.close(file)


def _close_inherited() -> None:
    for file in _open:
        os.close(file)
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_inherited)

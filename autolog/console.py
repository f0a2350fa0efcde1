"""What people see on stderr; stdout is never ours: lines, and on a terminal one that stands below and is rewritten."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from typing import Final, TextIO

from autolog import guard

__all__ = ["erase", "say", "stand", "terminal"]


def say(line: str) -> None:
    """Write a line to stderr, if there is one, at once: other threads write there too.

    A pipe that is full because nobody reads it is not waited for; the line is dropped.
    """
    if sys.stderr is not None and _takes_a_line(sys.stderr):
        guard.call("console.say", None, print, f"autolog: {line}\n", end="", file=sys.stderr, flush=True)


def _takes_a_line(stream: TextIO | int) -> bool:
    """Say whether a line can be written without waiting; what is no file of the system's is taken to be memory."""
    try:
        return bool(select.select([], [stream], [], 0)[1])
    except Exception:  # a stream of the user's may answer `fileno` in any way
        return True


# ---- the line that stands

_ERASE: Final = b"\x1b[J"  # from the cursor on
_DOWN: Final = b"\x1bD\x1bD\x1b7\r"  # two rows, noting the column: two lines, such as a warning's, fit above it
_BACK: Final = b"\x1b8\x1b[2A"
_COLUMNS: Final = 80  # where the terminal does not know


def terminal() -> int | None:
    """Give the number of the file that stderr is, where that is a terminal in which a cursor can be moved.

    A stream that the program, or a notebook, put in the place of Python's own is none: it may keep what it is given.
    """
    stream = sys.__stderr__
    if stream is None or stream.closed or sys.stderr is not stream or os.environ.get("TERM", "dumb") == "dumb":
        return None
    return stream.fileno() if stream.isatty() else None


def stand(file: int, line: str) -> None:
    """Show a line, cut to the terminal's width, below the cursor, in the place of the one that stood there.

    The cursor comes back to where it was, so what the program writes next, or has half written, stays whole; of many
    short lines at once, the third can have the rest of this one behind it.
    """
    text = f"autolog: {line}".encode("ascii", "backslashreplace")[: _columns(file) - 1]
    _write(file, _ERASE + _DOWN + text + _BACK)


def erase(file: int) -> None:
    """Take away the line that stands."""
    _write(file, _ERASE)


def _write(file: int, data: bytes) -> None:
    """Write past Python's buffer, in which a line of the program's may wait; nothing to a terminal that is held, nor
    from the background of a shell, where another program has it."""
    with contextlib.suppress(OSError):  # it was closed
        if _takes_a_line(file) and _is_ours(file):
            os.write(file, data)


def _columns(file: int) -> int:
    with contextlib.suppress(OSError):
        return os.get_terminal_size(file).columns or _COLUMNS
    return _COLUMNS


def _is_ours(file: int) -> bool:
    try:
        return os.tcgetpgrp(file) == os.getpgrp()
    except OSError:  # a terminal without jobs
        return True

"""The lines that people see on stderr; stdout is never ours."""

from __future__ import annotations

import select
import sys
from typing import TextIO

from autolog import guard

__all__ = ["say"]


def say(line: str) -> None:
    """Write a line to stderr, if there is one, at once: other threads write there too.

    A pipe that is full because nobody reads it is not waited for; the line is dropped.
    """
    if sys.stderr is not None and _takes_a_line(sys.stderr):
        guard.call("console.say", None, print, f"autolog: {line}\n", end="", file=sys.stderr, flush=True)


def _takes_a_line(stream: TextIO) -> bool:
    """Say whether a line can be written without waiting; what is no file of the system's is taken to be memory."""
    try:
        return bool(select.select([], [stream], [], 0)[1])
    except Exception:  # a stream of the user's may answer `fileno` in any way
        return True

"""The lines that people see on stderr; stdout is never ours."""

from __future__ import annotations

import sys

from autolog import guard

__all__ = ["say"]


def say(line: str) -> None:
    """Write a line to stderr, if there is one, at once: other threads write there too."""
    if sys.stderr is not None:
        guard.call("console.say", None, print, f"autolog: {line}\n", end="", file=sys.stderr, flush=True)

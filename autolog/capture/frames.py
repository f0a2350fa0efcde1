"""The program's stack as a plugin may read it: the user's frames, and the names that objects have there."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any, Final, TypeVar

from autolog.patching import is_unseen

__all__ = ["items", "module_of", "name_in", "outwards", "users_outwards", "values"]

T = TypeVar("T")

_OURS: Final = 3  # references to the dict of a frame's variables: the frame's, the variable's, the argument's
_SNAPSHOT: Final = sys.version_info < (3, 13)
"""Before Python 3.13 a function's `f_locals` is a dict that the frame keeps, and with it all that was in it."""


def outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """Give the frames from that one to the program's first."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def users_outwards(frame: FrameType | None, *libraries: str) -> Iterator[FrameType]:
    """Give the frames from that one to the program's first, without ours and those of some libraries.

    Args:
        frame: where to begin.
        libraries: their top-level modules.
    """
    for each in outwards(frame):
        if not is_unseen(each.f_code) and module_of(each).partition(".")[0] not in libraries:
            yield each


def module_of(frame: FrameType) -> str:
    """Give the full name of the module that a frame's code stands in."""
    return str(frame.f_globals.get("__name__"))


def name_in(frame: FrameType, value: object) -> str | None:
    """Search the names that the function itself uses: first its variables, then the globals among them."""
    code = frame.f_code
    names = (*code.co_varnames, *code.co_cellvars, *code.co_freevars, *code.co_names)
    found = next((name for name, each in zip(names, values(frame, names), strict=True) if each is value), None)
    return found or next((name for name in code.co_names if frame.f_globals.get(name) is value), None)


def values(frame: FrameType, names: Iterable[str]) -> list[Any]:
    """Give the values that a function's variables have, None where there is no such variable."""
    return _read(frame, lambda found: [found.get(name) for name in names])


def items(frame: FrameType) -> list[tuple[str, Any]]:
    """Give a function's variables, or a module's, with their names."""
    return _read(frame, lambda found: list(found.items()))


def _read(frame: FrameType, read: Callable[[dict[str, Any]], list[T]]) -> list[T]:
    """Read a frame's variables, and have its copy of them keep none alive, so that what the user deletes is freed."""
    code, found = frame.f_code, frame.f_locals
    held = sys.getrefcount(found) > _OURS  # by a user who called locals()
    given = read(found)
    if _SNAPSHOT and code.co_flags & inspect.CO_OPTIMIZED and not held:
        for name in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
            found.pop(name, None)
    return given

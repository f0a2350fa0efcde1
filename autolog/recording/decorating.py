"""Functions of which each call is a run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

__all__ = ["decorated"]

P = ParamSpec("P")
T = TypeVar("T")


def decorated(function: Callable[P, T], begin: Callable[[], AbstractContextManager[Any]]) -> Callable[P, T]:
    """Give the function with each call inside a run; a coroutine function stays one."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
            with begin():
                return await function(*args, **kwargs)

        return awaited  # type: ignore[return-value]

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        with begin():
            return function(*args, **kwargs)

    return called

"""An attribute that is found out when it is first asked for.

`functools.cached_property` has a lock until Python 3.12, one for all instances: while one of them waits for a network
the others do, and a child that is forked meanwhile waits for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["lazy"]

_T = TypeVar("_T")


class lazy(Generic[_T]):  # noqa: N801 (a decorator)
    """Make a method an attribute, which keeps what the method gives; two threads may find it out twice.

    Args:
        find: the method.
    """

    def __init__(self, find: Callable[[Any], _T]) -> None:
        self._find = find
        self._name = find.__name__
        self.__doc__ = find.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[_T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> _T: ...

    def __get__(self, instance: object | None, owner: type) -> lazy[_T] | _T:
        """Find it out: later the instance has an attribute of that name, which goes before this."""
        if instance is None:
            return self
        found = vars(instance)[self._name] = self._find(instance)
        return found

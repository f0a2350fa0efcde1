"""Knowing objects by their identity, for as long as they live: nothing is attached to them, and none is kept alive."""

from __future__ import annotations

import weakref
from typing import Any

__all__ = ["ByIdentity"]


class ByIdentity:
    """A mapping from living objects to values that neither compares nor keeps the objects."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def __setitem__(self, key: object, value: Any) -> None:
        number = id(key)
        self._entries[number] = (weakref.ref(key, lambda _: self._entries.pop(number, None)), value)

    def get(self, key: object) -> Any:
        """Give the value of an object, None where it has none."""
        reference, value = self._entries.get(id(key), (None, None))
        return value if reference is not None and reference() is key else None

    def pop(self, key: object) -> Any:
        """Give the value of an object, and forget it."""
        value = self.get(key)
        if value is not None:
            self._entries.pop(id(key), None)
        return value

"""Knowing objects by their identity, for as long as they live: nothing is attached to them, and none is kept alive."""

from __future__ import annotations

import weakref
from typing import Any

__all__ = ["ByIdentity", "LastOne"]


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


class LastOne:
    """The value of one living object, that which was given one last: what is large is held once at most."""

    def __init__(self) -> None:
        self._entry: tuple[weakref.ref[Any], Any] | None = None

    def put(self, key: object, value: Any) -> None:
        """Hold a value until it is taken, another is put, or the object has died."""
        self._entry = (weakref.ref(key, self._died), value)

    def _died(self, reference: weakref.ref[Any]) -> None:
        if self._entry is not None and self._entry[0] is reference:
            self._entry = None

    def get(self, key: object) -> Any:
        """Give the value of an object, None where another has one."""
        entry = self._entry
        return None if entry is None or entry[0]() is not key else entry[1]

    def take(self, key: object) -> Any:
        """Give the value of an object, None where another has one, and hold it no longer."""
        value = self.get(key)
        if value is not None:
            self._entry = None
        return value

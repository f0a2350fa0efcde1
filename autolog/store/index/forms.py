"""Values in the form in which SQLite compares and orders them as filters do.

Numbers are numbers. Everything else is a blob whose first byte says what it is, so that SQLite's own order (numbers,
then blobs byte by byte) is that of docs/filters.md: numbers, texts, booleans, the rest by its text. None and NaN, which
no order has, come behind these, and last what only Python can compare.
"""

from __future__ import annotations

import math
from typing import Any, Final, TypeAlias

from autolog.store.comparing import text_of
from autolog.values import LargeValue

__all__ = ["BEHIND_TEXTS", "NOTHING", "ODD", "UNORDERED", "Form", "form", "said"]

Form: TypeAlias = int | float | bytes

_TEXT: Final = b"t"
BEHIND_TEXTS: Final = b"u"
"""All forms of texts lie before this one."""
_BOOLEANS: Final = (b"u0", b"u1")
_OTHER: Final = b"v"
NOTHING: Final = b"x"
"""None, where it was logged."""
UNORDERED: Final = NOTHING
"""Forms from this one on stand outside every order."""
_NAN: Final = b"y"
ODD: Final = b"z"
"""What SQLite cannot compare: integers of more than 64 bits, and values that lie in files of their own."""
_LIMIT: Final = 1 << 63


def form(value: Any) -> Form:
    """Give a value's form."""
    if isinstance(value, str):
        return _TEXT + _bytes(value)
    if isinstance(value, bool):
        return _BOOLEANS[value]
    if isinstance(value, int):
        return int(value) if -_LIMIT <= value < _LIMIT else ODD
    if isinstance(value, float):
        return _NAN if value != value else float(value)
    if isinstance(value, LargeValue):
        return ODD
    return NOTHING if value is None else _OTHER + _bytes(text_of(value))


def said(found: Form) -> Any:
    """Give a value that compares as the one that the form was made of; of a text the text itself."""
    if not isinstance(found, bytes):
        return found
    if found[:1] in (_TEXT, _OTHER):
        return found[1:].decode("utf-8", "surrogatepass")
    return {_BOOLEANS[0]: False, _BOOLEANS[1]: True, _NAN: math.nan}.get(found)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

"""Comparing stored values with a filter's literals, and ordering values of all types, as docs/filters.md says."""

from __future__ import annotations

import functools
import json
import operator
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ABSENT", "TESTS", "Scalar", "Value", "compact_json", "number", "rank", "text_of"]

Scalar: TypeAlias = str | int | float | bool
"""A literal: a `str` was quoted in the filter, the others were not."""
Value: TypeAlias = Scalar | tuple[Scalar, ...] | None
"""What a comparison compares with: IN takes a tuple, IS NULL None, all else a scalar."""

ABSENT = object()
"""What stands for the value of a name that a run does not have."""


# ---- the text of a value


def compact_json(value: Any) -> str:
    """Give a value as JSON without spaces; what JSON does not have (a date, bytes) as its text, a set sorted."""
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_json_default)
    except TypeError:  # a key that is no text
        return str(value)


def _json_default(value: Any) -> Any:
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else text_of(value)


def text_of(value: Any) -> str:
    """Give the text that a value of no plain type compares as, and that `LIKE` sees of any."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    is_json = value is None or isinstance(value, bool | int | float | list | tuple | dict | set | frozenset)
    return compact_json(value) if is_json else str(value)


# ---- bringing two values to one type

_Kind: TypeAlias = Literal["number", "text", "boolean", "null", "other"]
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|infinity|inf|nan)", re.IGNORECASE)
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}


def _kind(value: Any) -> _Kind:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "null" if value is None else "other"


def number(text: str) -> int | float | None:
    """Read a number as filters write it, or give None; whole numbers stay exact."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return int(text)
    except ValueError:
        return float(text)


_READERS: Mapping[_Kind, Callable[[str], Any]] = {"number": number, "boolean": _BOOLEANS.get}


def _aligned(stored: Any, literal: Scalar) -> tuple[Any, Any] | None:
    """Bring both to one type, or give None where they have none in common.

    Whichever of the two is text is read as what the other one is; None reads as the text 'None'.
    """
    if _kind(stored) == "other":
        stored = text_of(stored)
    kinds = _kind(stored), _kind(literal)
    if kinds == ("null", "text"):
        return "None", literal
    left = _READERS[kinds[1]](stored) if kinds[0] == "text" != kinds[1] else stored
    right = _READERS[kinds[0]](str(literal)) if kinds[1] == "text" != kinds[0] else literal
    return (left, right) if _kind(left) == _kind(right) else None


# ---- the comparators


def _equal(stored: Any, literal: Scalar) -> bool:
    pair = _aligned(stored, literal)
    return pair is not None and (pair[0] == pair[1] or (pair[0] != pair[0] and pair[1] != pair[1]))


def _among(stored: Any, literals: tuple[Scalar, ...]) -> bool:
    return any(_equal(stored, literal) for literal in literals)


def _ordered(compare: Callable[[Any, Any], bool], stored: Any, literal: Scalar) -> bool:
    if stored is None or isinstance(stored, bool):
        return False
    pair = _aligned(stored, literal)
    return pair is not None and compare(*pair)


def _like(flags: int, stored: Any, pattern: str) -> bool:
    return stored is not None and _like_regex(pattern, flags).fullmatch(text_of(stored)) is not None


def _like_regex(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(_regex(pattern), flags | re.DOTALL)


@functools.lru_cache(maxsize=256)
def _regex(pattern: str) -> str:
    r"""Translate LIKE: `%` is any text, `_` one character, `\%`, `\_` and `\\` are themselves.

    What stands between two `%` is matched at its first place and never elsewhere (a lookahead is not entered twice),
    so that no pattern takes exponential time.
    """
    pieces = [""]
    for part in re.findall(r"\\[%_\\]|.", pattern, re.DOTALL):
        if part == "%":
            pieces.append("")
        else:
            pieces[-1] += "." if part == "_" else re.escape(part[-1])
    first, *others = pieces
    if not others:
        return first
    jumps = (f"(?=(?P<p{i}>.*?{piece}))(?P=p{i})" for i, piece in enumerate(others[:-1]) if piece)
    return f"{first}{''.join(jumps)}.*{others[-1]}"


def _negated(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda stored, value: not test(stored, value)


_POSITIVE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": _equal,
    "<": functools.partial(_ordered, operator.lt),
    "<=": functools.partial(_ordered, operator.le),
    ">": functools.partial(_ordered, operator.gt),
    ">=": functools.partial(_ordered, operator.ge),
    "LIKE": functools.partial(_like, 0),
    "ILIKE": functools.partial(_like, re.IGNORECASE),
    "IN": _among,
}
TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    **_POSITIVE,
    "!=": _negated(_equal),
    **{f"NOT {name}": _negated(_POSITIVE[name]) for name in ("LIKE", "ILIKE", "IN")},
}
"""What each comparator does with a stored value (never `ABSENT`) and the value in the filter."""


# ---- order

_GROUPS: tuple[_Kind, ...] = ("number", "text", "boolean", "other")


def rank(value: Any) -> tuple[int, Any] | None:
    """Place a value among those of all types: numbers, texts, false and true, then the rest by its text.

    Args:
        value: as stored, or `ABSENT`.

    Returns:
        A key to sort by; None for what is absent, None or NaN, and so stands outside every order.
    """
    if value is ABSENT or value is None or value != value:
        return None
    kind = _kind(value)
    return _GROUPS.index(kind), text_of(value) if kind == "other" else value

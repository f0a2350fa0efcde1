"""What the value of an option may be: how it is said, checked, and read from text."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = [
    "COUNT",
    "FLAG",
    "FORMAT",
    "NAME",
    "NAMES",
    "PLACES",
    "SIZE",
    "TAGS",
    "WAIT",
    "Kind",
    "or_none",
    "says_off",
]

_LONGEST_WAIT = 86_400.0
_ON = frozenset({"1", "true", "yes", "on"})
_OFF = frozenset({"0", "false", "no", "off"})


class Kind(NamedTuple):
    """A type of value.

    Args:
        words: what is taken, for people.
        take: gives the value in its one canonical form; raises ValueError for what it cannot take.
        parse: reads the text of an environment variable into something for `take`; raises ValueError.
    """

    words: str
    take: Callable[[Any], Any]
    parse: Callable[[str], Any]


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def _places(value: Any) -> tuple[str, ...]:
    places = _names([os.fspath(place) for place in (value if isinstance(value, (list, tuple)) else [value])])
    if not places:
        raise ValueError
    return places


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (str, list, tuple)):
        raise ValueError
    return tuple(_text(name) for name in ([value] if isinstance(value, str) else value))


def _tags(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError
    return {_text(name): tag for name, tag in value.items()}


def _count(value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ValueError
    count = operator.index(value)
    if count < 0:
        raise ValueError
    return count


def _size(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError
    size = float(value)
    if not 0 <= size < math.inf:  # so written, it refuses NaN too
        raise ValueError
    return size


def _wait(value: Any) -> float:
    seconds = _size(value)
    if seconds > _LONGEST_WAIT:
        raise ValueError
    return seconds


def _format(value: Any) -> str:
    if value not in ("pickle", "skops"):
        raise ValueError
    return str(value)


def _parse_flag(text: str) -> bool:
    word = text.strip().lower()
    if word not in _ON | _OFF:
        raise ValueError
    return word in _ON


def says_off(text: str) -> bool:
    """Whether a text spells False."""
    return text.strip().lower() in _OFF


def _parse_list(text: str) -> Any:
    if text.lstrip().startswith("["):
        return _json(text)
    return [item.strip() for item in text.split(",") if item.strip()]


def _parse_tags(text: str) -> Any:
    if text.lstrip().startswith("{"):
        return _json(text)
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError
    return {name.strip(): tag.strip() for name, _, tag in pairs}


def _json(text: str) -> Any:
    import json  # only here: most programs set no list by the environment

    return json.loads(text)


def or_none(kind: Kind) -> Kind:
    """Give a kind that also takes None, written `none` in the environment."""
    return Kind(
        f"{kind.words}, or None",
        lambda value: None if value is None else kind.take(value),
        lambda text: None if text.strip().lower() == "none" else kind.parse(text),
    )


FLAG = Kind("True or False", _flag, _parse_flag)
NAME = Kind("a name", _text, str.strip)
PLACES = Kind("a path or URI, or a list of them", _places, _parse_list)
NAMES = Kind("a name pattern, or a list of them", _names, _parse_list)
TAGS = Kind("a dict of tags by name", _tags, _parse_tags)
FORMAT = Kind("'pickle' or 'skops'", _format, str.strip)
COUNT = Kind("a whole number, 0 or more", _count, int)
SIZE = Kind("a number, 0 or more", _size, float)
WAIT = Kind(f"a number of seconds from 0 to {_LONGEST_WAIT:.0f}", _wait, float)

"""Values as the JSON that the page reads: what JSON has as it is, everything else as text beside its type."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from autolog.values import LargeValue

__all__ = ["JSON", "brief", "seconds", "to_json", "typed"]

JSON = Any
_EXACT: Final = 2**53  # a browser's numbers are floats
_DEEPEST: Final = 40
_BRIEF: Final = 300  # characters


def typed(value: Any, depth: int = 0) -> JSON:
    """Give a value: `{"text": …, "type": …}` for what JSON, or a browser, does not have."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, int) and abs(value) <= _EXACT:
        return value
    if depth > _DEEPEST:
        return {"text": "…", "type": type(value).__name__}
    if type(value) is list:
        return [typed(item, depth + 1) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: typed(item, depth + 1) for key, item in value.items()}
    return {"text": _text(value), "type": "large" if isinstance(value, LargeValue) else type(value).__name__}


def _text(value: Any) -> str:
    """Give a value as Python writes it; an interpreter refuses decimals of many digits."""
    try:
        return str(value) if isinstance(value, LargeValue) else repr(value)
    except ValueError:
        return hex(value)


def brief(value: Any) -> JSON:
    """Give a value for a table's cell: of a long one the beginning, as text, and how many characters it has."""
    text = value if isinstance(value, str) else None
    if isinstance(value, (list, tuple, Mapping)):
        text = json.dumps(typed(value))
    if text is None or len(text) <= _BRIEF:
        return typed(value)
    return {"text": f"{text[:_BRIEF]}…", "type": type(value).__name__, "length": len(text)}


def seconds(time: Any) -> float | None:
    """Give a time in seconds since the epoch."""
    return None if time is None else float(time.timestamp())


def to_json(document: Any) -> bytes:
    """Write a document of dataclasses; in ASCII, which half a surrogate pair also has a form in."""
    return json.dumps(document, default=vars, allow_nan=False, separators=(",", ":")).encode("ascii")

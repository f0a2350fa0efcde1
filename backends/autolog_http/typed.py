"""Values as the texts that a server keeps, and which of them these texts do not give back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from autolog.values import LargeValue, encode

__all__ = ["ELSEWHERE", "obvious", "untold", "written"]

ELSEWHERE: Final = "artifact"
"""Stands for values that are too long for a tag: the journals among the run's artifacts have them."""

_CONSTANTS: Final[Mapping[str, Any]] = {"True": True, "False": False, "None": None}
_INT: Final = re.compile(r"-?[0-9]{1,600}\Z")


def obvious(text: str) -> Any:
    """Give what a text most likely says: True, False, None, an int, a float, or else itself."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.match(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def untold(values: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Give those values that their texts do not give back.

    Args:
        values: as recorded, by name.
        texts: what is sent for each.
    """
    return {name: value for name, value in values.items() if not _is_same(value, obvious(texts[name]))}


def written(values: Mapping[str, Any], limit: int) -> str | None:
    """Give values as typed JSON; None where there are none, and `ELSEWHERE` where it would be too long.

    Args:
        values: by name.
        limit: the characters that there is room for.
    """
    if not values:
        return None
    if any(isinstance(value, LargeValue) for value in values.values()):
        return ELSEWHERE
    text = json.dumps({name: encode(value) for name, value in values.items()}, separators=(",", ":"))
    return text if len(text) <= limit else ELSEWHERE


def _is_same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and repr(one) == repr(other)

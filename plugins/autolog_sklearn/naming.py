"""What a user's metric is called: by the function, the data, and the arguments that change its meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from types import FunctionType
from typing import Any, Final

import numpy as np

from autolog.capture.calls import Call
from autolog.capture.signatures import defaults

__all__ = ["function_name", "key", "meaning"]

_PLAIN: Final = (str, int, float)
_SHORT: Final = 20
_PRESENTING: Final = frozenset({"digits", "output_dict", "target_names"})
"""Parameters that only say how the numbers are shown."""


def key(metric: str, data: str | None, meaning: Mapping[str, Any], how: str | None = None) -> str:
    """Name a series; how it was linked is part of the name, so that what is less certain never joins what is sure."""
    shown = ", ".join(f"{name}={value}" for name, value in sorted(meaning.items()))
    return f"{metric}{f'_{data}' if data else ''}{f'({shown})' if shown else ''}{f'[{how}]' if how else ''}"


def meaning(call: Call, function: Any, given: Mapping[str, Any], data: Iterable[str] = ()) -> dict[str, Any]:
    """Give the arguments that differ from their defaults; arrays are named, not shown.

    Args:
        call: knows the user's names.
        function: what was called with them.
        given: the arguments by name.
        data: those that are data; they are left out.
    """
    usual, left_out = defaults(function), {*data, *_PRESENTING}
    return {
        name: _shown(call, value)
        for name, value in given.items()
        if name not in left_out and value is not None and not _is_default(value, usual.get(name))
    }


def _shown(call: Call, value: Any) -> Any:
    """Give a number or text, or a short list of them, as it is, a function by its name, anything else by the user's."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in _PLAIN or isinstance(value, bool) or _is_short(value):
        return value
    return function_name(value) if isinstance(value, FunctionType) else call.variable_name(value) or "…"


def _is_short(value: Any) -> bool:
    return type(value) in (list, tuple) and len(value) <= _SHORT and all(type(each) in _PLAIN for each in value)


def _is_default(value: object, default: object) -> bool:
    return value is default or (type(value) in (*_PLAIN, bool) and type(value) is type(default) and value == default)


def function_name(function: Any) -> str:
    """Give the name of a function, of the one inside a partial, or of a callable object's class."""
    while type(function) is partial:
        function = function.func
    return str(function.__name__) if type(function).__module__ == "builtins" else type(function).__name__

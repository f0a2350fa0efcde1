"""Columnar batches of metric points: a series' steps, values and times as three columns.

A column of floats is the base64 of little-endian float64, so that every value, NaN and infinity included, comes back
as it was. A column of integers is its first value (`start`) and either the constant difference (`by`) or the base64 of
the `deltas` as little-endian signed integers of the smallest `width` in bytes that holds them all; where eight do not,
it is the base64 of `all` integers themselves.
"""

from __future__ import annotations

import binascii
import itertools
import operator
import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

__all__ = ["Columns", "decode", "encode", "sound"]

_CODES: Final = {1: "b", 2: "h", 4: "i", 8: "q"}
_LIMIT: Final = 1 << 63
_NO_NUMBER: Final = (Exception, SystemExit, GeneratorExit)  # whatever the code says that makes a number of a value
_SWAP: Final = sys.byteorder == "big"


class Columns(NamedTuple):
    """Points of one series, in the order they were logged; times are in microseconds since the epoch."""

    steps: Sequence[int]
    values: Sequence[float]
    times: Sequence[int]


def encode(columns: Columns) -> dict[str, Any]:
    """Give the points of a series as JSON."""
    return {
        "n": len(columns.values),
        "step": _encode_integers(columns.steps),
        "value": _base64(array("d", columns.values)),
        "time": _encode_integers(columns.times),
    }


def sound(columns: Columns) -> Columns:
    """Give plain numbers, without the points whose step is no whole number of 64 bits, or whose value is no number."""
    try:
        return Columns(array("q", columns.steps), array("d", columns.values), columns.times)
    except _NO_NUMBER:
        found = [each for point in zip(*columns, strict=True) for each in _plain(*point)]
        return Columns(*map(list, zip(*found, strict=True))) if found else Columns([], [], [])


def _plain(step: Any, value: Any, time: int) -> list[tuple[int, float, int]]:
    try:
        return [(array("q", [step])[0], array("d", [value])[0], time)]
    except _NO_NUMBER:
        return []


def decode(data: Mapping[str, Any]) -> Columns:
    """Give the points back.

    Raises:
        ValueError: the columns are not of one length, or not what `encode` writes.
    """
    values = _array("d", data["value"])
    if data["n"] != len(values):
        raise ValueError(f"a series says it has {data['n']!r} points and holds {len(values)}")
    steps, times = (_decode_integers(data[name], len(values)) for name in ("step", "time"))
    if len(steps) != len(values) or len(times) != len(values):
        raise ValueError("the columns of a series differ in length")
    return Columns(steps, values, times)


def _base64(values: array[Any]) -> str:
    if _SWAP:
        values.byteswap()
    return binascii.b2a_base64(values.tobytes(), newline=False).decode("ascii")


def _array(code: str, text: str) -> array[Any]:
    values: array[Any] = array(code)
    values.frombytes(binascii.a2b_base64(text))
    if _SWAP:
        values.byteswap()
    return values


def _encode_integers(values: Sequence[int]) -> dict[str, Any]:
    if not values:
        return {"start": 0, "by": 0}
    deltas = list(map(operator.sub, values[1:], values))
    low, high = (min(deltas), max(deltas)) if deltas else (0, 0)
    width = next((width for width in _CODES if _fits(low, width) and _fits(high, width)), None)
    if width is None:
        return {"all": _base64(array("q", values))}
    if low == high:
        return {"start": values[0], "by": low}
    return {"start": values[0], "width": width, "deltas": _base64(array(_CODES[width], deltas))}


def _fits(value: int, width: int) -> bool:
    return -(1 << 8 * width - 1) <= value < 1 << 8 * width - 1


def _decode_integers(data: Mapping[str, Any], count: int) -> Sequence[int]:
    if "all" in data:
        return _array("q", data["all"])
    if "by" in data:
        start, by = _integer(data["start"]), _integer(data["by"])
        _integer(start + by * max(count - 1, 0))
        return range(start, start + by * count, by) if by else [start] * count
    values = list(itertools.accumulate(_array(_CODES[data["width"]], data["deltas"]), initial=_integer(data["start"])))
    if not -_LIMIT <= min(values) <= max(values) < _LIMIT:
        raise ValueError("a column of integers leaves 64 bits")
    return values


def _integer(value: Any) -> int:
    if type(value) is not int or not -_LIMIT <= value < _LIMIT:
        raise ValueError(f"a column of integers has {value!r:.40} where an integer of 64 bits belongs")
    return value

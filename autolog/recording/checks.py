"""The door of what is logged: names, numbers, steps and times, checked and made plain."""

from __future__ import annotations

import fnmatch
import operator
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from autolog.exceptions import UsageError
from autolog.journal.points import Columns

__all__ = ["UNFIT", "columns", "matches", "named", "nanoseconds", "number", "step"]

UNFIT: Final = (struct.error, TypeError, ValueError, OverflowError, RuntimeError)
"""What is no number raises one of these where it is taken for one."""


def matches(key: str, globs: Sequence[str]) -> bool:
    """Say whether a name fits one of the patterns."""
    return any(fnmatch.fnmatchcase(key, glob) for glob in globs)


def named(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Check the names of what is to be logged; a name may be any text."""
    if not isinstance(values, Mapping):
        raise UsageError(f"give a mapping of names to values, not a {type(values).__name__}")
    for name in values:
        if not isinstance(name, str):
            raise UsageError(f"a name must be a str, not {type(name).__name__}: {name!r}")
    return list(values.items())


def number(name: str, value: Any) -> float:
    """Give a metric's value."""
    try:
        return float(value)
    except UNFIT as error:
        raise UsageError(f"metric {name!r} must be a number, not {type(value).__name__}: {error}") from None


def columns(name: str, values: Sequence[float], steps: Sequence[int] | None, time: int) -> Columns:
    """Give a series' points; its steps count from 0 where there are none."""
    try:
        numbers = [number(name, value) for value in values]
    except TypeError:
        raise UsageError(f"metric {name!r} must be a sequence of numbers, not {type(values).__name__}") from None
    whole = range(len(numbers)) if steps is None else list(map(step, steps))
    if len(whole) != len(numbers):
        raise UsageError(f"metric {name!r} has {len(numbers)} values and {len(whole)} steps; give a step for each")
    return Columns(whole, numbers, [time] * len(numbers))


def step(given: Any) -> int:
    """Give a step, 0 where there is none."""
    try:
        whole = 0 if given is None else int(given) if float(given).is_integer() else operator.index(given)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"a step must be a whole number, not {given!r}") from None
    if not -(1 << 63) <= whole < 1 << 63:
        raise UsageError(f"a step must fit into 64 bits; {whole} does not")
    return whole


def nanoseconds(timestamp: Any) -> int:
    """Take milliseconds since the epoch, as MLflow does."""
    try:
        found = int(timestamp * 1_000_000)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"a timestamp must be milliseconds since the epoch, not {timestamp!r}") from None
    if not -(1 << 63) <= found < 1 << 63:
        raise UsageError(f"a timestamp must be milliseconds since the epoch; {timestamp!r} is out of range")
    return found

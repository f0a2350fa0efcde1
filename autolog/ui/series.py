"""Metrics as curves: every point where there are few, else the least, greatest and last of each bucket."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from autolog.ui import axes
from autolog.ui.axes import Axis
from autolog.ui.typed import JSON, typed

if TYPE_CHECKING:
    from autolog.store.run import Run

__all__ = ["Curve", "Window", "curve", "spark"]

_SPARK: Final = 40  # points


@dataclass(frozen=True)
class Window:
    """What of a series is looked at: between two places on an axis, in so many buckets at most."""

    x: Axis = "step"
    low: float = -math.inf
    high: float = math.inf
    buckets: int = 1000


@dataclass(frozen=True)
class Curve:
    """A series for the screen; a place in the lists is a bucket, or a point where `exact`.

    Args:
        key: the metric.
        x: step, epoch, or seconds since 1970; of a bucket that of its last point.
        low: the least value; null where all are NaN.
        high: the greatest value.
        last: the last value.
        points: how many there are between the ends asked for.
        exact: each place is one point.
        gaps: where a value is NaN.
    """

    key: str
    x: list[float] = field(default_factory=list)
    low: list[JSON] = field(default_factory=list)
    high: list[JSON] = field(default_factory=list)
    last: list[JSON] = field(default_factory=list)
    points: int = 0
    exact: bool = True
    gaps: list[float] = field(default_factory=list)


def curve(run: Run, key: str, window: Window) -> Curve:
    """Give a metric of a run as a curve; no peak is lost.

    Raises:
        UsageError: the run has no such metric.
    """
    xs, values = axes.placed(run, key, window.x)
    begin, end = bisect_left(xs, window.low), bisect_right(xs, window.high)
    points = end - begin
    found = Curve(key, points=points, exact=points <= window.buckets)
    for cut in range(begin + 1, end + 1) if found.exact else _cuts(xs, begin, end, window.buckets):
        _add(found, xs[cut - 1], values[begin:cut])
        begin = cut
    return found


def _cuts(xs: Sequence[float], begin: int, end: int, most: int) -> Iterator[int]:
    """Give where buckets end whose width is a power of two, so that their edges stay as points are added."""
    width = 2.0 ** math.ceil(math.log2(max((xs[end - 1] - xs[begin]) / max(most - 1, 1), 2.0**-20)))
    while begin < end:
        begin = max(begin + 1, bisect_left(xs, (xs[begin] // width + 1) * width, begin, end))
        yield begin


def _add(found: Curve, x: float, bucket: Sequence[float]) -> None:
    """Add a bucket's place, and a gap where one of its values is NaN."""
    values = [value for value in bucket if value == value]
    found.x.append(x)
    found.low.append(typed(min(values)) if values else None)
    found.high.append(typed(max(values)) if values else None)
    found.last.append(typed(values[-1]) if values else None)
    if len(values) < len(bucket):
        found.gaps.append(x)


def spark(run: Run, key: str) -> list[JSON]:
    """Give the values of a metric for a small curve."""
    return curve(run, key, Window(buckets=_SPARK)).last

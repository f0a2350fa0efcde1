"""Metrics as curves: every point where there are few, else the least, greatest and last of each bucket."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from autolog.ui.typed import JSON, typed

if TYPE_CHECKING:
    from autolog.store.run import Run

__all__ = ["Curve", "Window", "curve", "spark"]

_SPARK: Final = 40  # points


@dataclass(frozen=True)
class Window:
    """What of a series is looked at: between two steps or times (in seconds), in so many buckets at most."""

    x: Literal["step", "time"] = "step"
    low: float = -math.inf
    high: float = math.inf
    buckets: int = 1000


@dataclass(frozen=True)
class Curve:
    """A series for the screen; a place in the lists is a bucket, or a point where `exact`.

    Args:
        key: the metric.
        x: step, or seconds since the epoch; of a bucket that of its last point.
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


class _Point(NamedTuple):
    x: float
    value: float


def curve(run: Run, key: str, window: Window) -> Curve:
    """Give a metric of a run as a curve; no peak is lost.

    Raises:
        UsageError: the run has no such metric.
    """
    points = _within(run.history(key), window)
    exact = len(points) <= window.buckets
    found = Curve(key, points=len(points), exact=exact)
    for bucket in ([point] for point in points) if exact else _buckets(points, window.buckets):
        _add(found, bucket)
    return found


def _within(history: Iterable[tuple[int, float, float]], window: Window) -> list[_Point]:
    """Give the points of a window in the order of their x."""
    by_step = window.x == "step"
    points = (_Point(step if by_step else time, value) for step, value, time in history)
    found = [point for point in points if window.low <= point.x <= window.high]
    return found if by_step else sorted(found, key=lambda point: point.x)


def _buckets(points: Sequence[_Point], most: int) -> Iterable[list[_Point]]:
    """Cut points into buckets whose width is a power of two, so that their edges stay as points are added."""
    width = 2.0 ** math.ceil(math.log2(max((points[-1].x - points[0].x) / max(most - 1, 1), 2.0**-20)))
    for _, bucket in groupby(points, key=lambda point: point.x // width):
        yield list(bucket)


def _add(found: Curve, bucket: Sequence[_Point]) -> None:
    """Add a bucket's place, and a gap where one of its values is NaN."""
    values = [point.value for point in bucket if point.value == point.value]
    found.x.append(bucket[-1].x)
    found.low.append(typed(min(values)) if values else None)
    found.high.append(typed(max(values)) if values else None)
    found.last.append(typed(values[-1]) if values else None)
    if len(values) < len(bucket):
        found.gaps.append(bucket[-1].x)


def spark(run: Run, key: str) -> list[JSON]:
    """Give the values of a metric for a small curve."""
    return curve(run, key, Window(buckets=_SPARK)).last

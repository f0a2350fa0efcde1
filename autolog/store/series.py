"""A metric as read: its batches stay encoded until somebody asks for the points."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from autolog.journal import points
from autolog.lazy import lazy
from autolog.store.thinning import Thinned, thin

__all__ = ["Series", "decoded"]


class Series:
    """Points of one metric, gathered from batches in the order of their events, and then only read."""

    def __init__(self) -> None:
        self._batches: list[Mapping[str, Any] | points.Columns] = []

    def add(self, batch: Mapping[str, Any] | points.Columns) -> None:
        """Append a batch, encoded or not."""
        self._batches.append(batch)

    def columns(self) -> Iterator[points.Columns]:
        """Give the batches decoded; one that is not what the format says is passed over."""
        return filter(None, map(decoded, self._batches))

    @property
    def unreadable(self) -> int:
        """How many batches are not what the format says."""
        return self._survey[1]

    @property
    def last(self) -> float | None:
        """The value at the greatest (step, time, arrival)."""
        return self._survey[0]

    @lazy
    def _survey(self) -> tuple[float | None, int]:
        best: tuple[int, int, float | None] = (-1 << 63, -1 << 63, None)
        readable = 0
        for columns in self.columns():
            readable += 1
            for point in _tail(columns):
                best = point if point[:2] >= best[:2] else best
        return best[2], len(self._batches) - readable

    def points(self) -> points.Columns:
        """Give the points as columns, in the order of (step, time) and of their arrival."""
        batches = [points.Columns((), (), ()), *self.columns()]
        steps, values, times = (list(chain.from_iterable(column)) for column in zip(*batches, strict=True))
        if all(map(operator.lt, steps, islice(steps, 1, None))):
            return points.Columns(steps, values, times)
        order = sorted(range(len(steps)), key=list(zip(steps, times, strict=True)).__getitem__)
        return points.Columns(*([column[place] for place in order] for column in (steps, values, times)))

    def history(self) -> list[tuple[int, float, float]]:
        """Give the points as (step, value, seconds), in the order of (step, time) and of their arrival."""
        steps, values, times = self.points()
        return list(zip(steps, values, [moment / 1e6 for moment in times], strict=True))

    def thinned(self, buckets: int, first: int | None, last: int | None) -> Thinned:
        """Give the points from step `first` to step `last` in so many buckets at most."""
        return thin(self.points(), buckets, first, last)


def decoded(batch: Mapping[str, Any] | points.Columns) -> points.Columns | None:
    """Give a batch's columns, None where it is not what the format says."""
    if isinstance(batch, points.Columns):
        return batch
    try:
        return points.decode(batch)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        return None


def _tail(columns: points.Columns) -> Iterator[tuple[int, int, float]]:
    """Give the points that can be the last: those of the greatest step."""
    greatest = max(columns.steps, default=0)
    return (
        (step, moment, value)
        for step, value, moment in zip(columns.steps, columns.values, columns.times, strict=True)
        if step == greatest
    )

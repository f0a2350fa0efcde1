"""A metric as read: its batches stay encoded until somebody asks for the points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from autolog.journal import points

__all__ = ["Series"]


class Series:
    """Points of one metric, gathered from batches in the order of their events, and then only read."""

    def __init__(self) -> None:
        self._batches: list[Mapping[str, Any] | points.Columns] = []

    def add(self, batch: Mapping[str, Any] | points.Columns) -> None:
        """Append a batch, encoded or not."""
        self._batches.append(batch)

    def columns(self) -> Iterator[points.Columns]:
        """Give the batches decoded; one that is not what the format says is passed over."""
        return filter(None, map(_decoded, self._batches))

    @property
    def unreadable(self) -> int:
        """How many batches are not what the format says."""
        return self._survey[1]

    @property
    def last(self) -> float | None:
        """The value at the greatest (step, time, arrival)."""
        return self._survey[0]

    @cached_property
    def _survey(self) -> tuple[float | None, int]:
        best: tuple[int, int, float | None] = (-1 << 63, -1 << 63, None)
        readable = 0
        for columns in self.columns():
            readable += 1
            for point in _tail(columns):
                best = point if point[:2] >= best[:2] else best
        return best[2], len(self._batches) - readable

    def history(self) -> list[tuple[int, float, float]]:
        """Give the points as (step, value, seconds), in the order of (step, time) and of their arrival."""
        found = [
            (step, moment, value)
            for columns in self.columns()
            for step, value, moment in zip(columns.steps, columns.values, columns.times, strict=True)
        ]
        found.sort(key=lambda point: point[:2])
        return [(step, value, moment / 1e6) for step, moment, value in found]


def _decoded(batch: Mapping[str, Any] | points.Columns) -> points.Columns | None:
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

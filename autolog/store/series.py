"""A metric as read: its batches stay encoded until somebody asks for the points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autolog.journal import points

__all__ = ["Series"]


class Series:
    """Points of one metric, gathered from batches in the order of their events."""

    def __init__(self) -> None:
        self._batches: list[Mapping[str, Any] | points.Columns] = []

    def add(self, batch: Mapping[str, Any] | points.Columns) -> None:
        """Append a batch, encoded or not.

        Raises:
            ValueError, KeyError, TypeError: an encoded batch is not what the format says.
        """
        self._batches.append(batch)

    def columns(self) -> list[points.Columns]:
        """Give the batches decoded; one that is not what the format says is passed over."""
        decoded = [batch if isinstance(batch, points.Columns) else _decoded(batch) for batch in self._batches]
        return [columns for columns in decoded if columns is not None]

    def history(self) -> list[tuple[int, float, float]]:
        """Give the points as (step, value, seconds), in the order of (step, time) and of their arrival."""
        found = [
            (step, value, moment / 1e6)
            for columns in self.columns()
            for step, value, moment in zip(columns.steps, columns.values, columns.times, strict=True)
        ]
        return sorted(found, key=lambda point: (point[0], point[2]))

    def last(self) -> float | None:
        """Give the value at the greatest (step, time, arrival)."""
        best: tuple[int, int] | None = None
        value = None
        for columns in self.columns():
            for step, moment, candidate in _tail(columns):
                if best is None or (step, moment) >= best:
                    best, value = (step, moment), candidate
        return value


def _decoded(batch: Mapping[str, Any]) -> points.Columns | None:
    try:
        return points.decode(batch)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, StopIteration):
        return None


def _tail(columns: points.Columns) -> list[tuple[int, int, float]]:
    """Give the points that can be the last: those of the greatest step."""
    if not len(columns.steps):
        return []
    step = max(columns.steps)
    return [
        (step, columns.times[index], columns.values[index])
        for index, candidate in enumerate(columns.steps)
        if candidate == step
    ]

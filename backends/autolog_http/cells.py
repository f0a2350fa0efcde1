"""Where points of a metric lie at a server, which keeps one of two that are equal in step, value and millisecond.

A point takes the first millisecond from its own on at which there is no such point: linear probing. Which cells are
taken in the end does not depend on the order in which the points came, and those of a part of the points are a part of
those of all; so points that are sent again lie where they lay.

Nearly always, points come in the order of (step, millisecond). Then a series is remembered by its last place alone,
its frontier, and by what is taken from there on. For a point before it, the points of its step are read again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from autolog.journal.events import Event
from autolog.store.series import Series

__all__ = ["Cells", "Key", "Placed", "Point", "points_of"]

Key: TypeAlias = "tuple[str, str]"
"""A run's id and a metric's name."""

_LARGEST: Final = 1.7976931348623157e308  # what infinity is kept as
_FIRST: Final = -1 << 63


class Point(NamedTuple):
    """A point; its time in milliseconds."""

    step: int
    time: int
    value: float


def points_of(event: Event) -> Iterator[tuple[Key, list[Point]]]:
    """Give the points of an event, by series; what cannot be understood has none."""
    batches = event.data.get("series") if event.kind == "points" else None
    for name, batch in batches.items() if isinstance(batches, dict) else ():
        series = Series()
        series.add(batch)
        points = [
            Point(step, time // 1000, value)
            for columns in series.columns()
            for step, value, time in zip(columns.steps, columns.values, columns.times, strict=True)
        ]
        if points:
            yield (event.run, name), points


class _Taken:
    """The cells that are taken, each with a guess of where the next free one lies.

    Args:
        cells: what is taken already.
    """

    def __init__(self, cells: Mapping[tuple[int, float | None, int], int] | None = None) -> None:
        self.cells = dict(cells or {})

    def take(self, point: Point) -> Point:
        """Give the place that a point gets."""
        value, time = _stored(point.value), point.time
        passed = []
        while (point.step, value, time) in self.cells:
            passed.append(time)
            time = self.cells[point.step, value, time]
        for each in (*passed, time):
            self.cells[point.step, value, each] = time + 1
        return Point(point.step, time, point.value)


def _stored(value: float) -> float | None:
    """Give what a database has for a value: it knows no infinities, one zero, and NaN by a column of its own."""
    return None if math.isnan(value) else max(-_LARGEST, min(_LARGEST, value)) + 0.0


class _Frontier(NamedTuple):
    """From this step and time on, what is taken of a series is known."""

    step: int
    time: int
    taken: Mapping[tuple[int, float | None, int], int]

    @classmethod
    def at(cls, point: Point, taken: _Taken) -> _Frontier:
        """Give the one at a series' last point."""
        step, time = point.step, point.time
        return cls(
            step, time, {cell: free for cell, free in taken.cells.items() if cell[0] == step and cell[2] >= time}
        )

    @classmethod
    def behind(cls, step: int) -> _Frontier:
        """Give one behind the last step, at which it is not known what is taken."""
        return cls(step + 1, _FIRST, {})


class Placed(NamedTuple):
    """Points in their places, and what is to be remembered once the server has them."""

    points: Mapping[Key, list[Point]]
    frontiers: Mapping[Key, _Frontier]


class Cells:
    """What is remembered of the cells that the series of a top-level run take.

    Args:
        is_new: nothing was sent before.
    """

    def __init__(self, *, is_new: bool) -> None:
        self._frontiers: dict[Key, _Frontier] = {}
        self.is_new = is_new
        self._knows_all = is_new

    def place(self, points: Mapping[Key, list[Point]], earlier: Callable[[], Iterator[Event]]) -> Placed:
        """Place a batch's points.

        Args:
            points: by series.
            earlier: reads again what was sent before.
        """
        ordered = {key: sorted(each, key=lambda point: point[:2]) for key, each in points.items()}
        before = {key: each for key, each in ordered.items() if not self._is_beyond(key, each[0])}
        taken = self._read(before, earlier()) if before else {}
        for key in ordered.keys() - before.keys():
            taken[key] = _Taken(self._frontiers[key].taken if key in self._frontiers else {})
        placed = {key: [taken[key].take(point) for point in each] for key, each in ordered.items()}
        return Placed(placed, {key: self._moved(key, each[-1], taken[key]) for key, each in ordered.items()})

    def commit(self, placed: Placed) -> None:
        """Take notice that the server has them."""
        self._frontiers.update(placed.frontiers)

    def _is_beyond(self, key: Key, point: Point) -> bool:
        known = self._frontiers.get(key)
        return self._knows_all if known is None else point[:2] >= known[:2]

    def _read(self, points: Mapping[Key, list[Point]], earlier: Iterable[Event]) -> dict[Key, _Taken]:
        """Give what is taken at the steps of some points; and learn on the way where all series end."""
        steps = {key: {point.step for point in each} for key, each in points.items()}
        taken = {key: _Taken() for key in points}
        ends: dict[Key, int] = defaultdict(lambda: _FIRST)
        for key, each in (found for event in earlier for found in points_of(event)):
            ends[key] = max(ends[key], *(point.step for point in each))
            for point in each if key in steps else ():
                if point.step in steps[key]:
                    taken[key].take(point)
        for key, step in ends.items():
            self._frontiers.setdefault(key, _Frontier.behind(step))
        self._knows_all = True
        return taken

    def _moved(self, key: Key, last: Point, taken: _Taken) -> _Frontier:
        known = self._frontiers.get(key)
        if known is None or last[:2] >= known[:2]:
            return _Frontier.at(last, taken)
        return known if last.step < known.step else _Frontier.behind(known.step)

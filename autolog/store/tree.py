"""One top-level run's folder, read: every journal and ring in it, followed as they grow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from autolog.journal import ring
from autolog.journal.events import FORMAT, Event, decode_lines
from autolog.journal.points import Columns
from autolog.store import liveness
from autolog.store.base import Files
from autolog.store.merge import Fold, finished_run, fold
from autolog.store.run import Run

__all__ = ["Tree"]

_AFTER_ALL: Final = 1 << 62  # the sequence number of points that still lay in a ring


@dataclass
class _JournalFile:
    """What was read of one journal file, and how far."""

    read: int = 0
    damaged: int = 0
    tail_is_torn: bool = False
    events: list[Event] = field(default_factory=list)


class Tree:
    """The runs of one tree. Reading takes no lock and re-reads nothing but what was appended.

    Args:
        files: where the tree lies.
        tree: the top-level run's id.
    """

    def __init__(self, files: Files, tree: str) -> None:
        self._files = files
        self._tree = tree
        self._journals: dict[str, _JournalFile] = {}
        self._seen: Mapping[str, int] = {}
        self._folds: dict[str, Fold] = {}

    def refresh(self, sizes: Mapping[str, int]) -> None:
        """Read what was appended since the last time.

        Args:
            sizes: the names and sizes of the files in the folder, as they are now.
        """
        rings = [name for name in sizes if name.endswith(".ring")]
        if sizes == self._seen and not rings:
            return
        # Rings first: a point that moves into a journal meanwhile is then seen twice rather than never.
        points = {name: self._ring_points(name) for name in rings}
        for name, size in sizes.items():
            if name.endswith(".jsonl"):
                self._follow(name, size)
        unsealed = [event for name, found in points.items() for event in self._ring_events(name, found)]
        self._folds = self._fold(unsealed)
        self._seen = dict(sizes)

    def _ring_points(self, name: str) -> list[tuple[str, str, ring.Point]]:
        return ring.read_ring(*(self._files.read(self._tree, name, 0) for _ in range(2)))

    def _follow(self, name: str, size: int) -> None:
        journal = self._journals.setdefault(name, _JournalFile())
        if size < journal.read:
            journal = self._journals[name] = _JournalFile()
        data = self._files.read(self._tree, name, journal.read)
        whole = data.rfind(b"\n") + 1
        events, damaged = decode_lines(data[:whole])
        journal.events += events
        journal.damaged += damaged
        journal.read += whole
        journal.tail_is_torn = whole < len(data)

    def _ring_events(self, name: str, found: list[tuple[str, str, ring.Point]]) -> list[Event]:
        """Give the points in a ring that no journal holds yet, as events after all others of that writer."""
        writer = name.removesuffix(".ring")
        journal = self._journals.get(f"{writer}.jsonl", _JournalFile())
        sealed = _sealed(journal.events)
        groups: dict[tuple[str, str], list[ring.Point]] = defaultdict(list)
        for run, key, point in found:
            if not any(low <= point.number <= high for low, high in sealed.get(run, ())):
                groups[run, key].append(point)
        return [
            _as_event(writer, run, key, points, offset) for offset, ((run, key), points) in enumerate(groups.items())
        ]

    def _fold(self, ring_events: list[Event]) -> dict[str, Fold]:
        by_run: dict[str, list[Event]] = defaultdict(list)
        for event in [*self._events(), *ring_events]:
            if event.kind != "journal":
                by_run[event.run].append(event)
        return {run: fold(run, events) for run, events in by_run.items()}

    def _events(self) -> list[Event]:
        return [event for journal in self._journals.values() for event in journal.events]

    def runs(self, store: Any, is_deleted: bool | None) -> list[Run]:
        """Give the tree's runs: the deleted, the others, or (None) all. Children go with a deleted parent."""
        gone = {run for run, facts in self._folds.items() if facts.deleted}
        whole = self._tree in gone
        is_lost = self._lost()
        return [
            finished_run(facts, is_lost, self.unreadable, store)
            for run, facts in self._folds.items()
            if is_deleted is None or (whole or run in gone) is is_deleted
        ]

    def run(self, run_id: str, store: Any) -> Run | None:
        """Give one run, None where the tree has none of that id."""
        facts = self._folds.get(run_id)
        return None if facts is None else finished_run(facts, self._lost(), self.unreadable, store)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._folds

    def _lost(self) -> Callable[[Event], bool]:
        events = self._events()
        headers = {event.writer: event for event in events if event.kind == "journal"}
        last = {event.writer: event.time for event in sorted(events, key=lambda event: event.time)}
        return lambda start: liveness.is_lost(headers.get(start.writer), last.get(start.writer, start.time))

    @property
    def unreadable(self) -> int:
        """How many pieces of the journals could not be read; a torn end counts once its writer is gone."""
        is_lost = self._lost()
        torn = [journal for journal in self._journals.values() if journal.tail_is_torn]
        dead = sum(not journal.events or is_lost(journal.events[-1]) for journal in torn)
        return dead + sum(journal.damaged for journal in self._journals.values())

    @property
    def is_newer(self) -> bool:
        """Say whether a journal here was written in a format that this version does not know."""
        headers = (event for event in self._events() if event.kind == "journal")
        return any(type(event.data.get("format")) is int and event.data["format"] > FORMAT for event in headers)


def _sealed(events: list[Event]) -> dict[str, list[tuple[int, int]]]:
    """Give for each run the ranges of point numbers that the journal holds."""
    ranges: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for event in events:
        if event.kind == "points" and "from" in event.data:
            ranges[event.run].append((event.data["from"], event.data["to"]))
    return {run: _merged(sorted(found)) for run, found in ranges.items()}


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged = ranges[:1]
    for low, high in ranges[1:]:
        if low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _as_event(writer: str, run: str, key: str, points: list[ring.Point], offset: int) -> Event:
    columns = Columns(
        [point.step for point in points], [point.value for point in points], [point.time // 1000 for point in points]
    )
    return Event(run, "points", columns.times[-1], writer, _AFTER_ALL + offset, {"series": {key: columns}})

"""What was handed over of one top-level run, but for the points of its metrics: small, and folded anew run by run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from autolog.delivery.batches import is_gone, journals, read_events
from autolog.journal.events import Event
from autolog.store.family import status
from autolog.store.merge import Fold, finished_run, fold
from autolog.store.run import Run
from autolog_http.cells import Cells

__all__ = ["Tree", "whole"]

_BEGINNINGS: Final = ("started", "candidate")
_OF_NO_RUN: Final = ("journal", "beat")


class Tree:
    """The runs of a top-level run.

    Args:
        tree: its id.
        folder: its folder.
        delivered: how far each journal was heard, in bytes, by writer.
        events: those that were.
    """

    def __init__(self, tree: str, folder: Path, delivered: Mapping[str, int], events: Iterable[Event]) -> None:
        self.id = tree
        self.folder = folder
        self.delivered = _begun(delivered)
        self.is_whole = False
        """Nothing more of it is to come, as far as anybody knows: a run without an end may be lost."""
        self.cells = Cells(is_new=not self.delivered)
        self.series: dict[str, set[str]] = defaultdict(set)
        self._events: dict[str, dict[tuple[str, int], Event]] = defaultdict(dict)
        self._folds: dict[str, Fold] = {}
        self._begun: set[str] = set()
        self._sought: set[str] = set()  # whose beginnings were looked for, which a damaged store may lack
        self._candidates: dict[str, str | None] = {}
        self._first: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self.hear(events)

    def is_at(self, delivered: Mapping[str, int]) -> bool:
        """Say whether all that was handed over was heard, and no more."""
        return self.delivered == _begun(delivered)

    def hear(self, events: Iterable[Event]) -> set[str]:
        """Take in events, also some that were taken in before, and give the runs that they speak of."""
        touched = set()
        for event in events:
            if event.kind not in _OF_NO_RUN:
                touched.add(event.run)
                self._hear(event)
        self._find_beginnings(touched - self._begun - self._sought)
        return touched

    def _hear(self, event: Event) -> None:
        self._first[event.run] = min(self._first.get(event.run, event.time), event.time)
        self._last[event.run] = max(self._last.get(event.run, event.time), event.time)
        if event.kind == "points":
            series = event.data.get("series")
            self.series[event.run].update(series if isinstance(series, dict) else ())
            return
        self._events[event.run][event.writer, event.seq] = event
        self._folds.pop(event.run, None)
        if event.kind in _BEGINNINGS:
            self._begun.add(event.run)
        if event.kind == "candidate":
            parent = event.data.get("parent")
            self._candidates[event.run] = parent if isinstance(parent, str) else None

    # ---- what it amounts to

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._last))

    def candidates(self, runs: set[str]) -> dict[str, str | None]:
        """Give the candidates among some runs, and those whose parent is, with it: how they stand follows from it."""
        return {run_id: parent for run_id, parent in self._candidates.items() if run_id in runs or parent in runs}

    def run(self, run_id: str) -> Run:
        """Give a run."""
        return finished_run(self._fold(run_id), self.status(run_id), 0)

    def status(self, run_id: str | None, below: frozenset[str | None] = frozenset()) -> str:
        """Give the status of a run; one that is its own ancestor is lost."""
        if run_id is None or run_id not in self._last or run_id in below:
            return "LOST" if self.is_whole else "RUNNING"
        facts = self._fold(run_id)
        return status(facts.standing, self._is_lost, lambda: self.status(facts.parent, below | {run_id}))

    def _is_lost(self, writer: str) -> bool:
        journal = self.folder / f"{writer}.jsonl"
        return self.is_whole and (not journal.is_file() or is_gone(journal))

    def _fold(self, run_id: str) -> Fold:
        if run_id not in self._folds:
            self._folds[run_id] = fold(run_id, self._events[run_id].values())
        return self._folds[run_id]

    def _find_beginnings(self, runs: set[str]) -> None:
        """Look for beginnings in journals that come later."""
        self._sought |= runs
        for event in _read(self.folder) if runs else ():
            if event.run in runs and event.kind in _BEGINNINGS:
                self._hear(event)
                runs.remove(event.run)
                if not runs:
                    return

    def removed_tags(self, run_id: str) -> set[str]:
        """Give the names of tags that were removed at some time."""
        said = (event.data.get("removed") for event in self._events[run_id].values() if event.kind == "tags")
        return {str(name) for names in said if isinstance(names, list) for name in names}

    def times(self, run_id: str) -> tuple[int, int]:
        """Give when the first and the last was written of a run, in microseconds."""
        return self._first[run_id], self._last[run_id]

    def knows(self, run_id: str | None) -> bool:
        """Say whether there is a run of that id here; one that others speak of may begin in a journal to come."""
        if run_id is not None and run_id not in self._last:
            self._find_beginnings({run_id})
        return run_id in self._last


def _read(folder: Path) -> Iterator[Event]:
    for journal in journals(folder):
        yield from read_events(folder, journal.stem, journal.stat().st_size)


def whole(tree: str, folder: Path, known: Tree | None) -> Tree:
    """Give a top-level run with all that its journals hold.

    Args:
        tree: its id.
        folder: its folder.
        known: what was heard of it so far.
    """
    sizes = {journal.stem: journal.stat().st_size for journal in journals(folder)}
    return known if known is not None and known.is_at(sizes) else Tree(tree, folder, sizes, _read(folder))


def _begun(delivered: Mapping[str, int]) -> dict[str, int]:
    return {writer: end for writer, end in delivered.items() if end}

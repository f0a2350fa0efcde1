"""One top-level run's folder, read: the folds of all runs in it, kept up as its files grow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from autolog.journal.events import Event
from autolog.store.base import Files
from autolog.store.family import Family, Standing
from autolog.store.merge import Fold, finished_run, fold
from autolog.store.run import Run
from autolog.store.tail import Tail

__all__ = ["Tree"]


class Tree:
    """The runs of one tree.

    Args:
        files: where the tree lies.
        tree: the top-level run's id.
    """

    def __init__(self, files: Files, tree: str) -> None:
        self._tree = tree
        self._tail = Tail(files, tree)
        self._events: dict[str, list[Event]] = defaultdict(list)
        self._folds: dict[str, Fold] = {}
        self._standings: dict[str, Standing] = {}

    def refresh(self, sizes: Mapping[str, int]) -> set[str]:
        """Read what was appended since the last time, and give the ids of the runs that it tells something new of.

        Args:
            sizes: the names and sizes of the files in the folder, as they are now.
        """
        news = self._tail.follow(sizes)
        if news.is_anew:
            self._events.clear()
            self._folds.clear()
            self._standings.clear()
        for event in news.events:
            self._events[event.run].append(event)
        for run in news.runs:
            self._folds[run] = fold(run, [*self._events[run], *self._tail.unsealed(run)])
            self._standings[run] = self._folds[run].standing
        return news.runs

    def runs(self, store: Any, is_deleted: bool) -> list[Run]:
        """Give the tree's runs: the deleted, or the others. Children go with a deleted parent."""
        unreadable, family = self.unreadable, self._family
        return [
            finished_run(facts, family.status(run), unreadable, store)
            for run, facts in self._folds.items()
            if family.is_deleted(run) is is_deleted
        ]

    def run(self, run_id: str, store: Any) -> Run | None:
        """Give one run, None where the tree has none of that id."""
        facts = self._folds.get(run_id)
        return None if facts is None else finished_run(facts, self._family.status(run_id), self.unreadable, store)

    @property
    def _family(self) -> Family:
        return Family(self._tree, self._standings, self._tail.is_gone)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._folds or (run_id == self._tree and self.is_newer)

    @property
    def latest(self) -> int:
        """The time of the last event here, in microseconds since the epoch."""
        return self._tail.latest

    @property
    def unreadable(self) -> int:
        """How many pieces of the journals could not be read."""
        return self._tail.unreadable

    @property
    def is_newer(self) -> bool:
        """Say whether a journal here was written in a format that this version does not know."""
        return self._tail.is_newer

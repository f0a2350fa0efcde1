"""The store over journals with an index beside it: the same runs, found without reading what they are not asked for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any, Final

from autolog.store.base import WatchedFiles
from autolog.store.index.forms import form
from autolog.store.index.index import Index
from autolog.store.index.listed import ListedRun, ListedSeries
from autolog.store.index.long_series import KEPT
from autolog.store.index.reading import Key, Reading
from autolog.store.index.rows import DELETED, HERE
from autolog.store.journals import JournalStore
from autolog.store.run import Run
from autolog.store.search import Found, Head, Query, scan
from autolog.store.series import Series
from autolog.store.thinning import Thinned, thin, widen
from autolog.store.tree import Tree

__all__ = ["IndexedStore"]

_LARGE: Final = 500  # top-level runs from which a store has an index; fewer are folded as quickly
_HELD: Final = 16  # trees whose journals stay in memory
_ONE: Final = "r.tree = ? AND r.run_id = ?"
_CHILDREN: Final = "r.gone = ? AND r.tree = ? AND r.parent_run_id = ? ORDER BY r.start_time NULLS LAST, r.run_id"


class IndexedStore(JournalStore):
    """A `JournalStore` that lists and finds by an index once it is large.

    Args:
        uri: what the store was opened as.
        files: where the run folders lie.
        place: what the index is found by: the same for all who mean this store.
    """

    def __init__(self, uri: str, files: WatchedFiles, place: str) -> None:
        super().__init__(uri, files)
        self._index = Index(place, files)

    @property
    def _is_large(self) -> bool:
        return self._index.exists or len(self.files.trees()) >= _LARGE

    def runs(self, *, deleted: bool = False) -> list[Run]:
        """Give all runs, in no order; with `deleted` the deleted ones instead."""
        return (
            self._lines("r.gone = ?", DELETED if deleted else HERE) if self._is_large else super().runs(deleted=deleted)
        )

    def find(self, query: Query) -> Found:
        """Give the runs that a filter finds, in order."""
        found = self._index.ask(partial(_found, query=query)) if self._is_large else None
        if found is None:
            return scan(self.runs(), query)
        keys, parents, newer = found
        self._warn_of(newer)
        heads = [Head(key.run_id, parent) for key, parent in zip(keys, parents, strict=True)]
        return Found(
            heads, lambda at: self._line(keys[at]), lambda: self._index.peek(lambda reading: reading.tally(query))
        )

    def still(self) -> AbstractContextManager[None]:
        """Have all that is asked within look at the store as the first question found it."""
        return self._index.still()

    def children(self, run_id: str) -> list[Run]:
        """Give a run's children, oldest first."""
        if not self._is_large:
            return super().children(run_id)
        tree = self.tree(run_id)
        return self._lines(_CHILDREN, HERE, tree, form(run_id), tree=tree)

    def tree(self, run_id: str) -> str:
        """Give the id of the top-level run that a run belongs to.

        Raises:
            RunNotFoundError: there is none of that id.
            JournalError: a newer version of autolog wrote it.
        """
        if self.files.sizes(run_id) or not self._is_large:
            return super().tree(run_id)
        trees = self._index.ask(lambda reading: reading.trees_of(run_id))
        if not trees:
            raise self._missing(run_id)
        self._read(trees[0])
        return self._understood(trees[0])

    def _read(self, name: str) -> Tree:
        tree = super()._read(name)
        while self._index.exists and len(self._trees) > _HELD:
            self._trees.pop(next(each for each in self._trees if each != name))
        return tree

    # ---- runs of which only a line has been read

    def _lines(self, where: str, *values: Any, tree: str | None = None) -> list[Run]:
        lines, newer = self._index.ask(lambda reading: (reading.lines(where, *values), reading.newer_trees()), tree)
        self._warn_of(newer)
        return [self._listed(key, line) for key, line in lines]

    def _line(self, key: Key) -> Run:
        lines = self._index.peek(
            lambda reading: reading.lines("r.tree = ? AND r.run_id = ?", key.tree, form(key.run_id))
        )
        if not lines:
            raise self._missing(key.run_id)
        return self._listed(*lines[0])

    def _listed(self, key: Key, line: Mapping[str, Any]) -> Run:
        return ListedRun({**line, "_store": self}, lambda: self._whole(key, str(line["status"])))

    def _whole(self, key: Key, status: str) -> Run:
        run = self._index.peek(lambda reading: reading.run(key, status))
        if run is None:
            raise self._missing(key.run_id)
        series = {name: self._series(key, name, last) for name, last in run._series.items()}  # noqa: SLF001
        return replace(run, _series=series, _store=self)

    def _warn_of(self, newer: list[str]) -> None:
        for name in newer:
            self._pass_over(name)

    # ---- series

    def _series(self, key: Key, name: str, last: Series) -> Series:
        return ListedSeries(last, partial(self._points, key, name), partial(self._thinned, key, name))

    def _points(self, key: Key, name: str) -> Series:
        run = self._read(key.tree).run(key.run_id, self)
        return Series() if run is None else run._series.get(name, Series())  # noqa: SLF001

    def _thinned(self, key: Key, name: str, buckets: int, first: int | None, last: int | None) -> Thinned:
        """Give a series thinned: from what the index keeps, or where that is too coarse, from its points."""
        kept = self._index.ask(lambda reading: reading.thinned(key, name), key.tree)
        if kept is None:
            kept = thin(self._points(key, name).points(), KEPT)
            self._index.peek(lambda reading: reading.keep_thinned(key, name, kept))
        found = widen(kept, buckets, first, last)
        return found or thin(self._points(key, name).points(), buckets, first, last)


def _found(reading: Reading, query: Query) -> tuple[list[Key], list[str | None], list[str]] | None:
    rows = reading.find(query)
    return None if rows is None else ([key for key, _ in rows], [parent for _, parent in rows], reading.newer_trees())

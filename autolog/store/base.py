"""What a store is: a place that runs are read back from; and the file access that a journal store needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from autolog.store.run import Run
from autolog.values import LargeValue

__all__ = ["Files", "Look", "Store", "WatchedFiles"]


class Store(Protocol):
    """A place that runs are read back from. Deleted runs are given only where they are asked for."""

    uri: str

    def runs(self, *, deleted: bool = False) -> Iterable[Run]:
        """Give all runs, in no order; with `deleted` the deleted ones instead."""

    def run(self, run_id: str) -> Run:
        """Give one run, also a deleted one.

        Raises:
            RunNotFoundError: there is none of that id.
        """

    def children(self, run_id: str) -> list[Run]:
        """Give a run's children, oldest first."""

    def file(self, run_id: str, path: str) -> Path:
        """Give a local file with the bytes of an artifact or a model of a run."""

    def value(self, run_id: str, value: LargeValue) -> Any:
        """Give a value that is kept in a file of its own.

        Raises:
            RunNotFoundError: the file is missing or cannot be read, or is not the one that was recorded.
        """

    def tree(self, run_id: str) -> str:
        """Give the id of the top-level run that a run belongs to.

        Raises:
            RunNotFoundError: there is none of that id.
        """

    def latest(self, run_id: str) -> int:
        """Give the time of the last event in a run's tree, in microseconds since the epoch; what is added comes after.

        Raises:
            RunNotFoundError: there is none of that id.
        """

    def remove(self, run_id: str) -> None:
        """Remove a run's files for good; of a top-level run everything, its children included."""


class Look(NamedTuple):
    """What a tree's folder holds at one moment.

    Args:
        sizes: as `Files.sizes` gives them.
        mark: by what it can be told later that no file came or went, None where it cannot.
    """

    sizes: Mapping[str, int]
    mark: int | None


class Files(Protocol):
    """The file access a journal store needs: a folder of run folders, wherever it lies."""

    def trees(self) -> list[str]:
        """Give the ids of the top-level runs."""

    def sizes(self, tree: str) -> dict[str, int]:
        """Give name and size of the journal and ring files in a tree's folder; empty where there is no such tree."""

    def read(self, tree: str, name: str, start: int) -> bytes:
        """Give a file from `start` to its end; nothing where it has gone."""

    def local(self, tree: str, path: str) -> Path:
        """Give a local copy of a file below the tree's folder."""

    def remove(self, tree: str, path: str | None) -> None:
        """Remove a folder below the tree's folder, or where `path` is None the whole tree."""


class WatchedFiles(Files, Protocol):
    """The file access an index needs: also to all trees at once."""

    def look(self, marks: Mapping[str, int | None]) -> dict[str, Look | None]:
        """Look at all trees at once: give what each holds.

        Args:
            marks: of trees in which no file grows any more, None for others; those that have this mark still are given
                as None.
        """

    def fetch(self, trees: Iterable[str]) -> None:
        """Bring the journals of trees near, all at once, as of the last look; each is read soon."""

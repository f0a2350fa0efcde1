"""The index of one store: opened when it is first asked, caught up before each question, given up where it fails."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from autolog.guard import logger
from autolog.store.base import WatchedFiles
from autolog.store.index.database import opened, path_for, remove
from autolog.store.index.reading import Reading
from autolog.store.index.writing import Writing

__all__ = ["Index"]

_T = TypeVar("_T")


class Index:
    """An index, which any number of processes may read and bring up to date.

    Args:
        place: what it is found by: the same for all who mean this store.
        files: the store's.
    """

    def __init__(self, place: str, files: WatchedFiles) -> None:
        self._path = path_for(place)
        self._files = files
        self._lock = threading.RLock()
        self._open: tuple[int, Writing, Reading] | None = None
        self._looked_at: set[str | None] | None = None  # trees, None for all; None where each question looks

    @property
    def exists(self) -> bool:
        """Say whether somebody has made it."""
        return self._open is not None or self._path.exists()

    def ask(self, question: Callable[[Reading], _T], tree: str | None = None) -> _T:
        """Ask a question after all that is new has been read; where it is about one tree, all that is new there."""
        return self._do(lambda writing, reading: question(self._caught_up(writing, reading, tree)))

    @contextmanager
    def still(self) -> Iterator[None]:
        """Have all that is asked within see one moment: what is new is looked for once. Other threads wait."""
        with self._lock:
            self._looked_at = set()
            try:
                yield
            finally:
                self._looked_at = None

    def peek(self, question: Callable[[Reading], _T]) -> _T:
        """Ask a question about what has been read already."""
        return self._do(lambda _, reading: question(reading))

    def _do(self, work: Callable[[Writing, Reading], _T]) -> _T:
        """Work with the index. Where it fails, another takes its place, in memory."""
        with self._lock:
            try:
                return work(*self._opened())
            except sqlite3.Error as error:
                logger.info("autolog: the index %s cannot be used: %s", self._path, error)
                if not isinstance(error, sqlite3.OperationalError):  # damaged, not merely out of reach
                    remove(self._path)
                _catch_up(*self._use(None), None)
                return work(*self._opened())

    def _opened(self) -> tuple[Writing, Reading]:
        if self._open is None or self._open[0] != os.getpid():  # a fork's child leaves its parent's connection alone
            return self._use(self._path)
        return self._open[1:]

    def _use(self, path: Path | None) -> tuple[Writing, Reading]:
        database = opened(path)
        self._open = os.getpid(), Writing(database, self._files), Reading(database, self._files)
        return self._open[1:]

    def _caught_up(self, writing: Writing, reading: Reading, tree: str | None) -> Reading:
        if self._looked_at is None or self._looked_at.isdisjoint({None, tree}):
            _catch_up(writing, reading, tree)
        if self._looked_at is not None:
            self._looked_at.add(tree)
        return reading


def _catch_up(writing: Writing, reading: Reading, tree: str | None) -> None:
    if tree is None:
        writing.catch_up()
    else:
        writing.catch_up_with(tree)
    reading.look_who_lives()

"""A database as the files that a journal store reads."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import platformdirs
import psycopg

from autolog.exceptions import AutologError, RunNotFoundError
from autolog.store import segments
from autolog.store.segments import Segment
from autolog_postgres.connecting import Connections, Settings, reason
from autolog_postgres.items import fit

__all__ = ["DatabaseFiles"]

_LINES: Final = "SELECT lines FROM journals WHERE (tree, writer, start, stop) = (%s, %s, %s, %s)"


class DatabaseFiles:
    """The file access of a database with recorded runs.

    Args:
        to: where it is, and who asks.
    """

    def __init__(self, to: Settings) -> None:
        self._connections = Connections(to)
        self._copies = platformdirs.user_cache_path("autolog", appauthor=False) / "postgres"
        weakref.finalize(self, self._connections.close)

    def trees(self) -> list[str]:
        """Give the ids of the top-level runs."""
        return [tree for (tree,) in self._ask("SELECT DISTINCT tree FROM journals")]

    def sizes(self, tree: str) -> dict[str, int]:
        """Give name and size of a tree's journals; empty where there is no such tree."""
        return segments.sizes(self._segments(tree))

    def read(self, tree: str, name: str, start: int) -> bytes:
        """Give a journal from `start` to its end; nothing where it has gone."""
        return segments.read(self._segments(tree), name, start, lambda names: [self._lines(tree, at) for at in names])

    def local(self, tree: str, path: str) -> Path:
        """Give a copy of a file, whole or not at all.

        Raises:
            RunNotFoundError: it is not there, though a journal speaks of it.
        """
        found = self._ask("SELECT content FROM files WHERE (tree, path) = (%s, %s)", tree, fit(path))
        if not found:
            raise RunNotFoundError(f"{path} of run {tree} is not in the database; it may have been too large")
        content = found[0][0]
        copy = self._copies / hashlib.sha256(content).hexdigest() / Path(path).name
        if not copy.is_file():
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial = copy.with_name(f".{uuid4().hex}.part")
            partial.write_bytes(content)
            partial.replace(copy)
        return copy

    def remove(self, tree: str, path: str | None) -> None:
        """Remove the files below a folder of the tree, or where `path` is None the whole tree."""
        if path is None:
            self._ask("DELETE FROM runs WHERE tree = %s RETURNING NULL", tree)
        else:
            self._ask("DELETE FROM files WHERE tree = %s AND starts_with(path, %s) RETURNING NULL", tree, f"{path}/")

    def _segments(self, tree: str) -> list[Segment]:
        return [Segment(*each) for each in self._ask("SELECT writer, start, stop FROM journals WHERE tree = %s", tree)]

    def _lines(self, tree: str, name: str) -> bytes:
        piece = Segment.of(name)
        found = self._ask(_LINES, tree, *piece) if piece is not None else []
        return found[0][0] if found else b""

    def _ask(self, query: str, *values: Any) -> Sequence[Any]:
        """Give the rows of an answer.

        Raises:
            AutologError: there is none; it says why.
        """
        try:
            return self._connections.open().execute(query, values, binary=True).fetchall()
        except psycopg.Error as error:
            raise AutologError(f"the database cannot be read: {reason(error)}") from None

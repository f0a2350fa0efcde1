"""Delivery: a batch is one transaction, so that all of it is there or nothing; again, it changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

import psycopg
from psycopg.errors import DataError, IntegrityError, ProgramLimitExceeded

from autolog.hookspecs import Backend, Batch, Delivery
from autolog.journal.events import Event
from autolog.store.segments import pack
from autolog_postgres.connecting import Connections, Settings, reason
from autolog_postgres.items import Item, begun, fit, items_of
from autolog_postgres.settling import standing

__all__ = ["DatabaseBackend"]

_LARGEST: Final = 64 << 20  # bytes of a file; more belongs into a bucket
_REFUSALS: Final = (DataError, IntegrityError, ProgramLimitExceeded)  # of what is said; all else may pass
_MISTAKES: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
_OF_NO_RUN: Final = ("journal", "beat")

_JOURNAL: Final = "INSERT INTO journals VALUES (%s, %s, %s, %s, %b) ON CONFLICT DO NOTHING"
_HAS_FILE: Final = "SELECT FROM files WHERE (tree, path, sha256) = (%s, %s, %s)"
_FILE: Final = """
    INSERT INTO files VALUES (%s, %s, %s, %b) ON CONFLICT (tree, path)
    DO UPDATE SET (sha256, content) = (excluded.sha256, excluded.content)"""


class DatabaseBackend(Backend):
    """Writes runs into a database's tables.

    Args:
        to: where it is, and who asks.
    """

    def __init__(self, to: Settings) -> None:
        self._connections = Connections(to)

    def deliver(self, batch: Batch) -> Delivery:
        """Write what a batch says."""
        return self._answer(lambda connection: _take(connection, batch))

    def settle(self, tree: str, folder: Path) -> Delivery:
        """Write how runs ended that nobody ended, and what only the whole can tell."""
        return self._answer(lambda connection: _write(connection, list(standing(tree, folder))))

    def close(self) -> None:
        """Let go of the connection."""
        self._connections.close()

    def _answer(self, work: Callable[[psycopg.Connection], list[str]]) -> Delivery:
        try:
            connection = self._connections.open()
            with connection.transaction():
                aside = work(connection)
        except psycopg.Error as error:
            self.close()
            return Delivery("retry", reason(error))
        return Delivery("done", aside=aside)


def _take(connection: psycopg.Connection, batch: Batch) -> list[str]:
    """Write a batch, and give what was refused for good."""
    aside: list[str] = []
    runs = {event.run for event in batch.events if event.kind not in _OF_NO_RUN}
    _put(connection, [begun(batch.tree, runs)])
    connection.execute(_JOURNAL, (batch.tree, batch.writer, batch.offset, batch.end, pack(batch.lines)))
    for name, path in batch.files.items():
        aside += _keep(connection, batch.tree, name, path)
    items = [item for event in batch.events for item in _understood(event, batch.tree, aside)]
    return aside + _write(connection, items)


def _understood(event: Event, tree: str, aside: list[str]) -> Sequence[Item]:
    """Give what an event says; one that no writer of ours wrote costs itself."""
    try:
        return list(items_of(event, tree))
    except _MISTAKES as error:
        aside.append(f"an event of kind {event.kind!r} cannot be understood: {type(error).__name__}")
        return []


def _keep(connection: psycopg.Connection, tree: str, name: str, path: Path) -> Iterator[str]:
    """Keep a file, unless it is there from an earlier try."""
    size = path.stat().st_size
    if size > _LARGEST:
        yield f"file {name!r:.200} has {size} bytes, and a database is given {_LARGEST} at most"
        return
    content = path.read_bytes()
    key = (tree, fit(name), hashlib.sha256(content).hexdigest())
    if connection.execute(_HAS_FILE, key).fetchone() is None:
        connection.execute(_FILE, (*key, content))


def _write(connection: psycopg.Connection, items: Sequence[Item]) -> list[str]:
    """Write all at once; where that is refused, look in each half for the item that was meant."""
    try:
        with connection.transaction():
            _put(connection, items)
    except _REFUSALS as error:
        if len(items) == 1:
            return [f"{items[0].what}: {reason(error)}"]
        half = len(items) // 2
        return _write(connection, items[:half]) + _write(connection, items[half:])
    return []


def _put(connection: psycopg.Connection, items: Sequence[Item]) -> None:
    rows = (row for item in items for row in item.rows)
    with connection.cursor() as cursor:
        for statement, group in groupby(rows, attrgetter("statement")):
            cursor.executemany(statement, [row.values for row in group])
        _copy(cursor, items)


def _copy(cursor: psycopg.Cursor, items: Sequence[Item]) -> None:
    """Copy points to a table of our own, and from there those that are new: COPY itself knows no ON CONFLICT."""
    if not any(item.points for item in items):
        return
    cursor.execute("CREATE TEMPORARY TABLE staged (LIKE points)")
    with cursor.copy("COPY staged FROM STDIN") as copy:
        for point in (point for item in items for point in item.points):
            copy.write_row(point)
    cursor.execute("INSERT INTO points SELECT * FROM staged ON CONFLICT DO NOTHING")
    cursor.execute("DROP TABLE staged")

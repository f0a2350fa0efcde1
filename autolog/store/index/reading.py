"""What an index says: lines of runs, whole runs, thinned series, and how open runs stand by now."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from autolog.store.base import Files
from autolog.store.expressions import milliseconds
from autolog.store.family import Family
from autolog.store.index import keeping, long_series
from autolog.store.index.forms import form, said
from autolog.store.index.query import Selection
from autolog.store.index.rows import standing_of
from autolog.store.merge import finished_run, fold, moment
from autolog.store.tail import Tail

if TYPE_CHECKING:
    from autolog.journal.events import Event
    from autolog.store.run import Run
    from autolog.store.search import Query, Tally
    from autolog.store.thinning import Thinned

__all__ = ["Key", "Reading"]

_LINE: Final = (
    "r.tree, r.run_id, r.parent_run_id, r.run_name, r.experiment, r.status, r.start_time, r.end_time FROM seen r"
)
_OPEN: Final = """
SELECT t.name, t.state, r.id, r.run_id, r.status, r.start_time, r.standing FROM trees t JOIN runs r ON r.tree = t.name
WHERE t.name IN (SELECT tree FROM runs WHERE status IS NULL)
"""
_KEPT: Final = """
SELECT r.id, k.events, k.loose, t.state FROM runs r JOIN kept k ON k.run = r.id JOIN trees t ON t.name = r.tree
WHERE r.tree = ? AND r.run_id = ?
"""


class Key(NamedTuple):
    """A run in the index; numbers of rows are given anew, these are not."""

    tree: str
    run_id: str


class Reading:
    """Reads an index.

    Args:
        database: the index.
        files: the store's.
    """

    def __init__(self, database: sqlite3.Connection, files: Files) -> None:
        self._database = database
        self._files = files

    # ---- how open runs stand

    def look_who_lives(self) -> None:
        """Say of each run without an end how it stands now."""
        trees: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
        for name, state, *row in self._database.execute(_OPEN):
            trees[name, state].append(tuple(row))
        rows = [row for (name, state), runs in trees.items() for row in self._standing(name, state, runs)]
        self._database.execute("DELETE FROM standing_now")
        self._database.executemany("INSERT INTO standing_now VALUES(?, ?, ?, ?)", rows)

    def _standing(self, name: str, state: str, rows: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        standings = {said(run): standing_of(text) for _, run, _, _, text in rows}
        family = Family(name, standings, Tail(self._files, name, json.loads(state)).is_gone)
        for number, run, ended, start, text in rows:
            if ended is None:
                status, last = family.status(said(run)), json.loads(text)[-1]
                end = moment(last) if standings[said(run)].is_candidate and status != "RUNNING" else None
                began = _moment(start)
                duration = None if end is None or began is None else (end - began).total_seconds()
                yield number, form(status), milliseconds(end), duration

    # ---- lines

    def find(self, query: Query) -> list[tuple[Key, str | None]] | None:
        """Give the runs that a query finds, and their parents; None where SQLite cannot tell."""
        selection = Selection(self._database, query)
        if not selection.is_possible:
            return None
        rows = selection.rows("r.tree, r.run_id, r.parent_run_id")
        return [(Key(tree, said(run)), _text(parent)) for tree, run, parent in rows]

    def tally(self, query: Query) -> Tally:
        """Count the runs that match a query for which SQLite can tell, by experiment and status."""
        rows = Selection(self._database, query).counts("r.experiment, r.status")
        return Counter({(str(said(experiment)), str(said(status))): runs for experiment, status, runs in rows})

    def lines(self, where: str, *values: Any) -> list[tuple[Key, dict[str, Any]]]:
        """Give lines of runs: the fields that a list has of each."""
        rows = self._database.execute(f"SELECT {_LINE} WHERE {where}", values)
        return [(Key(tree, said(row[0])), _fields(row)) for tree, *row in rows]

    def trees_of(self, run_id: str) -> list[str]:
        """Give the trees that have a run of that id."""
        found = "SELECT tree FROM runs WHERE run_id = ? ORDER BY tree"
        return [name for (name,) in self._database.execute(found, (form(run_id),))]

    def newer_trees(self) -> list[str]:
        """Give the trees that a newer version has written."""
        return [name for (name,) in self._database.execute("SELECT name FROM trees WHERE is_newer")]

    # ---- whole runs

    def run(self, key: Key, status: str) -> Run | None:
        """Give a run with all but its points, None where it has gone; its status is what the line said."""
        found = self._kept(key)
        if found is None:
            return None
        _, events, state = found
        return finished_run(fold(key.run_id, events), status, Tail(self._files, key.tree, json.loads(state)).unreadable)

    def _kept(self, key: Key) -> tuple[int, list[Event], str] | None:
        row = self._database.execute(_KEPT, (key.tree, form(key.run_id))).fetchone()
        if row is None:
            return None
        number, events, loose, state = row
        return number, [*keeping.unpack(key.run_id, events), *keeping.unpack(key.run_id, loose)], state

    # ---- series

    def thinned(self, key: Key, name: str) -> Thinned | None:
        """Give what is kept of a series, and what rings hold of it; None where nothing is kept."""
        found = self._kept(key)
        kept = None if found is None else long_series.find(self._database.execute, found[0], name)
        return None if kept is None or found is None else long_series.with_events(kept, found[1], name)

    def keep_thinned(self, key: Key, name: str, thinned: Thinned) -> None:
        """Keep a series thinned, for those who look at it next."""
        found = self._kept(key)
        if found is not None:
            long_series.keep(self._database.execute, found[0], name, thinned)


def _fields(row: list[Any]) -> dict[str, Any]:
    run, parent, name, experiment, status, start, end = row
    return {
        "run_id": said(run),
        "parent_run_id": _text(parent),
        "run_name": _text(name),
        "experiment": said(experiment),
        "status": said(status),
        "start_time": _moment(start),
        "end_time": _moment(end),
    }


def _text(found: bytes | None) -> str | None:
    return None if found is None else str(said(found))


def _moment(time: float | None) -> datetime | None:
    """Give back a time that is kept in milliseconds, exact to the microsecond."""
    return None if time is None else moment(round(time * 1000))

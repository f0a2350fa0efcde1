"""One run as rows: a line to list it by, facts to find it by, and what is kept of its events."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

from autolog.journal.events import Event
from autolog.store.expressions import milliseconds
from autolog.store.family import Family, Standing
from autolog.store.index import keeping, long_series
from autolog.store.index.forms import ODD, Form, form, said
from autolog.store.merge import Fold, finished_run, fold
from autolog.store.run import Run
from autolog.store.splits import last_split
from autolog.store.tail import Tail

__all__ = ["DELETED", "HERE", "NEWER", "Rows", "standing_of"]

HERE: Final = 0
DELETED: Final = 1
NEWER: Final = 2  # its folder is not to be read by this version

_INSERT: Final = "INSERT OR REPLACE INTO runs VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_KEPT: Final = "SELECT id, events, names FROM runs JOIN kept ON run = id WHERE tree = ? AND run_id = ?"


class Rows:
    """Writes runs into an index; its caller makes the transaction.

    Args:
        database: the index.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._do = database.execute
        self._do_each = database.executemany
        self._names: dict[tuple[str, str], int] = {}

    def forget_names(self) -> None:
        """Let go of the numbers of names, which may have been taken back."""
        self._names.clear()

    def take(self, tree: str, run_id: str, new: Sequence[Event], unsealed: Sequence[Event]) -> None:
        """Fold what was kept of a run with what is new; what lies in rings goes into the fold, but is not kept."""
        row = self._do(_KEPT, (tree, form(run_id))).fetchone()
        number, before, names = (row[0], keeping.unpack(run_id, row[1]), json.loads(row[2])) if row else (None, [], [])
        events = keeping.kept([*before, *new])
        facts = fold(run_id, [*events, *unsealed])
        read = finished_run(facts, facts.standing.ended or "RUNNING", 0)
        run = int(self._do(_INSERT, (number, tree, *_line(read, facts))).lastrowid or 0)
        now = self._write_facts(run, read)
        self._drop_facts(run, set(names) - set(now))
        kept = (run, keeping.pack(events), keeping.pack(unsealed), _json(now))
        self._do("INSERT OR REPLACE INTO kept VALUES(?, ?, ?, ?)", kept)
        if row:
            long_series.go_on(self._do, run, new)

    def _write_facts(self, run: int, read: Run) -> list[int]:
        """Write params, metrics and tags, and give the numbers of their names."""
        rows = []
        for kind in ("params", "metrics", "tags"):
            for key, value in getattr(read, kind).items():
                found = form(value)
                rows.append((self._name(kind, key, found == ODD), run, found))
        self._do_each("INSERT OR REPLACE INTO facts VALUES(?, ?, ?)", rows)
        return [name for name, _, _ in rows]

    def _name(self, kind: str, key: str, is_odd: bool) -> int:
        number = self._names.get((kind, key))
        if number is None:
            self._do("INSERT OR IGNORE INTO names VALUES(NULL, ?, ?, 0)", (kind, form(key)))
            found = self._do("SELECT id FROM names WHERE kind = ? AND key = ?", (kind, form(key))).fetchone()
            number = self._names[kind, key] = int(found[0])
        if is_odd:
            self._do("UPDATE names SET is_odd = 1 WHERE id = ?", (number,))
        return number

    def _drop_facts(self, run: int, names: Iterable[int]) -> None:
        self._do_each("DELETE FROM facts WHERE name = ? AND run = ?", [(name, run) for name in names])

    def mark(self, tree: str, tail: Tail) -> None:
        """Say of each run of a tree whether it is listed: a deleted one takes its children along.

        Args:
            tree: its id.
            tail: of its files.
        """
        rows = self._do("SELECT id, run_id, gone, standing FROM runs WHERE tree = ?", (tree,)).fetchall()
        family = Family(tree, {said(run): standing_of(text) for _, run, _, text in rows}, tail.is_gone)
        now = [(NEWER if tail.is_newer else int(family.is_deleted(said(run))), number) for number, run, _, _ in rows]
        changed = [new for new, (_, _, before, _) in zip(now, rows, strict=True) if new[0] != before]
        self._do_each("UPDATE runs SET gone = ? WHERE id = ?", changed)

    def drop(self, tree: str) -> None:
        """Remove the runs of a tree."""
        for run, names in self._do(
            "SELECT id, names FROM runs JOIN kept ON run = id WHERE tree = ?", (tree,)
        ).fetchall():
            self._drop_facts(run, json.loads(names))
            self._do("DELETE FROM kept WHERE run = ?", (run,))
            self._do("DELETE FROM thinned WHERE run = ?", (run,))
        self._do("DELETE FROM runs WHERE tree = ?", (tree,))


def _line(read: Run, facts: Fold) -> tuple[Any, ...]:
    """Give the columns of a run; what only time decides of an open one is left out."""
    standing = facts.standing
    last = last_split(facts.splits.values())
    return (
        *(_attribute(value) for value in (read.run_id, read.parent_run_id, read.run_name, read.experiment)),
        _attribute(standing.ended),
        milliseconds(read.start_time),
        milliseconds(read.end_time),
        read.duration,
        HERE,
        _json([*standing, None if last is None else last.time]),
    )


def _attribute(value: str | None) -> Form | None:
    return None if value is None else form(value)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def standing_of(text: str) -> Standing:
    """Give back a standing."""
    return Standing(*json.loads(text)[:-1])

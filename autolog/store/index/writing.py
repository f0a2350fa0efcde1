"""From journals into the index: follows each tree's files, and writes what is new, a few trees at once."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final

from autolog.journal.events import Event
from autolog.store.base import Look, WatchedFiles
from autolog.store.index.rows import Rows
from autolog.store.tail import Tail

__all__ = ["Writing"]

_PART: Final = 200  # trees written at once: others wait so long, and what is killed begins there again
_QUIET: Final = 3600.0  # seconds after which a tree whose writers are gone is looked at from outside only


class Writing:
    """Brings the index up to what the files say.

    Args:
        database: the index.
        files: the store's.
    """

    def __init__(self, database: sqlite3.Connection, files: WatchedFiles) -> None:
        self._database = database
        self._files = files
        self._rows = Rows(database)

    def catch_up(self) -> None:
        """Read what is new in all trees. What a tree says is written whole or not at all."""
        marks = dict(self._database.execute("SELECT name, mark FROM trees"))
        looks = self._files.look(marks)
        moving = iter([(name, look) for name, look in looks.items() if look is not None])
        while part := list(islice(moving, _PART)):
            self._files.fetch(name for name, _ in part)
            with self._together():
                for name, look in part:
                    self._follow(name, look)
        gone = marks.keys() - looks.keys()
        if gone:
            with self._together():
                for name in gone:
                    self._forget(name)

    def catch_up_with(self, tree: str) -> None:
        """Read what is new in one tree."""
        row = self._database.execute("SELECT mark FROM trees WHERE name = ?", (tree,)).fetchone()
        sizes = self._files.sizes(tree)
        if row is not None or sizes:
            with self._together():
                self._follow(tree, Look(sizes, row[0] if row else None))

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Make one transaction: what is read of the index in it nobody changes before it is done."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            self._rows.forget_names()
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def _forget(self, name: str) -> None:
        self._rows.drop(name)
        self._database.execute("DELETE FROM trees WHERE name = ?", (name,))

    # ---- one tree

    def _follow(self, name: str, look: Look) -> None:
        row = self._database.execute("SELECT mark, state FROM trees WHERE name = ?", (name,)).fetchone()
        mark, state = row or (None, None)
        tail = Tail(self._files, name, None if state is None else json.loads(state))
        news = tail.follow(look.sizes)
        if news.is_anew:
            self._rows.drop(name)
        new: dict[str, list[Event]] = defaultdict(list)
        for event in news.events:
            new[event.run].append(event)
        for run in news.runs:
            self._rows.take(name, run, new[run], tail.unsealed(run))
        if news.runs or tail.is_newer:
            self._rows.mark(name, tail)
        said = (_mark(tail, look), json.dumps(tail.state, separators=(",", ":")))
        if said != (mark, state):
            row = (name, said[0], tail.is_newer, said[1])
            self._database.execute("INSERT OR REPLACE INTO trees VALUES(?, ?, ?, ?)", row)


def _mark(tail: Tail, look: Look) -> int | None:
    """Give by what a folder is known to be as it was; None where its files are still to be looked at."""
    return look.mark if tail.is_at_rest and time.time() - tail.latest / 1e6 > _QUIET else None

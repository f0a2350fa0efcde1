"""One top-level run's folder, read: every journal and ring in it, followed as they grow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autolog.journal import liveness
from autolog.journal.events import FORMAT, Event, decode_lines
from autolog.journal.process import BEAT
from autolog.journal.recovery import covered, unsealed
from autolog.store.base import Files
from autolog.store.merge import Fold, finished_run, fold, status
from autolog.store.run import Run

__all__ = ["Tree"]


@dataclass
class _JournalFile:
    """How far one journal file was read, and what of it could not be."""

    read: int = 0
    damaged: int = 0
    tail_is_torn: bool = False
    writers: set[str] = field(default_factory=set)


@dataclass
class _Writer:
    """What the events of one writer say of it."""

    header: Event | None = None
    last: int = 0
    every: float = BEAT
    sealed: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def hear(self, event: Event) -> None:
        """Take in one event; in any order."""
        self.last = max(self.last, event.time)
        if event.kind == "journal":
            self.header = event
        elif event.kind == "beat" and type(event.data.get("every")) in (int, float):
            self.every = event.data["every"]
        elif (covers := covered(event)) is not None:
            self.sealed[event.run].append(covers)

    @property
    def is_gone(self) -> bool:
        return liveness.is_lost(self.header, self.last, self.every)


class Tree:
    """The runs of one tree. Reading takes no lock and re-reads nothing but what was appended.

    Args:
        files: where the tree lies.
        tree: the top-level run's id.
    """

    def __init__(self, files: Files, tree: str) -> None:
        self._files = files
        self._tree = tree
        self._forget()

    def _forget(self) -> None:
        self._journals: dict[str, _JournalFile] = {}
        self._writers: dict[str, _Writer] = defaultdict(_Writer)
        self._events: dict[str, list[Event]] = defaultdict(list)
        self._rings: dict[str, list[Event]] = {}
        self._final_rings: set[str] = set()
        self._folds: dict[str, Fold] = {}

    def refresh(self, sizes: Mapping[str, int]) -> set[str]:
        """Read what was appended since the last time, and give the ids of the runs that it tells something new of.

        Args:
            sizes: the names and sizes of the files in the folder, as they are now.
        """
        if any(sizes.get(name, 0) < journal.read for name, journal in self._journals.items()):
            self._forget()  # a file is gone, or is another one
        gone = {name for name in self._rings if name not in sizes}
        # Rings first: a point that moves into a journal meanwhile is then seen twice rather than never.
        rings = {name: self._ring_bytes(name) for name in sizes if self._may_change(name)}
        names = [name for name, size in sizes.items() if name.endswith(".jsonl") and self._has_read(name) != size]
        if rings or gone:  # what they held may have moved since the sizes were taken
            names = [name for name in sizes if name.endswith(".jsonl")]
        changed = {run for name in names for run in self._follow(name)}
        for name in gone:
            changed |= {event.run for event in self._rings.pop(name)}
        for name, found in rings.items():
            changed |= self._take_ring(name, found)
        for run in changed:
            unsealed = (event for events in self._rings.values() for event in events if event.run == run)
            self._folds[run] = fold(run, [*self._events[run], *unsealed])
        return changed

    # ---- journals

    def _has_read(self, name: str) -> int:
        return self._journals[name].read if name in self._journals else 0

    def _follow(self, name: str) -> set[str]:
        """Read a journal on, and give the runs that it tells something new of."""
        journal = self._journals.setdefault(name, _JournalFile())
        data = self._files.read(self._tree, name, journal.read)
        whole = data.rfind(b"\n") + 1
        events, damaged = decode_lines(data[:whole])
        journal.damaged += damaged
        journal.read += whole
        journal.tail_is_torn = whole < len(data)
        journal.writers.update(event.writer for event in events)
        for event in events:
            self._writers[event.writer].hear(event)
            if event.kind != "journal":
                self._events[event.run].append(event)
        return {event.run for event in events if event.kind != "journal"}

    # ---- rings

    def _may_change(self, name: str) -> bool:
        return name.endswith(".ring") and name not in self._final_rings

    def _ring_bytes(self, name: str) -> tuple[bytes, bytes]:
        """Read a ring, twice. When its writer was gone before, it need not be read again."""
        writer = self._writers.get(name.removesuffix(".ring"))
        if writer is not None and writer.is_gone:
            self._final_rings.add(name)
        return self._files.read(self._tree, name, 0), self._files.read(self._tree, name, 0)

    def _take_ring(self, name: str, readings: tuple[bytes, bytes]) -> set[str]:
        """Keep the points of a ring that no journal holds yet, and give the runs for which these are not as before."""
        writer = name.removesuffix(".ring")
        said = self._writers[writer]
        before, now = self._rings.get(name, []), unsealed(writer, said.last, said.sealed, *readings)
        self._rings[name] = now
        return set() if before == now else {event.run for event in (*before, *now)}

    # ---- what it amounts to

    def runs(self, store: Any, is_deleted: bool | None) -> list[Run]:
        """Give the tree's runs: the deleted, the others, or (None) all. Children go with a deleted parent."""
        unreadable = self.unreadable
        return [
            finished_run(facts, self._status(run), unreadable, store)
            for run, facts in self._folds.items()
            if is_deleted is None or self._is_deleted(run) is is_deleted
        ]

    def _is_deleted(self, run: str) -> bool:
        ancestors = {self._tree: None, run: None}
        while (parent := self._folds[run].parent) in self._folds and parent not in ancestors:
            ancestors[run := str(parent)] = None
        return any(self._folds[each].deleted for each in ancestors if each in self._folds)

    def run(self, run_id: str, store: Any) -> Run | None:
        """Give one run, None where the tree has none of that id."""
        facts = self._folds.get(run_id)
        return None if facts is None else finished_run(facts, self._status(run_id), self.unreadable, store)

    def _status(self, run_id: str | None, below: frozenset[str | None] = frozenset()) -> str:
        """Give the status of a run; one that is not here, or is its own ancestor, is lost."""
        facts = self._folds.get(run_id or "")
        if facts is None or run_id in below:
            return "LOST"
        return status(facts, self._is_lost, lambda: self._status(facts.parent, below | {run_id}))

    @property
    def latest(self) -> int:
        """The time of the last event here, in microseconds since the epoch."""
        return max((writer.last for writer in self._writers.values()), default=0)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._folds or (run_id == self._tree and self.is_newer)

    def _is_lost(self, start: Event) -> bool:
        return self._writers[start.writer].is_gone

    @property
    def unreadable(self) -> int:
        """How many pieces of the journals could not be read; a torn end counts once its writer is gone."""
        torn = (journal for journal in self._journals.values() if journal.tail_is_torn)
        dead = sum(all(self._writers[writer].is_gone for writer in journal.writers) for journal in torn)
        return dead + sum(journal.damaged for journal in self._journals.values())

    @property
    def is_newer(self) -> bool:
        """Say whether a journal here was written in a format that this version does not know."""
        formats = (writer.header.data.get("format") for writer in self._writers.values() if writer.header is not None)
        return any(type(said) is int and said > FORMAT for said in formats)

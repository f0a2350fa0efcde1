"""The files of one top-level run, followed as they grow: what is new in its journals, what still lies in its rings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from autolog.journal import liveness
from autolog.journal.events import FORMAT, Event, decode_lines, encode_line
from autolog.journal.process import BEAT
from autolog.journal.recovery import covered, merged, unsealed
from autolog.store.base import Files

__all__ = ["News", "Tail"]


class News(NamedTuple):
    """What following a run's files has found.

    Args:
        events: those that were appended.
        in_rings: the runs of which the rings hold other points than before.
        is_anew: everything was read again, since a file is gone or is another one.
    """

    events: list[Event]
    in_rings: set[str]
    is_anew: bool

    @property
    def runs(self) -> set[str]:
        """The runs that it tells something new of."""
        return {event.run for event in self.events} | self.in_rings


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
        return liveness.is_lost(self.header, self.last, liveness.MISSED * self.every)


class Tail:
    """How far a tree's files were read. Reading takes no lock and re-reads nothing but what was appended.

    Args:
        files: where the tree lies.
        tree: the top-level run's id.
        state: where another one stood, as its `state` says, to go on from there.
    """

    def __init__(self, files: Files, tree: str, state: Mapping[str, Any] | None = None) -> None:
        self._files = files
        self._tree = tree
        self._forget()
        if state is not None:
            self._journals.update((name, _journal_of(said)) for name, said in state["journals"].items())
            self._writers.update((name, _writer_of(said)) for name, said in state["writers"].items())
            self._were_in_rings.update(state["in_rings"])

    def _forget(self) -> None:
        self._journals: dict[str, _JournalFile] = {}
        self._writers: dict[str, _Writer] = defaultdict(_Writer)
        self._rings: dict[str, list[Event]] = {}
        self._final_rings: set[str] = set()
        self._were_in_rings: set[str] = set()

    @property
    def state(self) -> dict[str, Any]:
        """Where this one stands, as JSON."""
        return {
            "journals": {name: _said_of_journal(journal) for name, journal in self._journals.items()},
            "writers": {name: _said_of_writer(writer) for name, writer in self._writers.items()},
            "in_rings": sorted({event.run for events in self._rings.values() for event in events}),
        }

    def follow(self, sizes: Mapping[str, int]) -> News:
        """Read what was appended since the last time.

        Args:
            sizes: the names and sizes of the files in the folder, as they are now.
        """
        is_anew = any(sizes.get(name, 0) < journal.read for name, journal in self._journals.items())
        if is_anew:  # a file is gone, or is another one
            self._forget()
        gone = {name for name in self._rings if name not in sizes}
        # Rings first: a point that moves into a journal meanwhile is then seen twice rather than never.
        rings = {name: self._ring_bytes(name) for name in sizes if self._may_change(name)}
        names = [name for name, size in sizes.items() if name.endswith(".jsonl") and self._has_read(name) != size]
        if rings or gone:  # what they held may have moved since the sizes were taken
            names = [name for name in sizes if name.endswith(".jsonl")]
        events = [event for name in names for event in self._read_on(name)]
        in_rings, self._were_in_rings = self._were_in_rings, set()
        for name in gone:
            in_rings |= {event.run for event in self._rings.pop(name)}
        for name, found in rings.items():
            in_rings |= self._take_ring(name, found)
        return News(events, in_rings, is_anew)

    # ---- journals

    def _has_read(self, name: str) -> int:
        return self._journals[name].read if name in self._journals else 0

    def _read_on(self, name: str) -> list[Event]:
        """Read a journal on, and give the events that tell something of runs."""
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
        return [event for event in events if event.kind != "journal"]

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

    def unsealed(self, run: str) -> list[Event]:
        """Give the points of a run that only rings hold."""
        return [event for events in self._rings.values() for event in events if event.run == run]

    # ---- who writes

    def is_gone(self, writer: str) -> bool:
        """Say whether a writer's process is gone."""
        return self._writers[writer].is_gone

    @property
    def is_at_rest(self) -> bool:
        """Say whether nobody is left who writes to the files there are."""
        return not set(self._rings) - self._final_rings and all(each.is_gone for each in self._writers.values())

    @property
    def latest(self) -> int:
        """The time of the last event here, in microseconds since the epoch."""
        return max((writer.last for writer in self._writers.values()), default=0)

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


# ---- a state as JSON, and back


def _said_of_journal(journal: _JournalFile) -> list[Any]:
    return [journal.read, journal.damaged, journal.tail_is_torn, sorted(journal.writers)]


def _journal_of(said: list[Any]) -> _JournalFile:
    read, damaged, tail_is_torn, writers = said
    return _JournalFile(read, damaged, tail_is_torn, set(writers))


def _said_of_writer(writer: _Writer) -> list[Any]:
    header = "" if writer.header is None else encode_line(writer.header).decode("ascii")
    return [header, writer.last, writer.every, {run: merged(ranges) for run, ranges in writer.sealed.items()}]


def _writer_of(said: list[Any]) -> _Writer:
    header, last, every, sealed = said
    headers: Iterable[Event] = decode_lines(header.encode("ascii"))[0]
    ranges = {run: [(first, last) for first, last in found] for run, found in sealed.items()}
    return _Writer(next(iter(headers), None), last, every, defaultdict(list, ranges))

"""One process's journal file in the folder of one top-level run.

An event is one `os.write` to an append-only file, made before the call that caused it returns. Points go to the ring
and from there into the journal. What the disk refuses waits in a bounded backlog and is written when the disk is back.
The lock is never waited for by one who writes an event or a point while the disk works and the ring has room.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
import weakref
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from autolog import clock
from autolog.guard import logger
from autolog.journal import points
from autolog.journal.backlog import Backlog
from autolog.journal.events import FORMAT, encode_line
from autolog.journal.ring import CAPACITY, VOID, PointWriter, Ring, Slots

__all__ = ["Journal", "PointLog", "PointStream"]

_Point: TypeAlias = "tuple[str, str, int, float, int]"
"""A run, a series of it, a step, a value and a time in nanoseconds."""

_LOOK: Final = 0.05  # seconds in which splits do not look again whether the file is still there
_GRACE: Final = 0.5  # seconds that a thread of ours leaves to whoever deletes a run's folder
_EARLY: Final = 64  # so many batches are written at once before a ring is made: most runs log few points
_FEW: Final = 8  # … so many, where it is known beforehand how many there will be
_MOST_OPEN: Final = 64  # files of runs at a time: the program needs some of those it may have, and runs may be many
_MOST_NOTES: Final = 1_000  # of what goes wrong at tick after tick
_QUIET: Final = 20  # ticks without a point after which the ring rests: nobody looks into it until the next point


class Journal:
    """The writing side of one journal file. Every method may be called from any thread, and none raises OSError.

    Args:
        folder: the top-level run's folder; it is made with the file, at the first event.
        tree: the top-level run's id.
        identity: what the header says of the writing process.
        wake: has the writing thread look at once for what waits.
        capacity: of the ring, in points.
    """

    def __init__(
        self,
        folder: Path,
        tree: str,
        identity: Mapping[str, Any],
        wake: Callable[[], None],
        capacity: int = CAPACITY,
    ) -> None:
        self.folder = folder
        self.tree = tree
        self.running: dict[str, Mapping[str, Any]] = {}
        self.changed = False
        self._identity = identity
        self._wake = wake
        self._capacity = capacity
        self._backlog = Backlog()
        self._lock = threading.RLock()
        self._early = itertools.count(1).__next__
        self._file: _File | None = None
        self._ring: Ring | None = None
        self._sealed = 0  # the number of the last point of rings that are closed
        self._series: list[tuple[str, str]] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._logs: list[PointLog] = []
        self._waiting: deque[_Point] = deque()  # points that a loop gives
        self._due: _Due | None = None
        self._quiet = 0
        self._stream: PointStream | None = None
        self._sealing = False
        self._look = 0.0  # when a split looks next, on `time.monotonic`'s clock
        self._noted: set[tuple[str, str]] = set()
        self._number = itertools.count().__next__
        self.last = 0
        self._begin()

    def _begin(self) -> None:
        """Take a new writer id, and with it a new file."""
        self.writer = clock.new_id(16)
        self.path = self.folder / f"{self.writer}.jsonl"
        self._has_header = False

    # ---- events

    def write(self, run: str, kind: str, data: Mapping[str, Any]) -> None:
        """Append one event."""
        # there are many splits, and to look takes a sixth of each; one that opens the file would make it anew
        if kind != "split" or self._file is None or time.monotonic() >= self._look:
            self._restore()
        if kind == "started":
            self.running[run] = data
        elif kind == "finished":
            self.running.pop(run, None)
        if self._file is None and not self._backlog:
            self._open()  # before the event is numbered: the header comes first
        self._append(self._line(run, kind, data), points=0)

    def _line(self, run: str, kind: str, data: Mapping[str, Any]) -> bytes:
        """Number, date and encode an event; the time of a process's events never decreases, whatever the clock does."""
        number = self._number()
        self.last = now = max(self.last, clock.now() // 1000)
        return encode_line((run, kind, now, self.writer, number, data))

    def _append(self, lines: bytes, points: int) -> None:
        """Write whole lines, behind what already waits; `points` says how many points they hold."""
        if (self._backlog and not self._retry()) or not self._write(lines):
            with self._lock:
                self._backlog.add(lines, points)

    def _write(self, lines: bytes) -> bool:
        if self._file is None and not self._open():
            return False
        file = self._file  # held while it is written to, so that it is not closed meanwhile
        try:
            if file is None:
                raise OSError("the journal is not open")
            while lines:
                lines = lines[os.write(file.number, lines) :]  # after a short write the next gives the reason
        except OSError as error:
            self._failed(error)
            return False
        self.changed = True
        return True

    def _open(self) -> bool:
        if self._file is not None:
            return True
        with self._lock:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                file = _File(self.path)
                fresh = os.fstat(file.number).st_size == 0
            except OSError as error:
                self._failed(error)
                return False
            self._file = file
            _let_go_of_oldest(self)
            if fresh or not self._has_header:
                self._has_header = self._write_header()
                self._file = file if self._has_header else None
            return self._has_header

    def _write_header(self) -> bool:
        header = {"format": FORMAT, **self._identity}
        return self._write(self._line(self.tree, "journal", header))

    def _failed(self, error: OSError) -> None:
        self._wake()
        if self._backlog.begin(str(error)):
            logger.warning("autolog: cannot write %s: %s; kept in memory, and tried again", self.path, error)

    def _retry(self) -> bool:
        with self._lock:
            return self._backlog.due() and self._write_backlog()

    def _write_backlog(self) -> bool:
        """Write what waits, to a file opened anew: the old one may be gone."""
        with self._lock:
            self._file = None
            if not self._open() or not self._write(b"\n"):
                return False
            while self._backlog:
                if not self._write(self._backlog.first()):
                    return False
                self._backlog.remove_first()
            self._tell(self._backlog.end())
            return True

    def note(self, text: str) -> None:
        """Say in every run that is open here, or in the top-level run, what is missing from it; each text once."""
        for run in list(self.running) or [self.tree]:
            self._note(run, text)

    def _note(self, run: str, text: str) -> None:
        if (run, text) not in self._noted and len(self._noted) < _MOST_NOTES:
            self._noted.add((run, text))
            self.write(run, "note", {"text": text})

    def _tell(self, text: str | None) -> None:
        """Leave a note of what was dropped in every run that is open here, or in the top-level run."""
        for run in (list(self.running) or [self.tree]) if text else []:
            self._append(self._line(run, "note", {"text": text}), points=0)

    # ---- points

    def write_points(self, run: str, columns: Mapping[str, points.Columns]) -> bool:
        """Append a batch of points at once, as long as there have been few; False says to use the ring."""
        if self._ring is not None or self._early() > _EARLY:
            return False
        self.write(run, "points", {"series": {key: points.encode(column) for key, column in columns.items()}})
        return True

    def expect_points(self, count: int) -> None:
        """Use the ring from the next point on, where writing so many at once would take longer than making it."""
        if count > _FEW:
            self._early = itertools.count(_EARLY + 1).__next__

    def point_log(self, run: str) -> PointLog:
        """Give one run's way into the ring."""
        with self._lock:
            if self._ring is None:
                self._ring = self._make_ring()
            log = PointLog(self, run, self._ring.writer() if self._ring is not None else self._write_point)
            self._logs.append(log)
            self._quiet = 0
            self._wake()
            return log

    def stream(self) -> PointStream:
        """Give a way for points that wait in memory until the next tick, where `kill -9` loses them.

        It is for loops in which the ring would be felt, at some microseconds a point.
        """
        with self._lock:
            if self._stream is None:
                self._stream = PointStream(self._waiting)
                self._quiet = 0
                self._wake()
            return self._stream

    def _write_waiting(self) -> None:
        """Write the points that wait in memory; who gives them may be adding to them."""
        if self._due is not None:  # Ctrl-C has ended the last time
            self._write_due(self._due)
        if self._waiting:
            self._due = self._encoded(self._waiting.copy())
            self._write_due(self._due)

    def _write_due(self, due: _Due) -> None:
        """Write lines, after which their points wait no more; the same lines a second time say nothing new."""
        self._append(due.lines, points=due.size)
        while due.points:
            if self._waiting and self._waiting[0] is due.points[-1]:
                self._waiting.popleft()
            due.points.pop()
        self._due = None

    def _encoded(self, waiting: Collection[_Point]) -> _Due:
        series: dict[tuple[str, str], list[_Point]] = defaultdict(list)
        for point in waiting:
            series[point[:2]].append(point)
        by_run: dict[str, dict[str, Any]] = defaultdict(dict)
        for (run, key), found in series.items():
            _, _, steps, values, times = zip(*found, strict=True)
            columns = self._sound(run, key, points.Columns(steps, values, [each // 1000 for each in times]))
            if columns.values:
                by_run[run][key] = points.encode(columns)
        lines = [self._line(run, "points", {"series": encoded}) for run, encoded in by_run.items()]
        size = sum(each["n"] for encoded in by_run.values() for each in encoded.values())
        return _Due(b"".join(lines), size, list(waiting)[::-1])

    def _make_ring(self) -> Ring | None:
        try:
            if self._file is None and not self._open():
                return None
            path = self.path.with_suffix(".ring")
            ring = Ring(path, self.seal, self._write_point, self._capacity, self._sealed)
            for number, (run, key) in enumerate(self._series):
                ring.name(number, run, key)
            return ring
        except OSError:
            return None  # a full disk: points take the slower way

    def _write_point(self, series: int, step: int, value: float, time_ns: int) -> None:
        run, key = self._series[series]
        columns = points.Columns([step], [value], [time_ns // 1000])
        self._append(self._line(run, "points", {"series": {key: points.encode(columns)}}), points=1)

    def _sound(self, run: str, key: str, columns: points.Columns) -> points.Columns:
        """Leave out what is no point: nobody has looked at what a loop gives."""
        found = points.sound(columns)
        if len(found.values) < len(columns.values):
            self._note(run, f"points of {key!r} are missing: their values are no numbers, or their steps no whole ones")
        return found

    def series(self, run: str, key: str) -> int:
        """Number a series of a run."""
        with self._lock:
            number = self._numbers.get((run, key))
            if number is None:
                number = self._numbers[run, key] = len(self._series)
                self._series.append((run, key))
                self._name(number, run, key)
            return number

    def _name(self, number: int, run: str, key: str) -> None:
        if self._ring is not None:
            try:
                self._ring.name(number, run, key)
            except OSError as error:
                self._failed(error)

    def seal(self) -> None:
        """Move the points that wait, in the ring or in memory, into the journal.

        Who asks for it in the middle of it, as a signal handler or the end of an object may, is not waited for.
        """
        if not self._waiting and self._ring is None:  # what another thread is about to write still waits
            return
        with self._lock:
            if not self._sealing:
                self._restore()
                self._sealing = True
                try:
                    self._write_waiting()
                    self._write_ring()
                finally:
                    self._sealing = False

    def _write_ring(self) -> None:
        ring = self._ring
        if ring is None:
            return
        slots = ring.unsealed()
        if slots.series:
            self._quiet = 0
            self._append_slots(slots, {"from": slots.first, "to": slots.last})
            ring.taken(slots.last)

    def _append_slots(self, slots: Slots, covers: Mapping[str, int]) -> None:
        self._append(b"".join(self._lines(slots, covers)), points=len(slots.series))

    def _lines(self, slots: Slots, covers: Mapping[str, int]) -> list[bytes]:
        """Give a line for each run that has points among the slots; each says which points of the ring it covers."""
        by_run: dict[str, dict[str, Any]] = defaultdict(dict)
        for number, columns in _by_series(slots):
            run, key = self._series[number]
            by_run[run][key] = points.encode(columns)
        return [self._line(run, "points", {**covers, "series": series}) for run, series in by_run.items()]

    # ---- the writing thread's part

    @property
    def waits(self) -> bool:
        """Say whether points may wait to be written, or a backlog does."""
        return bool(self._logs) or bool(self._backlog) or self._stream is not None

    def tick(self) -> None:
        """Seal what waits, and try again what was refused."""
        self._quiet = 0 if self._waiting else self._quiet + 1
        if self._quiet > _QUIET and (self._logs or self._stream):
            self._rest()
        self.seal()
        if self._backlog:
            self._retry()

    def _rest(self) -> None:
        """Have the next point ask for a log, and a ring where there was none; until then none needs to look."""
        with self._lock:
            self._end_logs()

    def _end_logs(self) -> None:
        for log in self._logs:
            log.end()
        self._logs.clear()
        if self._stream is not None:
            self._stream.rests, self._stream = True, None

    def beat(self, every: float) -> None:
        """Say of each open run that its writer lives, and that it will say so again `every` seconds from now."""
        for run in list(self.running):
            self.write(run, "beat", {"every": every})

    def _restore(self) -> None:
        """Where the file was deleted while its runs go on, begin a new one, before anything else is written."""
        file, until = self._file, time.monotonic() + _LOOK
        if not self.running or not (self._is_gone() if file is None else _is_deleted(file.number)):
            self._look = until
            return
        if threading.current_thread().name.startswith("autolog-"):
            time.sleep(_GRACE)  # who deletes a folder may be in the midst of it, and would find it not empty
        with self._lock:
            if self._file is file and not self._sealing:
                self._begin_anew()

    def _is_gone(self) -> bool:
        """Say whether a file that was let go of is there no more."""
        return self._has_header and not self._backlog and not self.path.exists()

    def _begin_anew(self) -> None:
        """Say in a new file what happened; points that wait follow, which the new ring's numbers do not cover."""
        ring = self._take_ring()
        self._file = None
        self._begin()
        for run, started in list(self.running.items()):
            self.write(run, "started", started)
            self.write(run, "note", {"text": "the run's folder was deleted while it ran; what it held is gone"})
        if ring is not None:
            for slots in ring.last_unsealed():
                self._append_slots(slots, {})
            ring.close()

    def sync(self) -> None:
        """Have the disk keep what was written (fsync); never called on a training thread."""
        file = self._file
        if file is not None and self.changed:
            self.changed = False
            try:
                os.fsync(file.number)
            except OSError as error:
                logger.warning("autolog: the disk may not keep what was written to %s: %s", self.path, error)

    def finish(self, run: str, data: Mapping[str, Any]) -> None:
        """Write a run's end behind all its points."""
        self.seal()
        self.write(run, "finished", data)

    # ---- the end

    def close(self) -> None:
        """Write what waits and let go of the files; a later event opens the journal again."""
        with self._lock:
            self.seal()
            self.close_ring()
            if self._backlog and not self._write_backlog():
                logger.warning("autolog: %s is incomplete: %s", self.path, self._backlog.end())
            self._file = None

    def close_ring(self) -> None:
        """Seal and remove the ring, having sent those who log into it elsewhere."""
        with self._lock:
            ring = self._take_ring()
            if ring is not None:
                for slots in ring.last_unsealed():
                    self._append_slots(slots, {"from": slots.first, "to": slots.last})
                ring.close()
                self._sealed = ring.sealed

    def _take_ring(self) -> Ring | None:
        self._end_logs()
        ring, self._ring = self._ring, None
        return ring

    def drop(self) -> None:
        """Let go of everything without writing: after a fork, these are the parent's."""
        self._lock = threading.RLock()
        self._file = None
        self._waiting.clear()
        self._due = None
        ring = self._take_ring()
        if ring is not None:
            ring.drop()


_open_ones: deque[weakref.ref[Journal]] = deque()


def _let_go_of_oldest(journal: Journal) -> None:
    """Bound the files that the process has open for us: one that is let go of is opened again when it is written to."""
    _open_ones.append(weakref.ref(journal))
    while len(_open_ones) > _MOST_OPEN:
        oldest = _open_ones.popleft()()
        if oldest is not None and oldest is not journal:
            oldest._file = None  # noqa: SLF001  (a journal's own)


class _File:
    """An open file, closed when nobody holds it any more: others may be writing to it when it is given up."""

    __slots__ = ("number",)

    def __init__(self, path: Path) -> None:
        self.number = -1
        self.number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        if self.number >= 0:
            close(self.number)


class PointLog:
    """One run's way into the ring: numbers of its series, and the function that writes a point.

    The two are read by the logging path itself. `numbers` empty says that the log is to be asked for anew.
    """

    __slots__ = ("_journal", "_run", "numbers", "write")

    def __init__(self, journal: Journal, run: str, write: PointWriter) -> None:
        self._journal = journal
        self._run = run
        self.numbers: dict[str, int] = {}
        self.write = write

    def add(self, key: str) -> int:
        """Number a series that is new here."""
        number = self.numbers[key] = self._journal.series(self._run, key)
        return number

    def end(self) -> None:
        """Send the next point through a new log."""
        self.numbers.clear()


class _Due(NamedTuple):
    """Points that wait, as they are to be written.

    Args:
        lines: of the journal.
        size: how many points they hold.
        points: those that wait, the last first; they go as they are taken.
    """

    lines: bytes
    size: int
    points: list[_Point]


class PointStream:
    """Takes points, as their run, key, step, value and time in nanoseconds.

    Args:
        waiting: where they wait.
    """

    __slots__ = ("add", "rests")

    def __init__(self, waiting: deque[_Point]) -> None:
        self.add = waiting.append
        self.rests = False  # nobody looks at what waits any more: another stream is to be asked for


def _is_deleted(file: int) -> bool:
    try:
        return os.fstat(file).st_nlink == 0
    except OSError:  # a stale handle of a network file system
        return True


def _by_series(slots: Slots) -> list[tuple[int, points.Columns]]:
    """Sort points into series; most often there is one."""
    times = [time_ns // 1000 for time_ns in slots.times]
    series = slots.series
    if series[0] != VOID and series.count(series[0]) == len(series):
        return [(series[0], points.Columns(slots.steps, slots.values, times))]
    groups: dict[int, points.Columns] = defaultdict(lambda: points.Columns([], [], []))
    for number, step, value, moment in zip(series, slots.steps, slots.values, times, strict=True):
        columns = groups[number]
        columns.steps.append(step)  # type: ignore[attr-defined]
        columns.values.append(value)  # type: ignore[attr-defined]
        columns.times.append(moment)  # type: ignore[attr-defined]
    groups.pop(VOID, None)
    return list(groups.items())

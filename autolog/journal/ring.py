"""The ring: points of the last moments in a memory-mapped file, where they survive the death of the process.

A slot is 40 bytes: the series' number, step, value, time in nanoseconds since the epoch, and last the point's own
number counted from 1, which commits it. A point is claimed by one call of an atomic counter and written by one
`pack_into`, so no lock stands on the logging path. The slots are allocated beforehand (a hole in a mapped file on a
full disk would be a SIGBUS). Behind the slots stand the series' names, a sealed JSON line each.
"""

from __future__ import annotations

import itertools
import json
import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from autolog.journal.events import seal

__all__ = ["CAPACITY", "VOID", "Point", "Ring", "Slots", "read_ring"]

CAPACITY: Final = 8192
VOID: Final = -1  # the series of a slot that was claimed for what is no point
_MAGIC: Final = b"autolog ring 1\n"
_HEADER: Final = 64
_SLOT: Final = struct.Struct("<qqdqq")
_SIZE: Final = _HEADER + CAPACITY * _SLOT.size
_STUCK: Final = 1.0  # seconds after which a claimed slot is taken to be abandoned: its thread was interrupted


class Point(NamedTuple):
    """A point as it lies in a slot."""

    series: int
    step: int
    value: float
    time: int
    number: int


class Slots(NamedTuple):
    """Points as columns, numbered without a gap from `first`; times in nanoseconds."""

    first: int
    series: list[int]
    steps: list[int]
    values: list[float]
    times: list[int]

    @property
    def last(self) -> int:
        """The number of the last point; `first - 1` where there is none."""
        return self.first + len(self.series) - 1

    @classmethod
    def of(cls, raw: bytearray, first: int) -> Slots:
        """Take the slots apart, a column at a time."""
        whole = memoryview(raw).cast("q")
        values: list[float] = memoryview(raw).cast("d")[2::5].tolist()  # type: ignore[assignment]
        return cls(first, whole[0::5].tolist(), whole[1::5].tolist(), values, whole[3::5].tolist())


class Ring:
    """The writing side of one ring file.

    Args:
        path: the file; it is created.
        make_room: called when all slots hold unsealed points; must call `taken` for some.

    Raises:
        OSError: the file cannot be made, or the disk has no room for it.
    """

    def __init__(self, path: Path, make_room: Callable[[], None]) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
        try:
            _allocate(self._file, _SIZE)
            self._map = mmap.mmap(self._file, _SIZE)
        except BaseException:
            self.close()
            raise
        self._map[: len(_MAGIC)] = _MAGIC
        self._make_room = make_room
        self._claim = itertools.count(1).__next__
        self._limit = CAPACITY
        self._sealed = 0
        self._stuck_since: float | None = None

    def name(self, series: int, run: str, key: str) -> None:
        """Write down what a series' number stands for, before its first point."""
        body = json.dumps({"id": series, "run": run, "key": key})
        os.write(self._file, seal(body[:-1]))

    def writer(self) -> Callable[[int, int, float, int], None]:
        """Give the function that writes a point: `write(series, step, value, time_ns)`.

        It raises struct.error where a step is no 64-bit integer or a value no number.
        """
        claim, pack, mapped, mask = self._claim, _SLOT.pack_into, self._map, CAPACITY - 1

        def write(series: int, step: int, value: float, time_ns: int) -> None:
            number = claim()
            if number > self._limit:
                self._wait_for_room(number)
            try:
                pack(mapped, 64 + 40 * ((number - 1) & mask), series, step, value, time_ns, number)
            except struct.error:
                pack(mapped, 64 + 40 * ((number - 1) & mask), VOID, 0, 0.0, 0, number)
                raise

        return write

    def _wait_for_room(self, number: int) -> None:
        """Until the slot is free: another thread may be in the middle of writing the point that blocks it."""
        while number > self._limit:
            self._make_room()
            if number > self._limit:
                time.sleep(0.0005)

    def unsealed(self) -> Slots:
        """Give the points written since `taken`, up to the first that is still being written."""
        slots = self._committed(self._sealed, self._sealed + CAPACITY)
        if len(slots.series) or not self._is_blocked():
            self._stuck_since = None
            return slots
        now = time.monotonic()
        self._stuck_since = self._stuck_since or now
        if now - self._stuck_since > _STUCK:
            self.taken(self._sealed + 1)
        return slots

    def _is_blocked(self) -> bool:
        """Say whether the next slot is empty although one behind it is not."""
        probe = range(self._sealed + 1, self._sealed + 64)
        return any(self._number_at(position) == position + 1 for position in probe)

    def _number_at(self, position: int) -> int:
        return int(_SLOT.unpack_from(self._map, _HEADER + _SLOT.size * (position % CAPACITY))[4])

    def _committed(self, start: int, stop: int) -> Slots:
        """Read slots in growing chunks; most often there are few points or none."""
        first, chunk, raw = start, 32, bytearray()
        while start < stop:
            end = min(start + chunk, stop, start - start % CAPACITY + CAPACITY)
            offset = _HEADER + _SLOT.size * (start % CAPACITY)
            piece = self._map[offset : offset + _SLOT.size * (end - start)]
            sound = _matching(memoryview(piece).cast("q")[4::5].tolist(), start + 1)
            raw += piece[: sound * _SLOT.size]
            if sound < end - start:
                break
            start, chunk = end, chunk * 4
        return Slots.of(raw, first + 1)

    def taken(self, number: int) -> None:
        """Free the slots of all points up to that number."""
        self._sealed = number
        self._limit = number + CAPACITY

    def close(self) -> None:
        """Remove the file; its points have been sealed. Late writers keep the mapping alive, harmlessly."""
        self.drop()
        self.path.unlink(missing_ok=True)

    def drop(self) -> None:
        """Let go of the file without touching it: it is another process's."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _matching(numbers: list[int], first: int) -> int:
    """Give how many of the numbers count on from `first`."""
    if numbers == list(range(first, first + len(numbers))):
        return len(numbers)
    return next(index for index, number in enumerate(numbers) if number != first + index)


def _allocate(file: int, size: int) -> None:
    """Take the disk space now. Without posix_fallocate (macOS, Windows) zeros are written."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.write(file, b"\0" * size)


def read_ring(first: bytes, second: bytes) -> list[tuple[str, str, Point]]:
    """Give the points in a ring file as (run, key, point), in their order, those that were sealed included.

    Args:
        first: the file's bytes.
        second: its bytes, read again: a slot that a living process changed in between is left out.
    """
    if not first.startswith(_MAGIC) or len(first) < _SIZE or len(second) < _SIZE:
        return []
    names = dict(filter(None, map(_name, second[_SIZE:].split(b"\n"))))
    points = _stable_points(first[_HEADER:_SIZE], second[_HEADER:_SIZE])
    return [(*names[point.series], point) for point in points if point.series in names]


def _stable_points(first: bytes, second: bytes) -> list[Point]:
    slots = zip(_SLOT.iter_unpack(first), _SLOT.iter_unpack(second), strict=True)
    size = _SLOT.size
    return sorted(
        (
            Point(*slot)
            for index, (_, slot) in enumerate(slots)
            if slot[4] > 0
            and (slot[4] - 1) % CAPACITY == index
            and first[index * size : (index + 1) * size] == second[index * size : (index + 1) * size]
        ),
        key=lambda point: point.number,
    )


def _name(line: bytes) -> tuple[int, tuple[str, str]] | None:
    """Read the name of a series; None where the line is torn."""
    try:
        fields: dict[str, Any] = json.loads(line)
        body = json.dumps({name: fields[name] for name in ("id", "run", "key")})
        return (fields["id"], (fields["run"], fields["key"])) if seal(body[:-1]) == line + b"\n" else None
    except (ValueError, KeyError, TypeError, UnicodeError):
        return None

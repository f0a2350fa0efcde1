"""The ring: points of the last moments in a memory-mapped file, where they survive the death of the process.

A slot is 40 bytes: the series' number, step, value, time in nanoseconds since the epoch, and last the point's own
number counted from 1, which commits it. A point is claimed by one call of an atomic counter and written by one
`pack_into`, so no lock stands on the logging path. The slots are allocated beforehand (a hole in a mapped file on a
full disk would be a SIGBUS). Before the slots stands a header: a mark, and how many slots there are; behind them
stand the series' names, a sealed JSON line each.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import mmap
import operator
import os
import re
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from autolog.journal.events import seal

__all__ = ["CAPACITY", "VOID", "Point", "PointWriter", "Ring", "Slots", "read_ring"]

PointWriter: TypeAlias = Callable[[int, int, float, int], None]
"""Writes a point: series, step, value, time in nanoseconds."""

CAPACITY: Final = 8192
VOID: Final = -1  # the series of a slot that was claimed for what is no point
_MAGIC: Final = b"autolog ring 1\n"
_HEADER: Final = 64
_SLOT: Final = struct.Struct("<qqdqq")
_CAPACITY_AT: Final = 16
_STUCK: Final = 1.0  # seconds after which a claimed slot is taken to be abandoned: its thread was interrupted
_LOOKS: Final = 10  # so often it must have been found empty, each time with a chance for its thread to run
_LAST_WAIT: Final = 0.1  # seconds that closing waits for slots that are being written
_RUN: Final = re.compile(r"[0-9a-f]{1,64}\Z")


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
        elsewhere: takes the points of those who still hold a `writer` of a ring that has been closed.
        capacity: how many slots, a power of two.
        sealed: the number of the writer's last point that lay in an earlier ring; it is counted on from there.

    Raises:
        OSError: the file cannot be made, or the disk has no room for it.
    """

    def __init__(
        self,
        path: Path,
        make_room: Callable[[], None],
        elsewhere: PointWriter,
        capacity: int = CAPACITY,
        sealed: int = 0,
    ) -> None:
        self.path = path
        self._capacity = capacity
        size = _HEADER + capacity * _SLOT.size
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            _allocate(self._file, size)
            self._map = mmap.mmap(self._file, size)
            os.lseek(self._file, size, os.SEEK_SET)
        except BaseException:
            self.close()
            raise
        self._map[_CAPACITY_AT : _CAPACITY_AT + 8] = capacity.to_bytes(8, "little")
        self._map[: len(_MAGIC)] = _MAGIC
        self._make_room = make_room
        self._elsewhere = elsewhere
        self._claim = itertools.count(sealed + 1).__next__
        self.sealed = sealed
        self._limit = sealed + capacity
        self._closed = False
        self._stuck_since = 0.0
        self._stuck_looks = 0

    def name(self, series: int, run: str, key: str) -> None:
        """Write down what a series' number stands for, before its first point."""
        body = json.dumps({"id": series, "run": run, "key": key})
        os.write(self._file, seal(body[:-1]))

    def writer(self) -> PointWriter:
        """Give the function that writes a point: `write(series, step, value, time_ns)`.

        It raises struct.error, TypeError or ValueError where a step is no 64-bit integer or a value no number.
        """
        claim, pack, mapped, mask = self._claim, _SLOT.pack_into, self._map, self._capacity - 1

        def write(series: int, step: int, value: float, time_ns: int) -> None:
            if type(value) is not float:  # a value on a device may be waited for: not while a slot is claimed
                value = float(value)
            if type(step) is not int:
                step = operator.index(step)
            number = claim()
            if number > self._limit and not self._wait_for_room(number):
                self._elsewhere(series, step, value, time_ns)
                return
            try:
                pack(mapped, 64 + 40 * ((number - 1) & mask), series, step, value, time_ns, number)
            except BaseException:
                pack(mapped, 64 + 40 * ((number - 1) & mask), VOID, 0, 0.0, 0, number)
                raise

        return write

    def _wait_for_room(self, number: int) -> bool:
        """Until the slot is free: another thread may be in the middle of writing the point that blocks it.

        Returns:
            False where the ring has been closed.
        """
        while number > self._limit and not self._closed:
            self._make_room()
            if number > self._limit:
                time.sleep(0.0005)
        return not self._closed

    def unsealed(self) -> Slots:
        """Give the points written since `taken`, up to the first that is still being written."""
        slots = self._committed(self.sealed, self.sealed + self._capacity)
        if len(slots.series) or not self._is_blocked():
            self._stuck_looks = 0
        else:
            self._pass_over_abandoned()
        return slots

    def _pass_over_abandoned(self) -> None:
        now = time.monotonic()
        self._stuck_since = self._stuck_since if self._stuck_looks else now
        self._stuck_looks += 1
        if now - self._stuck_since > _STUCK and self._stuck_looks > _LOOKS:
            self._stuck_looks = 0
            self.taken(self.sealed + 1)

    def _is_blocked(self) -> bool:
        """Say whether the next slot is empty although one behind it is not."""
        probe = range(self.sealed + 1, self.sealed + min(64, self._capacity))
        return any(self._number_at(position) == position + 1 for position in probe)

    def _number_at(self, position: int) -> int:
        return int(_SLOT.unpack_from(self._map, _HEADER + _SLOT.size * (position % self._capacity))[4])

    def last_unsealed(self) -> Iterator[Slots]:
        """End the ring and give all it holds; later points go elsewhere, and only abandoned slots are passed over."""
        self._closed, self._limit = True, 0
        last = self._claim() - 1
        deadline = time.monotonic() + _LAST_WAIT
        while self.sealed < last:
            slots = self._committed(self.sealed, min(last, self.sealed + self._capacity))
            if slots.series:
                yield slots
                self.sealed = slots.last
            elif time.monotonic() < deadline:
                time.sleep(0.001)
            else:
                self.sealed += 1

    def _committed(self, start: int, stop: int) -> Slots:
        """Read slots in growing chunks; most often there are few points or none."""
        first, chunk, raw = start, 32, bytearray()
        while start < stop:
            end = min(start + chunk, stop, start - start % self._capacity + self._capacity)
            offset = _HEADER + _SLOT.size * (start % self._capacity)
            piece = self._map[offset : offset + _SLOT.size * (end - start)]
            sound = _matching(memoryview(piece).cast("q")[4::5].tolist(), start + 1)
            raw += piece[: sound * _SLOT.size]
            if sound < end - start:
                break
            start, chunk = end, chunk * 4
        return Slots.of(raw, first + 1)

    def taken(self, number: int) -> None:
        """Free the slots of all points up to that number."""
        self.sealed = number
        self._limit = number + self._capacity

    def close(self) -> None:
        """Remove the file; its points have been sealed. Where it cannot be removed, readers know them as sealed."""
        self.drop()
        with contextlib.suppress(OSError):
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
        second: its bytes, read again: what a living process wrote in between is left out, and all that came after it.
    """
    capacity = int.from_bytes(first[_CAPACITY_AT : _CAPACITY_AT + 8], "little")
    end = _HEADER + capacity * _SLOT.size
    if not first.startswith(_MAGIC) or min(len(first), len(second)) < end:
        return []
    names = dict(filter(None, map(_name, second[end:].split(b"\n"))))
    points = _stable_points(first[_HEADER:end], second[_HEADER:end], capacity)
    return [(*names[point.series], point) for point in points if point.series in names]


def _stable_points(first: bytes, second: bytes, capacity: int) -> list[Point]:
    end = math.inf if first == second else min(_news(first, second, capacity), default=math.inf)
    found = [
        Point(*slot)
        for index, slot in enumerate(_SLOT.iter_unpack(second))
        if 0 < slot[4] < end and (slot[4] - 1) % capacity == index
    ]
    return sorted(found, key=lambda point: point.number)


def _news(first: bytes, second: bytes, capacity: int) -> Iterator[int]:
    """Give the numbers of the points that changed slots: a slot's next one counts a round more than its last."""
    size = _SLOT.size
    for start in range(0, len(second), size):
        if first[start : start + size] != second[start : start + size]:
            was, number = (_SLOT.unpack_from(each, start)[4] for each in (first, second))
            if was > 0 or number > 0:
                yield was + capacity if was > 0 else number


def _name(line: bytes) -> tuple[int, tuple[str, str]] | None:
    """Read the name of a series; None where the line is torn."""
    try:
        fields: dict[str, Any] = json.loads(line)
        number, run, key = (fields[name] for name in ("id", "run", "key"))
        body = json.dumps({"id": number, "run": run, "key": key})
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    typed = type(number) is int and isinstance(run, str) and _RUN.match(run) and isinstance(key, str)
    return (number, (run, key)) if typed and seal(body[:-1]) == line + b"\n" else None

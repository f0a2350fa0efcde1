"""What the disk refused: kept within a bound, points thinned first, and what was dropped is counted."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from autolog.journal import points
from autolog.journal.events import Event, decode_lines, encode_line

__all__ = ["Backlog"]

_BOUND: Final = 4 << 20  # bytes kept of points, and as many of other events
_PAUSE: Final = 1.0  # seconds between two tries


@dataclass(frozen=True)
class _Entry:
    lines: bytes
    points: int  # how many points the lines hold; 0 for another event


class Backlog(deque[_Entry]):
    """Lines that wait for the disk, in their order; it is asked at each event whether there are any."""

    def __init__(self) -> None:
        super().__init__()
        self._sizes = {True: 0, False: 0}  # bytes of points, and of other events
        self._dropped_events = self._dropped_points = 0
        self._reason = ""
        self._tried = 0.0

    def begin(self, reason: str) -> bool:
        """Take note of a refusal; True where it is the first of an outage."""
        first = not self._reason
        self._reason = reason
        self._tried = time.monotonic()
        return first

    def due(self) -> bool:
        """Say whether the disk may be asked again."""
        return time.monotonic() - self._tried >= _PAUSE

    def add(self, lines: bytes, points: int) -> None:
        """Keep lines; where they are too many, every second point goes, and of other events the newest."""
        if not points and self._sizes[False] + len(lines) > _BOUND:
            self._dropped_events += 1
            return
        self._keep(_Entry(lines, points))
        while self._sizes[True] > _BOUND:
            self._thin()

    def _keep(self, entry: _Entry) -> None:
        self.append(entry)
        self._sizes[entry.points > 0] += len(entry.lines)

    def _thin(self) -> None:
        """Drop every second point of each series; of entries that cannot be halved every second one."""
        entries = list(self)
        self.clear()
        self._sizes = {True: 0, False: 0}
        whole = 0
        for entry in entries:
            half = _halved(entry) if entry.points > 1 else entry
            indivisible = half.points == entry.points > 0
            whole += indivisible
            if indivisible and whole % 2:
                self._dropped_points += entry.points
            else:
                self._dropped_points += entry.points - half.points
                self._keep(half)

    def first(self) -> bytes:
        """Give the lines to write next."""
        return self[0].lines

    def remove_first(self) -> None:
        """Forget the lines that `first` gave: they are written."""
        entry = self.popleft()
        self._sizes[entry.points > 0] -= len(entry.lines)

    def end(self) -> str | None:
        """Say in a line what the outage cost, None where nothing; a new one may begin."""
        lost = [
            f"{count} {what}"
            for count, what in (
                (self._dropped_points, "metric points were dropped"),
                (self._dropped_events, "other events were dropped"),
                (len(self), "events were not written"),
            )
            if count
        ]
        text = f"{', '.join(lost)}, because the disk refused them ({self._reason})" if lost else None
        self._dropped_events = self._dropped_points = 0
        self._reason = ""
        return text


def _halved(entry: _Entry) -> _Entry:
    """Keep every second point of each series in the lines."""
    events = [_halved_event(event) for event in decode_lines(entry.lines)[0]]
    count = sum(series["n"] for event in events for series in event.data["series"].values())
    return _Entry(b"".join(map(encode_line, events)), count)


def _halved_event(event: Event) -> Event:
    series = {
        key: points.encode(points.Columns(steps[::2], values[::2], times[::2]))
        for key, (steps, values, times) in ((key, points.decode(data)) for key, data in event.data["series"].items())
    }
    return event._replace(data={**event.data, "series": series})

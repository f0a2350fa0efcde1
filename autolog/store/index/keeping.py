"""What the index keeps of a run: its events without their points, but for those that give the metrics' last values.

Of these the fold makes the same run as of all; so there is one fold, and what it says is never written down twice.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from autolog.journal import points
from autolog.journal.events import Event
from autolog.store.merge import unique
from autolog.store.series import decoded

__all__ = ["kept", "pack", "unpack"]

_Place: TypeAlias = "tuple[int, int, tuple[int, str, int]]"  # of two points, the one of the greater is the last
_Tails: TypeAlias = "dict[str, tuple[Any, _Place | None]]"


def kept(events: Iterable[Event]) -> list[Event]:
    """Give the events that are to be kept; they may have been kept before."""
    once = [(event, _tails(event)) for event in unique(events)]
    last: dict[str, _Place] = {}
    for _, tails in once:
        for key, (_, place) in tails.items():
            if place is not None:
                last[key] = max(last.get(key, place), place)
    return [event for each, tails in once for event in _telling(each, tails, last)]


def _tails(event: Event) -> _Tails:
    """Give of each batch of points its last one."""
    series = event.data.get("series") if event.kind == "points" else None
    return {key: _tail(event, batch) for key, batch in series.items()} if isinstance(series, dict) else {}


def _tail(event: Event, batch: Any) -> tuple[Any, _Place | None]:
    """Give a batch with the last point alone, and its place; one that cannot be read still counts as such."""
    columns = decoded(batch)
    if columns is None:
        return None, None
    steps, values, times = columns
    if not len(steps):
        return points.encode(points.Columns([], [], [])), None
    greatest = max(steps)
    at = max((at for at, step in enumerate(steps) if step == greatest), key=lambda at: (times[at], at))
    alone = batch if len(steps) == 1 else points.encode(points.Columns([steps[at]], [values[at]], [times[at]]))
    return alone, (steps[at], times[at], event.order)


def _telling(event: Event, tails: _Tails, last: Mapping[str, _Place]) -> Iterable[Event]:
    """Leave out the series of which another event has the last point."""
    series = {key: batch for key, (batch, place) in tails.items() if place is None or place == last[key]}
    if not tails:
        yield event
    elif series:
        yield Event(event.run, event.kind, event.time, event.writer, event.seq, {"series": series})


def pack(events: Sequence[Event]) -> bytes:
    """Give events of one run as bytes."""
    rows = [(event.kind, event.time, event.writer, event.seq, event.data) for event in events]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode("ascii"), 1)


def unpack(run: str, data: bytes) -> list[Event]:
    """Give them back."""
    return [Event(run, *row) for row in json.loads(zlib.decompress(data))]

"""The points that a dead process left in its ring, as a journal of their own: what is copied by lines has them too."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from autolog.journal import points, ring
from autolog.journal.events import Event, decode_lines, encode_line

__all__ = ["covered", "merged", "recover", "sealed_ranges", "unsealed"]

_AFTER_ALL: Final = 1 << 62  # the sequence number from which those of points that lay in a ring begin


def recover(folder: Path, writer: str) -> None:
    """Move what a ring still holds into a journal, and remove the ring.

    The journal's name follows from the writer's, and its events are the dead writer's last ones; so two processes that
    do this at once do the same.

    Args:
        folder: the top-level run's.
        writer: the one whose process is gone.
    """
    path = folder / f"{writer}.ring"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    events = decode_lines((folder / f"{writer}.jsonl").read_bytes())[0]
    left = unsealed(writer, max((event.time for event in events), default=0), sealed_ranges(events), data, data)
    if left:
        _write(folder / f"{hashlib.sha256(path.name.encode()).hexdigest()[:16]}.jsonl", [*events[:1], *left])
    path.unlink(missing_ok=True)


def _write(path: Path, events: Iterable[Event]) -> None:
    partial = path.with_suffix(".part")
    partial.write_bytes(b"".join(map(encode_line, events)))
    partial.replace(path)


def sealed_ranges(events: Iterable[Event]) -> dict[str, list[tuple[int, int]]]:
    """Give which points of the ring the journal has, as the numbers of the first and the last, by run."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for event in events:
        covers = covered(event)
        if covers is not None:
            found[event.run].append(covers)
    return found


def covered(event: Event) -> tuple[int, int] | None:
    """Give which points of the ring an event was made from."""
    first, last = event.data.get("from"), event.data.get("to")
    return (first, last) if event.kind == "points" and type(first) is int and type(last) is int else None


def unsealed(
    writer: str, last: int, sealed: Mapping[str, Iterable[tuple[int, int]]], first: bytes, second: bytes
) -> list[Event]:
    """Give the points in a ring that no journal has, as events that come after all others of the writer.

    Args:
        writer: the ring's.
        last: the time of its last event.
        sealed: which points its journal has, as `sealed_ranges` gives them.
        first: the ring's bytes.
        second: its bytes, read again; the same where nobody writes it any more.
    """
    found = {run: merged(ranges) for run, ranges in sealed.items()}
    groups: dict[str, dict[str, list[ring.Point]]] = defaultdict(lambda: defaultdict(list))
    for run, key, point in ring.read_ring(first, second):
        if not any(low <= point.number <= high for low, high in found.get(run, ())):
            groups[run][key].append(point)
    return [_event(run, series, writer, last) for run, series in groups.items()]


def _event(run: str, series: Mapping[str, list[ring.Point]], writer: str, last: int) -> Event:
    numbers = [point.number for found in series.values() for point in found]
    covers = {"from": min(numbers), "to": max(numbers)}
    encoded = {key: points.encode(_columns(found)) for key, found in series.items()}
    return Event(run, "points", last, writer, _AFTER_ALL + min(numbers), {**covers, "series": encoded})


def _columns(found: list[ring.Point]) -> points.Columns:
    return points.Columns(
        [point.step for point in found], [point.value for point in found], [point.time // 1000 for point in found]
    )


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Give ranges of whole numbers in order, as few as say the same."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found

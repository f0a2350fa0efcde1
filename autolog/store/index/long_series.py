"""Series thinned for a screen, kept from the first time that somebody looks at one, and then as its points come in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from sqlite3 import Cursor
from typing import Any, Final

from autolog.journal.events import Event
from autolog.store.index.forms import form, said
from autolog.store.series import Series
from autolog.store.thinning import Thinned, join, pack, thin, unpack

__all__ = ["KEPT", "find", "go_on", "keep", "with_events"]

KEPT: Final = 4096
"""Buckets that are kept of a series: more than a screen is wide, and enough to look at a quarter of it."""


def find(do: Callable[..., Cursor], run: int, key: str) -> Thinned | None:
    """Give what is kept of a series, None where nobody has looked at it."""
    row = do("SELECT data FROM thinned WHERE run = ? AND key = ?", (run, form(key))).fetchone()
    return None if row is None else unpack(row[0])


def keep(do: Callable[..., Cursor], run: int, key: str, thinned: Thinned) -> None:
    """Keep a thinned series; `go_on` adds what comes later."""
    do("INSERT OR REPLACE INTO thinned VALUES(?, ?, ?)", (run, form(key), pack(thinned)))


def go_on(do: Callable[..., Cursor], run: int, events: Iterable[Event]) -> None:
    """Add new points to what is kept of a run's series."""
    keys = [said(key) for (key,) in do("SELECT key FROM thinned WHERE run = ?", (run,)).fetchall()]
    new = [event for event in events if event.kind == "points"] if keys else []
    for key in keys if new else ():
        before = find(do, run, key)
        if before is not None:
            keep(do, run, key, with_events(before, new, key))


def with_events(thinned: Thinned, events: Iterable[Event], key: str) -> Thinned:
    """Give a thinned series with the points that events have of it; those it has already change nothing."""
    series = Series()
    for event in events:
        batches: Any = event.data.get("series")
        if isinstance(batches, dict) and key in batches:
            series.add(batches[key])
    return join(thinned, thin(series.points(), KEPT), KEPT)

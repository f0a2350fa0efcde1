"""What events say, as rows: each item is one thing that an event says, and takes the place of what was said before."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from autolog.journal.events import Event
from autolog.journal.points import Columns, decode
from autolog.store.merge import moment

__all__ = ["Item", "Row", "begun", "fit", "items_of", "metric"]

_RUN: Final = "INSERT INTO runs (run_id, tree) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_STARTED: Final = "UPDATE runs SET start_time = least(start_time, %s) WHERE run_id = %s"
_SESSION: Final = """
    UPDATE runs SET (run_name, experiment, parent_run_id, session, said) = (%s, %s, %s, %s, %s), status = 'RUNNING',
        (end_time, error_type, error_message, traceback) = (NULL, NULL, NULL, NULL)
    WHERE run_id = %s AND (said IS NULL OR said < %s)"""
_ENDED: Final = """
    UPDATE runs SET (status, end_time, error_type, error_message, traceback) = (%s, %s, %s, %s, %s)
    WHERE run_id = %s AND (session IS NULL OR session = %s)"""
_NAMED: Final = """
    INSERT INTO {0} AS old VALUES (%s, %s, %s, %s) ON CONFLICT (run_id, name)
    DO UPDATE SET (value, said) = (excluded.value, excluded.said) WHERE old.said <= excluded.said"""
_PARAM: Final = _NAMED.format("params")
_TAG: Final = _NAMED.format("tags")
_METRIC: Final = """
    INSERT INTO metrics AS old VALUES (%s, %s, %s, %s, %s) ON CONFLICT (run_id, name)
    DO UPDATE SET (step, value, time) = (excluded.step, excluded.value, excluded.time)
    WHERE (old.step, old.time) <= (excluded.step, excluded.time)"""

_UNFIT: Final = re.compile("[\0\ud800-\udfff]")


class Row(NamedTuple):
    """A statement, and what it is about."""

    statement: str
    values: tuple[Any, ...]


class Item(NamedTuple):
    """One thing that an event says.

    Args:
        what: it, for who is told that it was refused.
        rows: what is written.
        points: of a metric, in the order of the table's columns.
    """

    what: str
    rows: Sequence[Row]
    points: Sequence[tuple[Any, ...]] = ()


def fit(text: str) -> str:
    """Give a text that a database takes: NUL, and halves of surrogate pairs, are written as their escapes."""
    return _UNFIT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def begun(tree: str, runs: Iterable[str]) -> Item:
    """Give what must be there before anything is said of runs."""
    return Item("runs", [Row(_RUN, (run, tree)) for run in (tree, *sorted(runs))])


def items_of(event: Event, tree: str) -> Iterator[Item]:
    """Give what an event says, as far as there is a table for it."""
    if event.kind in ("started", "candidate"):
        yield Item("the start", _start(event, tree))
    elif event.kind == "finished":
        yield Item("the end", [_end(event)])
    elif event.kind == "split":
        yield from _split(event)
    elif event.kind == "points":
        for name, series in event.data["series"].items():
            yield from _series(event, name, decode(series))
    yield from _named(event, "param", _PARAM, event.data.get("params", {}))
    yield from _named(event, "tag", _TAG, event.data.get("tags", {}))
    yield from _named(event, "tag", _TAG, dict.fromkeys(event.data.get("removed", ())))


def _said(event: Event) -> str:
    """Give the order of events as a text that sorts alike; times may lie before 1970."""
    return f"{event.time + (1 << 63):020d} {event.writer} {event.seq:020d}"


def _start(event: Event, tree: str) -> list[Row]:
    name, experiment, parent, session = (_text(event.data.get(key)) for key in _START)
    said = _said(event)
    above = [] if parent is None else [Row(_RUN, (parent, tree))]
    session_row = Row(_SESSION, (name, experiment, parent, session, said, event.run, said))
    return [*above, Row(_STARTED, (moment(event.time), event.run)), session_row]


_START: Final = ("run_name", "experiment", "parent", "session")


def _end(event: Event) -> Row:
    error = event.data.get("error") or {}
    why = (_text(error.get(key)) for key in ("type", "message", "traceback"))
    ended = (_text(event.data["status"]), moment(event.time), *why)
    return Row(_ENDED, (*ended, event.run, _text(event.data.get("session"))))


def _named(event: Event, kind: str, statement: str, values: Mapping[str, Any]) -> Iterator[Item]:
    said = _said(event)
    for name, value in values.items():
        held = None if value is None and statement is _TAG else json.dumps(value)
        yield Item(f"{kind} {name!r:.80}", [Row(statement, (event.run, fit(name), held, said))])


def _split(event: Event) -> Iterator[Item]:
    """A candidate's metrics of one split are points, with its number as their step."""
    for name, value in event.data.get("metrics", {}).items() if "candidate" not in event.data else ():
        yield from _series(event, name, Columns([event.data["split"]], [value], [event.time]))


def _series(event: Event, name: str, columns: Columns) -> Iterator[Item]:
    key, found = (event.run, fit(name)), list(zip(*columns, strict=True))
    if not found:
        return
    points = [
        (*key, step, value, moment(time), event.writer, event.seq, place)
        for place, (step, value, time) in enumerate(found)
    ]
    step, value, time = max(found, key=lambda point: (point[0], point[2]))
    yield Item(f"metric {name!r:.80}", [metric(event.run, name, step, value, time)], points)


def metric(run: str, name: str, step: int, value: float, time: int) -> Row:
    """Give the row of a metric's last value; its time is in microseconds."""
    return Row(_METRIC, (run, fit(name), step, value, moment(time)))


def _text(value: Any) -> str | None:
    return None if value is None else fit(str(value))

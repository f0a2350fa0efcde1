"""Runs as JSON: every value with its type, as far as JSON has one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from autolog.store.run import Run

__all__ = ["plain", "run_document", "run_summary", "write"]


def write(document: Mapping[str, Any]) -> None:
    """Write one document to stdout."""
    click.echo(json.dumps(plain(document), indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """Give a value as JSON: NaN and infinities as words, times in ISO 8601, what has no form as its text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value), key=repr)
    if isinstance(value, date):
        return value.isoformat()
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def run_summary(run: Run) -> dict[str, Any]:
    """Give what a list of runs says of each."""
    names = ("run_id", "run_name", "experiment", "parent_run_id", "status", "start_time", "end_time", "duration")
    return {
        **{name: getattr(run, name) for name in names},
        "params": run.params,
        "metrics": run.metrics,
        "tags": run.tags,
    }


def run_document(run: Run) -> dict[str, Any]:
    """Give everything that is known of a run."""
    names = ("earlier_params", "inputs", "signature", "models", "artifacts", "splits", "environment", "error", "notes")
    return {
        **run_summary(run),
        **{name: getattr(run, name) for name in names},
        "unreadable": run.unreadable,
        "history": {key: [_point(*point) for point in run.history(key)] for key in run.metrics},
        "children": [run_summary(child) for child in run.children()],
    }


def _point(step: int, value: float, seconds: float) -> dict[str, Any]:
    return {"step": step, "value": value, "time": _iso(seconds)}


def _iso(seconds: float) -> str | float:
    """Give a point's time; a user may have given one that no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat()
    except (ValueError, OverflowError, OSError):
        return seconds

"""What a test has recorded, read back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import autolog

__all__ = ["all_runs", "facts", "measured_later", "only_run", "only_top_run", "series", "top_runs"]


def all_runs(store: Path | None = None) -> list[autolog.Run]:
    """All runs, oldest first; of the store that is recorded into, or of that one."""
    return autolog.search_runs(store=store, output_format="list")[::-1]


def facts(run: autolog.Run) -> Mapping[str, object]:
    """What must be the same wherever a run is read."""
    return {
        "name": run.run_name,
        "params": run.params,
        "metrics": run.metrics,
        "history": {key: run.history(key) for key in run.metrics},
        "tags": run.tags,
        "status": run.status,
        "artifacts": run.artifacts,
        "models": run.models,
        "inputs": run.inputs,
        "notes": run.notes,
        "unreadable": run.unreadable,
    }


def top_runs(store: Path | None = None) -> list[autolog.Run]:
    """All runs that have no parent, oldest first."""
    return [run for run in all_runs(store) if run.parent_run_id is None]


def only_run(store: Path | None = None) -> autolog.Run:
    """The one run there is."""
    (run,) = all_runs(store)
    return run


def only_top_run(store: Path | None = None) -> autolog.Run:
    """The one run there is that has no parent."""
    (run,) = top_runs(store)
    return run


def series(run: autolog.Run, key: str) -> list[tuple[int, float]]:
    """The steps and values of a metric."""
    return [(step, value) for step, value, _ in run.history(key)]


def measured_later(run: autolog.Run) -> dict[str, float]:
    """The metrics of a run that have a point after its fit."""
    assert run.end_time is not None
    end = run.end_time.timestamp()
    return {key: value for key, value in run.metrics.items() if run.history(key)[-1][2] > end}

"""What a test has recorded, read back."""

from __future__ import annotations

from collections.abc import Mapping

import autolog

__all__ = ["facts", "measured_later"]


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


def measured_later(run: autolog.Run) -> dict[str, float]:
    """The metrics of a run that have a point after its fit."""
    assert run.end_time is not None
    end = run.end_time.timestamp()
    return {key: value for key, value in run.metrics.items() if run.history(key)[-1][2] > end}

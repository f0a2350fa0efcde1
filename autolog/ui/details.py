"""Everything about one run, but for its points and its files' content."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from autolog.drawing.charts import Chart, charts_of
from autolog.drawing.diagram import diagram_page
from autolog.exceptions import AutologError, RunNotFoundError
from autolog.models.lines import load_line
from autolog.ui.listing import Row, rows
from autolog.ui.previews import kind_of
from autolog.ui.typed import JSON, typed

if TYPE_CHECKING:
    from autolog.store.base import Store
    from autolog.store.run import Run

__all__ = ["Details", "chart", "details", "diagram"]

_DIFF: Final = "environment/changes.diff"
_DIAGRAM: Final = "diagram"
_DEEPEST: Final = 100  # ancestors


@dataclass(frozen=True)
class Details:
    """A run.

    Args:
        row: what a list says of it, values whole.
        path: id and name of the runs it is below, the outermost first.
        error: type, message and traceback.
        notes: what is missing from the record, and why.
        models: each with the line that loads it.
        artifacts: path, size, sha256, and the kind of preview.
        metrics: name, last, min, max, points, first_step, last_step.
        charts: name, kind and title of those that can be drawn.
        has_diagram: whether there is one of the estimator.
        splits: the finished splits of a search.
        diff: the changes since the commit.
    """

    row: Row
    path: Sequence[Mapping[str, str | None]]
    error: Mapping[str, JSON] | None
    notes: Sequence[str]
    params: Mapping[str, JSON]
    earlier_params: Mapping[str, JSON]
    tags: Mapping[str, JSON]
    inputs: Sequence[JSON]
    signature: JSON
    environment: Mapping[str, JSON]
    models: Sequence[Mapping[str, JSON]]
    artifacts: Sequence[Mapping[str, JSON]]
    metrics: Sequence[Mapping[str, JSON]]
    charts: Sequence[Mapping[str, str]]
    has_diagram: bool
    splits: Sequence[JSON]
    diff: str | None


def details(store: Store, run_id: str) -> Details:
    """Give everything about a run.

    Raises:
        RunNotFoundError: there is none of that id.
    """
    run = store.run(run_id)
    charts = _charts(run)
    return Details(
        row=rows(store, [run])[0],
        path=_path(store, run),
        error=typed(run.error),
        notes=list(run.notes),
        params=typed(run.params),
        earlier_params={name: typed(list(values)) for name, values in run.earlier_params.items()},
        tags=typed(run.tags),
        inputs=typed(list(run.inputs)),
        signature=typed(run.signature),
        environment=typed(run.environment),
        models=[_model(run, model, store.uri) for model in run.models],
        artifacts=[_artifact(path, facts) for path, facts in sorted(run.artifacts.items())],
        metrics=[_metric(run, key) for key in sorted(run.metrics, key=_as_read)],
        charts=[_heading(name, found) for name, found in charts.items() if found.kind != _DIAGRAM],
        has_diagram=any(found.kind == _DIAGRAM for found in charts.values()),
        splits=typed(list(run.splits)),
        diff=_diff(run),
    )


def _path(store: Store, run: Run) -> list[Mapping[str, str | None]]:
    return [{"id": each.run_id, "name": each.run_name} for each in reversed(list(_above(store, run)))]


def _above(store: Store, run: Run) -> Iterator[Run]:
    """Give the runs above one, the nearest first; a damaged store may lack them, or have them in a circle."""
    for _ in range(_DEEPEST):
        if run.parent_run_id is None:
            return
        try:
            run = store.run(run.parent_run_id)
        except RunNotFoundError:
            return
        yield run


def _model(run: Run, model: Mapping[str, Any], uri: str) -> dict[str, JSON]:
    facts: dict[str, JSON] = {key: typed(value) for key, value in model.items()}
    return {**facts, "load": load_line(run, model, uri)}


def _artifact(path: str, facts: Mapping[str, Any]) -> dict[str, JSON]:
    return {"path": path, "size": typed(facts.get("size")), "sha256": typed(facts.get("sha256")), "kind": kind_of(path)}


def _as_read(name: str) -> list[str | int]:
    """Give a key by which `layer 2` comes before `layer 10`."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _metric(run: Run, key: str) -> dict[str, JSON]:
    points = run.history(key)
    values = [value for _, value, _ in points if not math.isnan(value)]
    return {
        "name": key,
        "last": typed(run.metrics[key]),
        "min": typed(min(values, default=None)),
        "max": typed(max(values, default=None)),
        "points": len(points),
        "first_step": typed(points[0][0]) if points else None,
        "last_step": typed(points[-1][0]) if points else None,
    }


def _diff(run: Run) -> str | None:
    if _DIFF not in run.artifacts:
        return None
    try:
        return run.artifact_path(_DIFF).read_text("utf-8", "replace")
    except (AutologError, OSError):  # its file is gone: the rest is worth seeing
        return None


# ---- charts


def chart(store: Store, run_id: str, name: str) -> dict[str, JSON]:
    """Give a chart's kind and its table.

    Raises:
        RunNotFoundError: there is no such run, or it has no such chart.
    """
    found = _charts(store.run(run_id)).get(name)
    if found is None:
        raise RunNotFoundError(f"run {run_id} has no chart {name!r}")
    columns = {key: typed(list(values)) for key, values in found.columns.items()}
    return {"kind": found.kind, "data": {**typed(found.more), "of": found.of, "columns": columns}}


def diagram(store: Store, run_id: str) -> str:
    """Give the diagram of a run's estimator as a page.

    Raises:
        RunNotFoundError: there is no such run, or it has no diagram.
    """
    run = store.run(run_id)
    found = next((each for each in _charts(run).values() if each.kind == _DIAGRAM), None)
    if found is None:
        raise RunNotFoundError(f"run {run_id} has no diagram")
    return diagram_page(found, run.run_name or run_id, run.params)


def _charts(run: Run) -> dict[str, Chart]:
    """Give a run's charts by names of which each is there once."""
    found: dict[str, Chart] = {}
    for each in charts_of(run):
        same = sum(other.name == each.name for other in found.values())
        found[f"{each.name}.{same + 1}" if same else each.name] = each
    return found


def _heading(name: str, found: Chart) -> dict[str, str]:
    of = "" if found.of == "model" else f" · {found.of}"
    return {"name": name, "kind": found.kind, "title": f"{found.kind.replace('_', ' ').capitalize()}{of}"}

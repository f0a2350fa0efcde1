"""Several runs side by side: what differs between them, and a metric over two params."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autolog.store.comparing import rank
from autolog.ui.listing import Row, rows
from autolog.ui.typed import JSON, to_json, typed

if TYPE_CHECKING:
    from autolog.store.base import Store
    from autolog.store.run import Run

__all__ = ["Comparison", "HeatMap", "compare", "heat_map"]


@dataclass(frozen=True)
class Comparison:
    """Runs side by side: by name the value of each, in the order of the runs, null where it has none.

    Args:
        differing: the params that are not the same in all.
        metrics: the last values.
    """

    runs: Sequence[Row]
    params: Mapping[str, Sequence[JSON]]
    differing: Sequence[str]
    environment: Mapping[str, Sequence[JSON]]
    metrics: Mapping[str, Sequence[JSON]]


def compare(store: Store, ids: Iterable[str]) -> Comparison:
    """Put runs side by side.

    Raises:
        RunNotFoundError: one of them is not there.
    """
    runs = [store.run(run_id) for run_id in ids]
    params = _side_by_side(run.params for run in runs)
    return Comparison(
        runs=rows(store, runs),
        params=params,
        differing=[name for name, values in params.items() if len(set(map(to_json, values))) > 1],
        environment=_side_by_side(run.environment for run in runs),
        metrics=_side_by_side(run.metrics for run in runs),
    )


def _side_by_side(values: Iterable[Mapping[str, Any]]) -> dict[str, list[JSON]]:
    each = list(values)
    return {name: [typed(one.get(name)) for one in each] for name in sorted({name for one in each for name in one})}


@dataclass(frozen=True)
class HeatMap:
    """The mean of a metric for each pair of values of two params, and of how many runs; null where there are none."""

    x: Sequence[JSON]
    y: Sequence[JSON]
    cells: Sequence[Sequence[JSON]]
    counts: Sequence[Sequence[int]]


def heat_map(runs: Iterable[Run], x: str, y: str, metric: str) -> HeatMap:
    """Give a metric over two params.

    Args:
        runs: those to look at; one that lacks any of the three is passed over.
        x: the param of the columns.
        y: the param of the rows.
        metric: the metric.
    """
    cells: dict[tuple[bytes, bytes], list[float]] = defaultdict(list)
    xs, ys = {}, {}
    for run in runs:
        value = run.metrics.get(metric, math.nan)
        if x in run.params and y in run.params and not math.isnan(value):
            place = to_json(typed(run.params[x])), to_json(typed(run.params[y]))
            xs[place[0]], ys[place[1]] = run.params[x], run.params[y]
            cells[place].append(value)
    columns, lines = _in_order(xs), _in_order(ys)
    return HeatMap(
        x=[typed(xs[column]) for column in columns],
        y=[typed(ys[line]) for line in lines],
        cells=_grid(columns, lines, lambda place: _mean(cells.get(place, ()))),
        counts=_grid(columns, lines, lambda place: len(cells.get(place, ()))),
    )


def _in_order(values: Mapping[bytes, Any]) -> list[bytes]:
    """Give the keys in the order that values have everywhere: numbers, texts, the rest; None and NaN last."""
    places = {key: rank(value) for key, value in values.items()}
    return sorted(places, key=lambda key: (places[key] is None, places[key] or (0, 0)))


def _grid(
    columns: Sequence[bytes], lines: Sequence[bytes], cell: Callable[[tuple[bytes, bytes]], Any]
) -> list[list[Any]]:
    return [[cell((column, line)) for column in columns] for line in lines]


def _mean(values: Sequence[float]) -> JSON:
    return typed(sum(value / len(values) for value in values)) if values else None

"""Finding runs in a store: filter, order, limit."""

from __future__ import annotations

from collections.abc import Sequence

from autolog.store.base import Store
from autolog.store.filters import parse_filter, parse_order
from autolog.store.run import Run

__all__ = ["search"]


def search(
    store: Store,
    filter_string: str = "",
    order_by: Sequence[str] = (),
    experiment_names: Sequence[str] | None = None,
    max_results: int | None = None,
) -> list[Run]:
    """Give the runs that a filter finds, in order; arguments and errors as for `autolog.search_runs`."""
    wanted, order = parse_filter(filter_string), parse_order(order_by)
    found = [
        run
        for run in store.runs()
        if (experiment_names is None or run.experiment in experiment_names) and wanted.matches(run)
    ]
    return order.sort(found)[:max_results]

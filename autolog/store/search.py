"""Finding runs in a store: filter, order, limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from autolog.store.base import Store
from autolog.store.filters import Filter, Order, parse_filter, parse_order
from autolog.store.run import Run

__all__ = ["Finder", "Found", "Head", "Query", "find", "scan", "search"]


class Query(NamedTuple):
    """What is looked for.

    Args:
        wanted: the filter.
        order: of what is found.
        experiments: to look in; all where None.
        limit: so many at most; all where None.
    """

    wanted: Filter
    order: Order
    experiments: frozenset[str] | None
    limit: int | None


class Head(NamedTuple):
    """Which run was found."""

    run_id: str
    parent_run_id: str | None


@dataclass(frozen=True)
class Found:
    """Runs that were found; each is read when it is asked for.

    Args:
        heads: which, in order.
        read: gives the run at a place.
    """

    heads: Sequence[Head]
    read: Callable[[int], Run]

    def runs(self) -> list[Run]:
        """Give all of them."""
        return list(map(self.read, range(len(self.heads))))


@runtime_checkable
class Finder(Protocol):
    """A store that finds runs without reading all."""

    def find(self, query: Query) -> Found:
        """Give the runs that `scan` would find, in the same order."""


def scan(runs: Iterable[Run], query: Query) -> Found:
    """Find runs by looking at each."""
    among = [run for run in runs if query.experiments is None or run.experiment in query.experiments]
    found = query.order.sort(run for run in among if query.wanted.matches(run))[: query.limit]
    return Found([Head(run.run_id, run.parent_run_id) for run in found], found.__getitem__)


def find(
    store: Store,
    filter_string: str = "",
    order_by: Sequence[str] = (),
    experiment_names: Sequence[str] | None = None,
    max_results: int | None = None,
) -> Found:
    """Give the runs that a filter finds, in order; arguments and errors as for `autolog.search_runs`."""
    experiments = None if experiment_names is None else frozenset(experiment_names)
    query = Query(parse_filter(filter_string), parse_order(order_by), experiments, max_results)
    return store.find(query) if isinstance(store, Finder) else scan(store.runs(), query)


def search(
    store: Store,
    filter_string: str = "",
    order_by: Sequence[str] = (),
    experiment_names: Sequence[str] | None = None,
    max_results: int | None = None,
) -> list[Run]:
    """Give the runs that a filter finds, in order; arguments and errors as for `autolog.search_runs`."""
    return find(store, filter_string, order_by, experiment_names, max_results).runs()

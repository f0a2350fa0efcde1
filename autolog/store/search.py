"""Finding runs in a store: filter, order, limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from autolog.store.base import Store
from autolog.store.filters import Filter, Order, parse_filter, parse_order
from autolog.store.run import Run

__all__ = ["Finder", "Found", "Head", "Query", "Tally", "find", "scan", "search", "still"]

Tally: TypeAlias = Counter[tuple[str, str]]
"""How many runs an experiment has of a status."""


class Query(NamedTuple):
    """What is looked for.

    Args:
        wanted: the filter.
        order: of what is found.
        experiments: to look in; all where None.
        limit: so many at most; all where None.
        skip: so many of the first are left out.
    """

    wanted: Filter
    order: Order
    experiments: frozenset[str] | None
    limit: int | None
    skip: int


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
        tally: counts all that match, whatever the limit.
    """

    heads: Sequence[Head]
    read: Callable[[int], Run]
    tally: Callable[[], Tally]

    def runs(self) -> list[Run]:
        """Give all of them."""
        return list(map(self.read, range(len(self.heads))))


@runtime_checkable
class Finder(Protocol):
    """A store that finds runs without reading all."""

    def still(self) -> AbstractContextManager[None]:
        """Have all that is asked within look at the store as the first question found it."""

    def find(self, query: Query) -> Found:
        """Give the runs that `scan` would find, in the same order."""


def scan(runs: Iterable[Run], query: Query) -> Found:
    """Find runs by looking at each."""
    among = [run for run in runs if query.experiments is None or run.experiment in query.experiments]
    matching = [run for run in among if query.wanted.matches(run)]
    found = query.order.sort(matching)[query.skip :][: query.limit]
    heads = [Head(run.run_id, run.parent_run_id) for run in found]
    return Found(heads, found.__getitem__, lambda: Counter((run.experiment, run.status) for run in matching))


def still(store: Store) -> AbstractContextManager[None]:
    """Have all that is asked within look at the store as it is now, where that spares it work."""
    return store.still() if isinstance(store, Finder) else nullcontext()


def find(
    store: Store,
    filter_string: str = "",
    order_by: Sequence[str] = (),
    experiment_names: Sequence[str] | None = None,
    max_results: int | None = None,
    skip: int = 0,
) -> Found:
    """Give the runs that a filter finds, in order, without the first; arguments and errors as for `search_runs`."""
    experiments = None if experiment_names is None else frozenset(experiment_names)
    query = Query(parse_filter(filter_string), parse_order(order_by), experiments, max_results, skip)
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

"""Lists of runs: a window of what a filter finds, each run in a row with what is known of its children."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from autolog.exceptions import FilterError
from autolog.store.filters import parse_filter, parse_order
from autolog.store.ranking import best
from autolog.store.search import Found, find, search
from autolog.ui.series import spark
from autolog.ui.typed import JSON, brief, seconds, typed

if TYPE_CHECKING:
    from autolog.store.base import Store
    from autolog.store.run import Run

__all__ = ["Columns", "Page", "Query", "Row", "columns", "page", "rows"]

ANY: Final = "any"
_NEWEST: Final = 1000  # runs whose names are offered
_TOP: Final = "attributes.parent_run_id IS NULL"
_ITEM: Final = re.compile(r"""(?:`[^`]*`|"[^"]*"|'[^']*'|[^,])+""")


@dataclass(frozen=True)
class Query:
    """Which runs are asked for, and in which order.

    Args:
        filter: as in `search_runs`.
        order: names with ASC or DESC, separated by commas.
        experiments: the experiments to look in; empty for all.
        parent: the run whose children are meant; None for the runs without a parent, "any" for all.
    """

    filter: str = ""
    order: str = ""
    experiments: tuple[str, ...] = ()
    parent: str | None = None

    def newest(self, store: Store, most: int) -> list[Run]:
        """Give the newest of the runs, so many at most; whatever their order."""
        return replace(self, order="").find(store, most).runs()

    def find(self, store: Store, most: int | None = None, skip: int = 0) -> Found:
        """Find the runs, so many at most behind the first; each is read when it is asked for.

        Raises:
            FilterError: the filter or the order cannot be read; its position counts in what was typed.
        """
        parse_filter(self.filter)
        conditions = filter(None, (self._place, f"({self.filter})" if self.filter.strip() else ""))
        return find(store, " and ".join(conditions), _items(self.order), self.experiments or None, most, skip)

    @property
    def _place(self) -> str:
        if self.parent is None:
            return _TOP
        return "" if self.parent == ANY else f"attributes.parent_run_id = {_quoted(self.parent)}"


def _items(order: str) -> list[str]:
    """Give the items of an order; a comma inside quotes separates nothing.

    Raises:
        FilterError: one cannot be read; its position counts in the whole.
    """
    found = [match for match in _ITEM.finditer(order) if match[0].strip()]
    for match in found:
        _check(order, match)
    return [match[0] for match in found]


def _check(order: str, item: re.Match[str]) -> None:
    try:
        parse_order([item[0]])
    except FilterError as error:
        raise FilterError(error.message, order, item.start() + error.position) from None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


# ---- rows


@dataclass(frozen=True)
class Row:
    """A run in a list. Values are as `typed` gives them, long ones cut; times are in seconds since the epoch.

    Args:
        children: how many it has, how many of these have ended, and how many failed.
        best: metric, value and id of the best candidate of a search.
        notes: how many it has.
        error: type and message in a line.
        spark: the values of the metric asked for, thinned.
    """

    id: str
    name: str | None
    experiment: str
    parent: str | None
    status: str
    start: float | None
    end: float | None
    duration: float | None
    children: Mapping[str, int]
    best: Mapping[str, JSON] | None
    params: Mapping[str, JSON]
    metrics: Mapping[str, JSON]
    tags: Mapping[str, JSON]
    notes: int
    error: str | None
    spark: Sequence[JSON] | None


@dataclass(frozen=True)
class Page:
    """A window of a list, and how many runs the whole list has."""

    total: int
    offset: int
    runs: Sequence[Row]


def page(store: Store, query: Query, offset: int, limit: int, metric: str | None) -> Page:
    """Give a window of the runs that a query finds.

    Args:
        store: where they are.
        query: which.
        offset: the first, from 0.
        limit: so many at most.
        metric: whose values each row draws as a small curve.
    """
    found = query.find(store, limit, offset)
    return Page(found.tally().total(), offset, rows(store, found.runs(), metric))


def rows(store: Store, runs: Sequence[Run], metric: str | None = None) -> list[Row]:
    """Give a row for each run."""
    below = _children(store, [run.run_id for run in runs])
    return [_row(run, below[run.run_id], metric) for run in runs]


def _children(store: Store, parents: Sequence[str]) -> Mapping[str, list[Run]]:
    """Give the children of several runs by one search: of a store that is far away, each costs a request."""
    found: dict[str, list[Run]] = defaultdict(list)
    if parents:
        ids = ", ".join(map(_quoted, parents))
        for run in search(store, f"attributes.parent_run_id IN ({ids})", ["start_time"]):
            found[str(run.parent_run_id)].append(run)
    return found


def _row(run: Run, children: Sequence[Run], metric: str | None) -> Row:
    return Row(
        id=run.run_id,
        name=run.run_name,
        experiment=run.experiment,
        parent=run.parent_run_id,
        status=run.status,
        start=seconds(run.start_time),
        end=seconds(run.end_time),
        duration=run.duration,
        children=_counts(children),
        best=_best(children),
        params=_briefs(run.params),
        metrics=_briefs(run.metrics),
        tags=_briefs(run.tags),
        notes=len(run.notes),
        error=_error(run.error),
        spark=spark(run, metric) if metric is not None and metric in run.metrics else None,
    )


def _counts(children: Sequence[Run]) -> dict[str, int]:
    by_status = Counter(child.status for child in children)
    return {"total": len(children), "ended": len(children) - by_status["RUNNING"], "failed": by_status["FAILED"]}


def _best(children: Sequence[Run]) -> dict[str, JSON] | None:
    found = best(children)
    return None if found is None else {**found._asdict(), "value": typed(found.value)}


def _briefs(values: Mapping[str, Any]) -> dict[str, JSON]:
    return {name: brief(value) for name, value in values.items()}


def _error(error: Mapping[str, Any] | None) -> JSON:
    """Give the message, which begins with the type."""
    return None if error is None else brief(str(error.get("message") or error.get("type") or "failed"))


# ---- columns


@dataclass(frozen=True)
class Columns:
    """The names that runs have values under, the most common first: `{"name", "runs", "kind"}` each."""

    params: Sequence[Mapping[str, JSON]]
    metrics: Sequence[Mapping[str, JSON]]
    tags: Sequence[Mapping[str, JSON]]


def columns(store: Store, experiments: tuple[str, ...]) -> Columns:
    """Give the columns that a table of the newest runs can have, children included; older names can be typed."""
    runs = Query(experiments=experiments, parent=ANY).newest(store, _NEWEST)
    return Columns(*(_named(getattr(run, group) for run in runs) for group in ("params", "metrics", "tags")))


def _named(values: Iterable[Mapping[str, Any]]) -> list[Mapping[str, JSON]]:
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for each in values:
        for name, value in each.items():
            kinds[name][_kind(value)] += 1
    found = [{"name": name, "runs": seen.total(), "kind": _common(seen)} for name, seen in kinds.items()]
    return sorted(found, key=lambda column: (-column["runs"], column["name"]))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, (int, float)) else "" if value is None else "text"


def _common(seen: Counter[str]) -> str:
    """Give the one kind that all values share; None has no say."""
    kinds = seen.keys() - {""}
    return "mixed" if len(kinds) > 1 else next(iter(kinds), "text")

"""Requests -> what they ask for: reads the query, and hands on to the module that knows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import autolog
from autolog.delivery.cursors import public_uri
from autolog.exceptions import UsageError
from autolog.ui import comparing, details, listing, previews, series
from autolog.ui.axes import AXES, Axis
from autolog.ui.listing import Query
from autolog.ui.typed import JSON

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.datastructures import QueryParams
    from starlette.requests import Request

    from autolog.store.base import Store

__all__ = ["DOCUMENTS", "query_of"]

_WINDOW: Final = 1000  # rows of a list, and runs compared, at most
_BUCKETS: Final = 10_000


@dataclass(frozen=True)
class About:
    """What a store is, and what is in it; runs without a parent are counted."""

    uri: str
    version: str
    experiments: Sequence[Mapping[str, JSON]]
    statuses: Mapping[str, int]
    can_follow: bool = True


def _store(store: Store, request: Request) -> About:
    experiments: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    for (experiment, status), runs in Query().find(store, 0).tally().items():
        experiments[experiment] += runs
        statuses[status] += runs
    return About(
        uri=public_uri(store.uri),
        version=autolog.__version__,
        experiments=[{"name": name, "runs": count} for name, count in sorted(experiments.items())],
        statuses=statuses,
    )


def _runs(store: Store, request: Request) -> listing.Page:
    asked = request.query_params
    offset, limit = _whole(asked, "offset", 0), min(_whole(asked, "limit", 100), _WINDOW)
    return listing.page(store, query_of(asked), offset, limit, asked.get("spark"))


def _columns(store: Store, request: Request) -> listing.Columns:
    return listing.columns(store, tuple(request.query_params.getlist("experiment")))


def _run(store: Store, request: Request) -> details.Details:
    return details.details(store, request.path_params["id"])


def _series(store: Store, request: Request) -> dict[str, list[series.Curve]]:
    asked, run = request.query_params, store.run(request.path_params["id"])
    return {"series": [series.curve(run, key, _window(asked)) for key in asked.getlist("key")]}


def _chart(store: Store, request: Request) -> JSON:
    return details.chart(store, request.path_params["id"], request.path_params["name"])


def _preview(store: Store, request: Request) -> JSON:
    return previews.preview(store, request.path_params["id"], request.path_params["path"])


def _compare(store: Store, request: Request) -> comparing.Comparison:
    ids = request.query_params.getlist("id")
    if len(ids) > _WINDOW:
        raise UsageError(f"{len(ids)} runs are more than can be compared; choose at most {_WINDOW}")
    return comparing.compare(store, ids)


def _heat_map(store: Store, request: Request) -> comparing.HeatMap:
    asked = request.query_params
    return comparing.heat_map(
        query_of(asked).find(store).runs(), *(_given(asked, name) for name in ("x", "y", "metric"))
    )


DOCUMENTS: Mapping[str, Callable[[Store, Request], Any]] = {
    "/store": _store,
    "/runs": _runs,
    "/columns": _columns,
    "/compare": _compare,
    "/heatmap": _heat_map,
    "/runs/{id}": _run,
    "/runs/{id}/series": _series,
    "/runs/{id}/chart/{name:path}": _chart,
    "/runs/{id}/preview/{path:path}": _preview,
}
"""What is asked for, by its path below /api; each answer is a JSON document."""


# ---- what a query says


def query_of(asked: QueryParams) -> Query:
    """Give which runs are meant."""
    experiments = tuple(asked.getlist("experiment"))
    return Query(asked.get("filter", ""), asked.get("order", ""), experiments, asked.get("parent"))


def _window(asked: QueryParams) -> series.Window:
    x: Axis = next((axis for axis in AXES if axis == asked.get("x")), "step")
    low, high = _number(asked, "from", -math.inf), _number(asked, "to", math.inf)
    return series.Window(x, low, high, min(max(_whole(asked, "buckets", 1000), 1), _BUCKETS))


def _given(asked: QueryParams, name: str) -> str:
    if name not in asked:
        raise UsageError(f"{name} is missing: {name}=…")
    return str(asked[name])


def _whole(asked: QueryParams, name: str, default: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f"{name}={text[:40]}: a whole number from 0 is wanted")
    return int(text)


def _number(asked: QueryParams, name: str, default: float) -> float:
    try:
        return float(asked.get(name, default))
    except ValueError:
        raise UsageError(f"{name}={asked[name][:40]}: a number is wanted") from None

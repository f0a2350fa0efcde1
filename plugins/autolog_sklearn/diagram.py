"""How a composite estimator is put together: a table with a row for each part, drawn when somebody looks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sklearn.base import BaseEstimator

from autolog.recording.charts import Chart, chart
from autolog_sklearn.kinds import is_search
from autolog_sklearn.params import own_params

__all__ = ["diagram_charts"]

_DEEPEST: Final = 20
_MOST: Final = 500  # parts
_LISTED: Final = 10  # columns of a transformer that are named
_LISTS: Final = ("steps", "transformers", "transformer_list", "estimators")
"""Params that hold named parts, which follow each other as `steps`, and else work on the same data."""
_LEFT_OUT: Final = ("passthrough", "drop")


class _Part(NamedTuple):
    """One box of the diagram.

    Args:
        depth: how many boxes it lies in.
        path: its name in params, as `step__part`.
        name: its own name; of a part that has none, the param that it is.
        kind: its class's name, or what stands in place of an estimator.
        abreast: it works on the same data as the parts beside it.
        columns: those that it is given, where it is not given all.
    """

    depth: int
    path: str
    name: str
    kind: str
    abreast: bool
    columns: str | None


def diagram_charts(estimator: object) -> Iterator[Chart]:
    """Give the parts of an estimator from the outside to the inside; nothing for one without parts."""
    found = list(itertools.islice(_walk(estimator, _Part(0, "", "", type(estimator).__name__, False, None)), _MOST))
    if len(found) > 1:
        columns = dict(zip(_Part._fields, map(list, zip(*found, strict=True)), strict=True))
        yield chart("diagram", columns, of="model")


def _walk(value: Any, part: _Part) -> Iterator[_Part]:
    yield part
    if isinstance(value, BaseEstimator) and part.depth < _DEEPEST:
        for name, inner, abreast, columns in _inner(value):
            if isinstance(inner, BaseEstimator) or inner is None or (isinstance(inner, str) and inner in _LEFT_OUT):
                kind = type(inner).__name__ if isinstance(inner, BaseEstimator) else inner or "passthrough"
                path = f"{part.path}__{name}" if part.path else name
                yield from _walk(inner, _Part(part.depth + 1, path, name, kind, abreast, columns))


def _inner(estimator: Any) -> Iterator[tuple[str, Any, bool, str | None]]:
    """Give name, value, arrangement and columns of what the params of an estimator hold."""
    attributes = vars(estimator)
    if is_search(estimator) and "best_estimator_" in attributes:
        yield "estimator", attributes["best_estimator_"], False, None
        return
    for name, value in own_params(estimator).items():
        if isinstance(value, BaseEstimator):
            yield name, value, False, None
        elif type(value) in (list, tuple) and name in _LISTS and all(map(_is_named, value)):
            parts = attributes.get("transformers_", value) if name == "transformers" else value  # with columns found
            for each in parts:
                yield each[0], each[1], name != "steps", _columns(each[2]) if len(each) > 2 else None


def _is_named(value: Any) -> bool:
    return type(value) is tuple and len(value) >= 2 and type(value[0]) is str


def _columns(chosen: Any) -> str | None:
    """Name the columns of a transformer, as far as they are few."""
    if isinstance(chosen, str):
        return chosen
    if type(chosen) is slice:
        return f"{chosen.start or 0}:{'' if chosen.stop is None else chosen.stop}"
    if type(chosen) is list and all(type(each) in (str, int) for each in chosen):
        named = ", ".join(map(str, chosen[:_LISTED]))
        return f"{named}, … {len(chosen) - _LISTED} more" if len(chosen) > _LISTED else named
    return None

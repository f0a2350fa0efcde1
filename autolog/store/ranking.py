"""Which child of a run is the best: the candidates of a search by rank, or by mean score while it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from autolog.store.run import Run

__all__ = ["Best", "best", "best_first"]

_RANK, _MEAN = "rank_test_", "mean_test_"


class Best(NamedTuple):
    """The best child, and what it is the best by."""

    metric: str
    value: float
    id: str


def best_first(children: Sequence[Run]) -> list[Run]:
    """Order the candidates of a search by rank, or by mean score while it runs; other children stay as they are.

    Of several scores, the first that a candidate has decides; candidates without one come last.
    """
    name = _deciding(children)
    if name is None:
        return list(children)
    sign = 1 if name.startswith(_RANK) else -1
    scores = {child.run_id: sign * child.metrics.get(name, math.nan) for child in children}
    return sorted(children, key=lambda child: (math.isnan(scores[child.run_id]), scores[child.run_id]))


def best(children: Sequence[Run]) -> Best | None:
    """Give the best candidate of a search with its mean score; those that still lack a split may be anything yet."""
    children = [child for child in children if child.status != "RUNNING"]
    name = _deciding(children)
    if name is None:
        return None
    metric, first = name.replace(_RANK, _MEAN, 1), best_first(children)[0]
    value = first.metrics.get(metric, first.metrics.get(name, math.nan))
    return None if math.isnan(value) else Best(metric, value, first.run_id)


def _deciding(children: Sequence[Run]) -> str | None:
    """Name the metric that decides, None where no child has such a one."""
    names = [key for child in children for key in child.metrics]
    return next((key for prefix in (_RANK, _MEAN) for key in names if key.startswith(prefix)), None)

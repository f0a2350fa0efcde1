"""Which metrics and params tell most of some runs, and so come first where there is not room for all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from autolog.store.run import Run

__all__ = ["are_candidates", "telling"]

_CHOSEN: Final = 4  # metrics, and params, that stand in front of the rest
_CHOSEN_OF_CANDIDATES: Final = 1  # metric


def telling(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Give kind and name of metrics and params, the most common first, of params only those that differ between runs.

    What was measured on the training data comes after what was measured on other data, and what a library has made of
    the params after those that were given. Of a search's candidates, the mean score comes first, then their params.
    """
    measured = Counter(key for run in runs for key in run.metrics)
    ranked = sorted(measured, key=lambda key: (_place(key), -measured[key]))
    metrics = [("metrics", key) for key in ranked]
    counts = Counter(key for run in runs for key in run.params)
    listed = sorted(counts, key=lambda key: (key.startswith("effective_"), -counts[key]))
    params = [("params", key) for key in listed if len(runs) == 1 or _differs(key, runs)]
    most = _CHOSEN_OF_CANDIDATES if are_candidates(runs) else _CHOSEN
    return [*metrics[:most], *params[:_CHOSEN], *metrics[most:], *params[_CHOSEN:]]


def are_candidates(runs: Sequence[Run]) -> bool:
    """Say whether these are candidates of a search."""
    return any(run.splits and run.parent_run_id for run in runs)


def _place(metric: str) -> int:
    """Say how late a metric comes: splits and times after their means, what the training data gave, a model's size."""
    if metric.startswith(("mean_test_", "rank_test_")):
        return -2 if metric.startswith("mean") else -1
    late = metric.startswith(("training_", "train_", "mean_train_", "std_train_"))
    return 3 * bool(_OF_A_SPLIT.match(metric)) + 2 * (metric.endswith("_time") or metric in _SIZES) + late


_OF_A_SPLIT: Final = re.compile(r"split\d*_")
_SIZES: Final = frozenset({"depth", "n_leaves", "n_rounds", "n_trees"})


def _differs(key: str, runs: Sequence[Run]) -> bool:
    return len({repr(run.params[key]) for run in runs if key in run.params}) > 1

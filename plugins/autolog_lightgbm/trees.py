"""How large a booster's trees are, and what its features are worth."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from autolog.capture.importances import importance_charts
from autolog.recording import afterwards
from autolog.recording.charts import log_charts
from autolog_lightgbm import models

if TYPE_CHECKING:
    from autolog.capture.boosting import Training
    from autolog.recording.runs import ActiveRun

__all__ = ["log_importances", "log_trees", "shape_of"]

_KINDS: Final = ("split", "gain")

Array = npt.NDArray[np.int64]


def log_trees(training: Training, booster: Any) -> None:
    """Log the numbers of rounds, trees and leaves, and the greatest depth, of the model as it is saved.

    They are read from its text; where that would be written for nothing else, the run has the number of trees only.
    """
    run = training.run
    is_saved = training.is_saved_as(models.estimators())
    text = models.text_of(booster, keep=is_saved) if is_saved or models.text_at_hand(booster) else None
    if text is not None:
        moment = int(time.time() * 1000)
        afterwards.do((run.run_id, "trees"), run, "shape of the trees", _log_shape, run, text, moment)
    else:
        run.log_metrics({"n_trees": booster.num_trees()})
        run.note("the depth and the leaves of the trees are missing: the model's text was not written")


def _log_shape(run: ActiveRun, text: str, moment: int) -> None:
    run.log_metrics(shape_of(text), timestamp=moment)


def shape_of(text: str) -> dict[str, int]:
    """Read the trees' shape from a model's text, all trees at once, and how many rounds have trained them.

    The children of a tree's splits stand in two lists, `left_child` and `right_child`: a split by its number, a leaf as
    -1 minus its own. A tree without a split is one leaf.
    """
    lefts, rights = list(_lists(text, "left_child=")), list(_lists(text, "right_child="))
    sizes = np.array([each.count(" ") + 1 if each else 0 for each in lefts], dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    left, right = (_numbers(each, sizes, starts) for each in (lefts, rights))
    leaves = int((sizes + 1).sum())
    a_round = int(next(_lists(text, "num_tree_per_iteration="), 1))
    depth = _depth(left, right, starts[sizes > 0])
    return {"n_rounds": len(lefts) // a_round, "n_trees": len(lefts), "depth": depth, "n_leaves": leaves}


def _lists(text: str, name: str) -> Iterator[str]:
    """Give what stands in each line that begins so."""
    place = text.find(f"\n{name}")
    while place >= 0:
        start = place + 1 + len(name)
        place = text.find("\n", start)
        yield text[start:place]
        place = text.find(f"\n{name}", place)


def _numbers(lists: Iterable[str], sizes: Array, starts: Array) -> Array:
    """Give the children of all trees' splits, numbered through; leaves are negative."""
    children = np.fromstring(" ".join(filter(None, lists)), dtype=np.int64, sep=" ")
    return np.where(children < 0, -1, children + np.repeat(starts, sizes))


def _depth(left: Array, right: Array, level: Array) -> int:
    """Go down from the roots, a level of all trees at a time."""
    depth = 0
    while len(level):
        depth += 1
        below = np.concatenate((left[level], right[level]))
        level = below[below >= 0]
    return depth


def log_importances(run: ActiveRun, booster: Any) -> None:
    """Write the importances of both kinds that LightGBM gives, as tables."""
    names = booster.feature_name()
    scores = {kind: dict(zip(names, booster.feature_importance(kind).tolist(), strict=True)) for kind in _KINDS}
    log_charts(run, "importances", "model", [], importance_charts, scores)

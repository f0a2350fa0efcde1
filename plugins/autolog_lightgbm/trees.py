"""How large a booster's trees are, and what its features are worth."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from autolog.capture.importances import importance_charts
from autolog.recording.charts import log_charts

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["log_importances", "shape_of"]

_KINDS: Final = ("split", "gain")
_TREE: Final = re.compile(r"^left_child=(.*)\nright_child=(.*)$", re.MULTILINE)

Array = npt.NDArray[np.int64]


def shape_of(text: str) -> dict[str, int]:
    """Read the trees' shape from a model's text, all trees at once.

    The children of a tree's splits stand in two lists, `left_child` and `right_child`: a split by its number, a leaf as
    -1 minus its own. A tree without a split is one leaf.
    """
    found = _TREE.findall(text)
    splits = [(left, right) for left, right in found if left]
    leaves = len(found) - len(splits)
    if not splits:
        return {"n_trees": len(found), "depth": 0, "n_leaves": leaves}
    sizes = np.array([left.count(" ") + 1 for left, _ in splits])
    starts = np.cumsum(sizes) - sizes
    left, right = (_numbers(each, sizes, starts) for each in zip(*splits, strict=True))
    return {"n_trees": len(found), "depth": _depth(left, right, starts), "n_leaves": leaves + int((sizes + 1).sum())}


def _numbers(lists: tuple[str, ...], sizes: Array, starts: Array) -> Array:
    """Give the children of all trees' splits, numbered through; leaves are negative."""
    children = np.array(" ".join(lists).split(), dtype=np.int64)
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

"""How large a booster's trees are, and what its features are worth."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from xgboost import Booster

from autolog.capture.importances import importance_charts
from autolog.exceptions import ModelTooLarge
from autolog.recording import afterwards
from autolog.recording.charts import log_charts
from autolog_xgboost.models import estimators, is_linear, raw_of

if TYPE_CHECKING:
    from autolog.capture.boosting import Training
    from autolog.recording.runs import ActiveRun

__all__ = ["log_importances", "log_trees", "shape_of"]

_KINDS: Final = ("weight", "gain", "cover", "total_gain", "total_cover")
_PATIENCE: Final = 0.05  # seconds; each kind names all features anew

Array = npt.NDArray[np.int64]


def log_trees(training: Training, booster: Any) -> None:
    """Log the numbers of rounds, trees and leaves, and the greatest depth."""
    run = training.run
    run.log_metrics({"n_rounds": Booster.num_boosted_rounds(booster)})
    try:
        most = run.settings.max_model_mb * 1_000_000
        raw = raw_of(booster, most, keep=training.is_saved_as(estimators()))
    except ModelTooLarge as error:
        run.note(f"the shape of the trees is missing: {error}")
        return
    moment = int(time.time() * 1000)
    afterwards.do((run.run_id, "trees"), run, "shape of the trees", _log_shape, run, raw, moment)


def _log_shape(run: ActiveRun, raw: bytes | bytearray, moment: int) -> None:
    run.log_metrics(shape_of(raw), timestamp=moment)


def shape_of(raw: bytes | bytearray) -> dict[str, int]:
    """Read the trees' shape from a model in UBJSON, all trees at once.

    Every tree has its nodes' children in two arrays, `left_children` and `right_children`; a leaf's are -1
    (https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html, the schema).
    """
    left, starts = _arrays(raw, b"left_children")
    right, _ = _arrays(raw, b"right_children")
    depth, leaves = _descend(left, right, starts) if len(starts) else (0, 0)
    return {"n_trees": len(starts), "depth": depth, "n_leaves": leaves} if len(starts) else {}


def _arrays(raw: bytes | bytearray, name: bytes) -> tuple[Array, Array]:
    """Give the children of all trees' nodes, numbered through, and where each tree begins.

    Under the key stands a typed array of 32-bit integers: `[$l#L`, the count in eight bytes, the values, big-endian.
    """
    mark = re.compile(re.escape(bytes([len(name)]) + name + b"[$l#L"))
    places = np.array([found.end() for found in mark.finditer(raw)], dtype=np.int64)
    content = np.frombuffer(raw, np.uint8)
    sizes = _integers(content, places, 8)
    starts = np.cumsum(sizes) - sizes
    shift = np.repeat(starts, sizes)
    children = _integers(content, np.repeat(places + 8, sizes) + 4 * (np.arange(len(shift)) - shift), 4)
    return np.where(children < 0, -1, children + shift), starts


def _integers(content: npt.NDArray[np.uint8], places: Array, width: int) -> Array:
    """Give the big-endian integers of so many bytes at these places."""
    integers: Array = content[places[:, None] + np.arange(width)].view(f">i{width}").ravel().astype(np.int64)
    return integers


def _descend(left: Array, right: Array, level: Array) -> tuple[int, int]:
    """Go down from the roots, a level of all trees at a time; give the depth, and how many leaves were met."""
    depth = leaves = 0
    while True:
        children = left[level]
        inner = level[children >= 0]
        leaves += len(level) - len(inner)
        if not len(inner):
            return depth, leaves
        depth, level = depth + 1, np.concatenate((left[inner], right[inner]))


def log_importances(run: ActiveRun, booster: Any) -> None:
    """Write the importances of every kind that XGBoost gives for this booster, as tables."""
    scores: dict[str, Mapping[str, float]] = {}
    deadline = time.perf_counter() + _PATIENCE
    for kind in _KINDS[:1] if is_linear(booster) else _KINDS:
        if time.perf_counter() > deadline:
            run.note(f"importances by {kind} and further kinds are missing: reading them takes too long")
            break
        scores[kind] = _flat(Booster.get_score(booster, importance_type=kind))
    log_charts(
        run, "importances", "model", [], importance_charts, {kind: each for kind, each in scores.items() if each}
    )


def _flat(found: Mapping[str, Any]) -> dict[str, float]:
    """Give a number for each name; a linear booster has several of a feature where there are several classes."""
    lists = {name: value for name, value in found.items() if isinstance(value, list)}
    flat = {f"{name}[{place}]": each for name, value in lists.items() for place, each in enumerate(value)}
    return {**{name: value for name, value in found.items() if name not in lists}, **flat}

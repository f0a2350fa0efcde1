"""What is recorded of `lightgbm.cv`: a child run a fold with its series, and the means over the folds on the parent."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from autolog.capture.boosting import recorded_cross_validation
from autolog.capture.calls import Call
from autolog.capture.folds import folds_of
from autolog.hookspecs import Steps
from autolog_lightgbm.rounds import values_of
from autolog_lightgbm.training import LIGHTGBM

__all__ = ["on_cv", "on_round"]

on_cv = partial(recorded_cross_validation, LIGHTGBM)


def on_round(call: Call) -> Steps:
    """Log a round: of each fold what LightGBM's function for the means is given, of all folds what it gives."""
    folds = folds_of(call)
    if folds is None:
        return
    outcome = yield None
    if outcome.error is None:
        folds.log(folds.rounds, map(values_of, call.argument(0, "raw_results")), _means(outcome.result))


def _means(results: Any) -> Iterator[tuple[str, float]]:
    """Give means and deviations as `cv` names them; before LightGBM 4.7 the data's name stands in the metric's."""
    for data, metric, mean, _, deviation in results:
        name = metric if data == "cv_agg" else f"{data} {metric}"
        yield f"{name}-mean", mean
        yield f"{name}-stdv", deviation

"""What is recorded of `lightgbm.cv`: a child run a fold with its series, and the means over the folds on the parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from autolog import guard
from autolog.capture.calls import Call
from autolog.capture.folds import Folds, folds_of
from autolog.capture.predictions import remember_model
from autolog_lightgbm import datasets, params
from autolog_lightgbm.rounds import RoundsCallback, values_of, with_callback
from autolog_lightgbm.training import BOOSTER, Steps

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["on_cv", "on_round"]


def on_cv(call: Call) -> Steps:
    """Record a cross-validation."""
    run = call.start_run("lightgbm.cv", BOOSTER)
    if run is None:
        return
    given = call.given()
    guard.call("lightgbm.cv_params", run, lambda: run.log_params(params.given_params(given)))
    guard.call("lightgbm.cv_data", run, datasets.log_data, call, run, given)
    callback = RoundsCallback(None)
    with Folds(run, params.count_of_rounds(given)) as folds:
        outcome = yield with_callback(call, callback)
        if outcome.error is None:
            guard.call("lightgbm.cv_best", run, _log_best, run, callback.model, outcome.result)
            guard.call("lightgbm.cv_boosters", run, _keep_boosters, call, folds, outcome.result)
            folds.finished()


def on_round(call: Call) -> Steps:
    """Log a round: of each fold what LightGBM's function for the means is given, of all folds what it gives."""
    run = call.enclosing_run
    folds = folds_of(run)
    if folds is None or run is None:
        return
    outcome = yield None
    if outcome.error is None:
        folds.log(run.next_number("round"), map(values_of, call.argument(0, "raw_results")), _means(outcome.result))


def _means(results: Any) -> Iterator[tuple[str, float]]:
    """Give means and deviations as `cv` names them; before LightGBM 4.7 the data's name stands in the metric's."""
    for data, metric, mean, _, deviation in results:
        name = metric if data == "cv_agg" else f"{data} {metric}"
        yield f"{name}-mean", mean
        yield f"{name}-stdv", deviation


def _log_best(run: ActiveRun, boosters: Any, result: Mapping[str, Any]) -> None:
    """Log where early stopping has found the best iteration, counted from 1 as LightGBM does, and the means there."""
    best = -1 if boosters is None else boosters.best_iteration
    if best > 0:
        scores = {f"best_score_{name}": values[best - 1] for name, values in result.items() if name.endswith("-mean")}
        run.log_metrics({"best_iteration": best, **scores})


def _keep_boosters(call: Call, folds: Folds, result: Mapping[str, Any]) -> None:
    """Know the boosters of the folds, where the user has asked for them, and save them."""
    for run, booster in zip(folds.runs, getattr(result.get("cvbooster"), "boosters", ()), strict=False):
        remember_model(booster, run)
        if call.settings.log_models:
            guard.call("lightgbm.fold_model", run, call.save_model, booster, run)

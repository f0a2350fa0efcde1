"""What is recorded of a training: params, data, a point a round, the model, its trees and importances."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, Final

from autolog import guard
from autolog.capture.calls import Call
from autolog.capture.origins import origin_of
from autolog.capture.predictions import remember_model
from autolog.capture.rounds import Rounds, prefix_of
from autolog.hookspecs import Arguments, Outcome
from autolog_lightgbm import datasets, models, params, trees
from autolog_lightgbm.rounds import RoundsCallback, with_callback

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["BOOSTER", "Steps", "on_train"]

Steps = Generator[Arguments | None, Outcome, None]

BOOSTER: Final = {"estimator_name": "Booster", "estimator_class": "lightgbm.basic.Booster"}


def on_train(call: Call) -> Steps:
    """Record a training: on a run of its own, or as part of the fit of an estimator around it."""
    yield from (_trained_inside if call.is_part else _trained)(call)


def _trained(call: Call) -> Steps:
    given = call.given()
    origin = guard.call("lightgbm.origin", None, origin_of, given.get("init_model"))
    run = call.start_run("lightgbm.train", {**BOOSTER, **({"continued_from": origin} if origin else {})})
    if run is None:
        return
    guard.call("lightgbm.params", run, _log_params, run, given)
    guard.call("lightgbm.data", run, datasets.log_data, call, run, given)
    outcome = yield with_callback(call, RoundsCallback(Rounds(run, expected=params.count_of_rounds(given))))
    if outcome.error is None:
        remember_model(outcome.result, run)
        log_booster(call, run, outcome.result)
        if call.settings.log_models:
            guard.call("lightgbm.model", run, call.save_model, outcome.result)


def _trained_inside(call: Call) -> Steps:
    """Add to the run of an estimator's fit what only the booster knows; of an ensemble's members, the series alone."""
    run = call.enclosing_run
    if run is None or not run.records or not call.records:
        return
    prefix = guard.call("lightgbm.prefix", run, prefix_of, call, run)
    if prefix is None:
        return
    given = call.given()
    guard.call("lightgbm.origin_inside", run, _log_origin, run, given)
    outcome = yield with_callback(call, RoundsCallback(Rounds(run, prefix, params.count_of_rounds(given))))
    if outcome.error is None:
        remember_model(outcome.result, run)
        if not prefix and call.handed.get("owner") == call.plugin:
            log_booster(call, run, outcome.result)
        else:
            guard.call("lightgbm.best_inside", run, _log_best, run, outcome.result, prefix)


def _log_params(run: ActiveRun, given: Mapping[str, Any]) -> None:
    run.log_params(params.given_params(given))


def _log_origin(run: ActiveRun, given: Mapping[str, Any]) -> None:
    origin = origin_of(given.get("init_model"))
    if origin is not None:
        run.set_tags({"continued_from": origin})


def log_booster(call: Call, run: ActiveRun, booster: Any) -> None:
    """Record what a trained booster tells of itself: best iteration, params in effect, trees, importances."""
    guard.call("lightgbm.best", run, _log_best, run, booster, "")
    guard.call("lightgbm.text", run, _log_text, call, run, booster)
    guard.call("lightgbm.importances", run, trees.log_importances, run, booster)


def _log_best(run: ActiveRun, booster: Any, prefix: str) -> None:
    """Log where early stopping has found the best iteration, counted from 1 as LightGBM does, and its scores."""
    if booster.best_iteration > 0:
        scores = {
            f"{prefix}best_score_{data}-{metric}": value
            for data, metrics in booster.best_score.items()
            for metric, value in metrics.items()
        }
        run.log_metrics({f"{prefix}best_iteration": booster.best_iteration, **scores})


def _log_text(call: Call, run: ActiveRun, booster: Any) -> None:
    text = models.text_of(booster, keep=call.settings.log_models)
    run.log_params(params.effective_params(text))
    run.log_metrics({"n_rounds": booster.current_iteration(), **trees.shape_of(text)})

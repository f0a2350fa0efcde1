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
from autolog_xgboost import matrices, models, params, trees
from autolog_xgboost.rounds import RoundsCallback, with_callback

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["BOOSTER", "Steps", "on_train"]

Steps = Generator[Arguments | None, Outcome, None]

BOOSTER: Final = {"estimator_name": "Booster", "estimator_class": "xgboost.core.Booster"}


def on_train(call: Call) -> Steps:
    """Record a training: on a run of its own, or as part of the fit of an estimator around it."""
    yield from (_trained_inside if call.is_part else _trained)(call)


def _trained(call: Call) -> Steps:
    given = call.given()
    origin = guard.call("xgboost.origin", None, origin_of, given.get("xgb_model"))
    run = call.start_run("xgboost.train", {**BOOSTER, **({"continued_from": origin} if origin else {})})
    if run is None:
        return
    guard.call("xgboost.params", run, _log_params, run, given)
    guard.call("xgboost.data", run, matrices.log_data, call, run, given)
    callback = RoundsCallback(Rounds(run, expected=params.count_of_rounds(given)))
    outcome = yield with_callback(call, callback)
    if outcome.error is None:
        remember_model(outcome.result, run)
        run.log_metrics(callback.best)
        log_booster(call, run, outcome.result)
        if call.settings.log_models:
            guard.call("xgboost.model", run, call.save_model, outcome.result)


def _trained_inside(call: Call) -> Steps:
    """Add to the run of an estimator's fit what only the booster knows; of an ensemble's members, the series alone."""
    run = call.enclosing_run
    if run is None or not run.records or not call.records:
        return
    prefix = guard.call("xgboost.prefix", run, prefix_of, call, run)
    if prefix is None:
        return
    given = call.given()
    guard.call("xgboost.origin_inside", run, _log_origin, run, given)
    callback = RoundsCallback(Rounds(run, prefix, params.count_of_rounds(given)))
    outcome = yield with_callback(call, callback)
    if outcome.error is None:
        remember_model(outcome.result, run)
        run.log_metrics({f"{prefix}{name}": value for name, value in callback.best.items()})
        if not prefix and call.handed.get("owner") == call.plugin:
            log_booster(call, run, outcome.result)


def _log_params(run: ActiveRun, given: Mapping[str, Any]) -> None:
    run.log_params(params.given_params(given))


def _log_origin(run: ActiveRun, given: Mapping[str, Any]) -> None:
    origin = origin_of(given.get("xgb_model"))
    if origin is not None:
        run.set_tags({"continued_from": origin})


def log_booster(call: Call, run: ActiveRun, booster: Any) -> None:
    """Record what a trained booster tells of itself: the params in effect, its trees, its importances."""
    if models.is_talkative():
        run.note("no effective params, trees and importances: with verbosity=3 XGBoost prints when it is asked")
        return
    guard.call("xgboost.effective", run, _log_effective, run, booster)
    guard.call("xgboost.trees", run, trees.log_trees, run, booster, keep=call.settings.log_models)
    guard.call("xgboost.importances", run, trees.log_importances, run, booster)


def _log_effective(run: ActiveRun, booster: Any) -> None:
    run.log_params(params.effective_params(booster.save_config()))

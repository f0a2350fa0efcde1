"""What is recorded of `xgboost.train`, alone or inside an estimator's fit, and of the booster that it gives."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from autolog import guard
from autolog.capture.boosting import Boosting, is_saved_by, recorded_training
from autolog.capture.calls import Call
from autolog_xgboost import matrices, models, params, trees
from autolog_xgboost.rounds import watch

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["XGBOOST", "on_train"]


def _log_booster(call: Call, run: ActiveRun, booster: Any) -> None:
    """Record what a booster tells of itself: the params in effect, its trees, its importances."""
    if models.is_talkative():
        run.note("no effective params, trees and importances: with verbosity=3 XGBoost prints when it is asked")
        return
    guard.call("xgboost.effective", run, _log_effective, run, booster)
    guard.call("xgboost.trees", run, trees.log_trees, run, booster, keep=is_saved_by(call, models.estimators()))
    guard.call("xgboost.importances", run, trees.log_importances, run, booster)


def _log_effective(run: ActiveRun, booster: Any) -> None:
    run.log_params(params.effective_params(booster.save_config()))


XGBOOST: Final = Boosting(
    framework="xgboost",
    booster="xgboost.core.Booster",
    continues="xgb_model",
    rounds=params.ROUNDS,
    params=params.given_params,
    log_data=matrices.log_data,
    watch=watch,
    log_booster=_log_booster,
)

on_train = partial(recorded_training, XGBOOST)

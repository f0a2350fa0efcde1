"""What is recorded of `lightgbm.train`, alone or inside an estimator's fit, and of the booster that it gives."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from autolog import guard
from autolog.capture.boosting import Boosting, is_saved_by, recorded_training
from autolog.capture.calls import Call
from autolog.capture.folds import Folds
from autolog.capture.predictions import remember_model
from autolog_lightgbm import datasets, models, params, trees
from autolog_lightgbm.rounds import watch

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["LIGHTGBM", "on_train"]


def _log_booster(call: Call, run: ActiveRun, booster: Any) -> None:
    """Record what a booster tells of itself: the params in effect, its trees, its importances."""
    guard.call("lightgbm.text", run, _log_text, call, run, booster)
    guard.call("lightgbm.importances", run, trees.log_importances, run, booster)


def _log_text(call: Call, run: ActiveRun, booster: Any) -> None:
    text = models.text_of(booster, keep=is_saved_by(call, models.estimators()))
    run.log_params(params.effective_params(text))
    run.log_metrics({"n_rounds": booster.current_iteration()})
    trees.log_shape(run, text)


def _log_folds(call: Call, folds: Folds, result: Any) -> None:
    """Know the boosters of the folds, where the user has asked for them, and save them."""
    for run, booster in zip(folds.runs, getattr(result.get("cvbooster"), "boosters", ()), strict=False):
        remember_model(booster, run)
        if call.settings.log_models:
            guard.call("lightgbm.fold_model", run, call.save_model, booster, run)


LIGHTGBM: Final = Boosting(
    framework="lightgbm",
    booster="lightgbm.basic.Booster",
    continues="init_model",
    rounds=params.ROUNDS,
    params=params.given_params,
    log_data=datasets.log_data,
    watch=watch,
    log_booster=_log_booster,
    log_folds=_log_folds,
)

on_train = partial(recorded_training, LIGHTGBM)

"""What is recorded of `lightgbm.train`, alone or inside an estimator's fit, and of the booster that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from autolog import guard
from autolog.capture.boosting import Boosting, Training, recorded_training
from autolog.capture.folds import Folds
from autolog.capture.predictions import remember_model
from autolog_lightgbm import datasets, models, params, trees
from autolog_lightgbm.rounds import watch

__all__ = ["LIGHTGBM", "on_train"]


def _effective(booster: Any) -> Mapping[str, Any]:
    """Read the params in effect; they stand in the text of a single round as well."""
    text = models.text_at_hand(booster) or booster.model_to_string(num_iteration=1)
    return params.effective_params(text)


def _log_booster(training: Training, booster: Any) -> None:
    """Record what a booster tells of itself: its trees, its importances."""
    guard.call("lightgbm.trees", training.run, trees.log_trees, training, booster)
    guard.call("lightgbm.importances", training.run, trees.log_importances, training.run, booster)


def _log_folds(training: Training, folds: Folds, result: Any) -> None:
    """Know the boosters of the folds, where the user has asked for them, and save them."""
    for run, booster in zip(folds.runs, getattr(result.get("cvbooster"), "boosters", ()), strict=False):
        remember_model(booster, run)
        if training.call.settings.log_models:
            guard.call("lightgbm.fold_model", run, training.call.save_model, booster, run)


LIGHTGBM: Final = Boosting(
    framework="lightgbm",
    booster="lightgbm.basic.Booster",
    continues="init_model",
    rounds=params.ROUNDS,
    params=params.given_params,
    effective=_effective,
    log_data=datasets.log_data,
    watch=watch,
    log_booster=_log_booster,
    log_folds=_log_folds,
)

on_train = partial(recorded_training, LIGHTGBM)

"""What is recorded of `xgboost.train`, alone or inside an estimator's fit, and of the booster that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from xgboost import Booster

from autolog import guard
from autolog.capture.boosting import Boosting, Training, recorded_training
from autolog.exceptions import RefusedError
from autolog_xgboost import matrices, models, params, trees
from autolog_xgboost.rounds import watch

__all__ = ["XGBOOST", "on_train"]


def _effective(booster: Any) -> Mapping[str, Any]:
    if models.is_talkative():
        raise RefusedError(
            "no effective params, trees and importances: with verbosity=3 XGBoost prints when it is asked"
        )
    return params.effective_params(Booster.save_config(booster))


def _log_booster(training: Training, booster: Any) -> None:
    """Record what a booster tells of itself: its trees, its importances."""
    if not models.is_talkative():
        guard.call("xgboost.trees", training.run, trees.log_trees, training, booster)
        guard.call("xgboost.importances", training.run, trees.log_importances, training.run, booster)


XGBOOST: Final = Boosting(
    framework="xgboost",
    booster="xgboost.core.Booster",
    continues="xgb_model",
    rounds=params.ROUNDS,
    params=params.given_params,
    effective=_effective,
    log_data=matrices.log_data,
    watch=watch,
    log_booster=_log_booster,
)

on_train = partial(recorded_training, XGBOOST)

"""What is wrapped, and by which handler."""

from __future__ import annotations

from functools import partial
from typing import Final

import xgboost

from autolog.capture.late import late
from autolog.capture.predicting import on_predict, on_save
from autolog.hookspecs import Patches
from autolog.loading.needs import check_needs

__all__ = ["declare"]

_NEEDED: Final = (
    "training.train",
    "training.cv",
    "callback.TrainingCallback",
    "callback._aggcv",
    "Booster.attr",
    "Booster.get_score",
    "Booster.num_boosted_rounds",
    "Booster.predict",
    "Booster.save_config",
    "Booster.save_raw",
    "DMatrix.get_label",
    "DMatrix.set_info",
    "get_config",
)
_SETTINGS: Final = ("callbacks", "early_stopping_rounds", "eval_metric", "verbose", "xgb_model")
"""Arguments of the estimators' `fit` that are no data; some of them only before XGBoost 2.1."""
_MATRICES: Final = ("DMatrix", "QuantileDMatrix", "ExtMemQuantileDMatrix")
_handler: Final = partial(late, "autolog_xgboost")


def declare(patches: Patches) -> None:
    """Declare all; nothing, where XGBoost lacks something of what is needed.

    Raises:
        PluginError: it does.
    """
    check_needs(xgboost, *_NEEDED)
    patches.function(xgboost.training, "train", _handler("training.on_train"), nested=True)
    patches.function(xgboost.training, "cv", _handler("cross_validation.on_cv"), nested=True)
    # the only place where the values of each fold stand
    patches.function(xgboost.callback, "_aggcv", _handler("cross_validation.on_round"), nested=True)
    for kind in filter(None, (getattr(xgboost, name, None) for name in _MATRICES)):
        patches.method(kind, "__init__", _handler("matrices.on_made"))
    for name in ("set_float_info", "set_info", "set_label"):
        patches.method(xgboost.DMatrix, name, _handler("matrices.on_changed"))
    for name in ("predict", "inplace_predict"):
        patches.method(xgboost.Booster, name, on_predict("data"))
    patches.method(xgboost.Booster, "save_model", on_save("fname"))
    if hasattr(xgboost, "XGBModel"):
        patches.own(xgboost.XGBModel, _SETTINGS)

"""What is wrapped, and by which handler."""

from __future__ import annotations

from functools import partial
from typing import Final

import lightgbm

from autolog.capture.late import late
from autolog.capture.predicting import on_predict, on_save
from autolog.hookspecs import Patches
from autolog.loading.needs import check_needs

__all__ = ["declare"]

_NEEDED: Final = (
    "engine.train",
    "engine.cv",
    "engine._agg_cv_result",
    "Booster.current_iteration",
    "Booster.feature_importance",
    "Booster.feature_name",
    "Booster.model_to_string",
    "Booster.predict",
    "Dataset.construct",
    "Dataset.num_data",
)
_SETTINGS: Final = (
    "callbacks",
    "categorical_feature",
    "eval_at",
    "eval_class_weight",
    "eval_metric",
    "eval_names",
    "feature_name",
    "init_model",
)
"""Arguments of the estimators' `fit` that are no data."""
_handler: Final = partial(late, "autolog_lightgbm")


def declare(patches: Patches) -> None:
    """Declare all; nothing, where LightGBM lacks something of what is needed.

    Raises:
        PluginError: it does.
    """
    check_needs(lightgbm, *_NEEDED)
    patches.function(lightgbm.engine, "train", _handler("training.on_train"), nested=True)
    patches.function(lightgbm.engine, "cv", _handler("cross_validation.on_cv"), nested=True)
    # the only place where the values of each fold stand
    patches.function(lightgbm.engine, "_agg_cv_result", _handler("cross_validation.on_round"), nested=True)
    patches.method(lightgbm.Dataset, "construct", _handler("datasets.on_construct"))
    for name in ("set_label", "set_field", "add_features_from"):
        patches.method(lightgbm.Dataset, name, _handler("datasets.on_changed"))
    patches.method(lightgbm.Booster, "predict", on_predict("data"))
    patches.method(lightgbm.Booster, "model_from_string", _handler("models.on_made_of_text"), nested=True)
    patches.method(lightgbm.Booster, "save_model", on_save("filename"))
    if hasattr(lightgbm, "LGBMModel"):
        patches.own(lightgbm.LGBMModel, _SETTINGS)

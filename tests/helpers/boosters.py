"""Both boosting libraries in the same words, for what must hold of either."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import lightgbm
import xgboost
from sklearn.datasets import load_breast_cancer

__all__ = ["LIBRARIES", "Library", "X", "Y", "flat"]

X, Y = load_breast_cancer(return_X_y=True)
_QUIET: Mapping[str, Any] = {"verbosity": -1, "num_threads": 1}


class Library(NamedTuple):
    """One of the libraries.

    Args:
        name: what it is imported as.
        data: makes its container of data of inputs and labels.
        train: trains with logging of the evaluation in silence: params, data, rounds, {name: data} and other arguments;
            gives the booster and what was measured, as the library tells it.
        params: of a small classifier.
        classifier: its scikit-learn class.
        estimator: params of a small one of it.
        continues: the argument that takes a model to go on from.
    """

    name: str
    data: Callable[..., Any]
    train: Callable[..., tuple[Any, Mapping[str, Mapping[str, list[float]]]]]
    params: Mapping[str, Any]
    classifier: type
    estimator: Mapping[str, Any]
    continues: str

    def predict(self, booster: Any, rows: Any) -> Any:
        """Predict rows of an array."""
        return booster.predict(xgboost.DMatrix(rows) if self.name == "xgboost" else rows)


def _train_xgboost(params: Any, data: Any, rounds: int, evals: Mapping[str, Any], **more: Any) -> Any:
    told: dict[str, Any] = {}
    listed = [(each, name) for name, each in evals.items()]
    booster = xgboost.train(params, data, rounds, evals=listed, evals_result=told, verbose_eval=False, **more)
    return booster, told


def _train_lightgbm(params: Any, data: Any, rounds: int, evals: Mapping[str, Any], **more: Any) -> Any:
    told: dict[str, Any] = {}
    callbacks = [*more.pop("callbacks", []), lightgbm.record_evaluation(told)]
    sets = {"valid_sets": list(evals.values()), "valid_names": list(evals)}
    booster = lightgbm.train(params, data, rounds, **sets, callbacks=callbacks, **more)
    return booster, told


LIBRARIES = {
    "xgboost": Library(
        "xgboost",
        xgboost.DMatrix,
        _train_xgboost,
        {"objective": "binary:logistic", "eval_metric": ["auc", "logloss"], "max_depth": 3, "nthread": 1, "seed": 7},
        xgboost.XGBClassifier,
        {"n_estimators": 4, "max_depth": 3, "n_jobs": 1},
        "xgb_model",
    ),
    "lightgbm": Library(
        "lightgbm",
        lightgbm.Dataset,
        _train_lightgbm,
        {"objective": "binary", "metric": ["auc", "binary_logloss"], "num_leaves": 7, "seed": 7, **_QUIET},
        lightgbm.LGBMClassifier,
        {"n_estimators": 4, "num_leaves": 7, "n_jobs": 1, "verbosity": -1},
        "init_model",
    ),
}


def flat(told: Mapping[str, Mapping[str, list[float]]]) -> dict[str, list[float]]:
    """Give what a library told under the names that runs have."""
    series = ((f"{data}-{metric}", values) for data, each in told.items() for metric, values in each.items())
    return {name: list(map(float, values)) for name, values in series}

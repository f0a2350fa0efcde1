"""What is wrapped, and by which handler; a handler is imported with its first call, so that `enable()` is quick."""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any, Final

from sklearn.base import BaseEstimator

from autolog.capture.calls import Call
from autolog.capture.late import late
from autolog.capture.predicting import on_predict
from autolog.hookspecs import Patches
from autolog_sklearn.kinds import is_search

__all__ = ["declare"]

_CROSS_VALIDATING: Final = (
    "cross_validate",
    "cross_val_score",
    "cross_val_predict",
    "validation_curve",
    "learning_curve",
    "permutation_test_score",
)
_WORKING: Final = {  # scikit-learn's own functions that do a unit of the work of these, or of a search
    "_fit_and_score": "on_split",
    "_fit_and_predict": "on_split",
    "_incremental_fit_estimator": "on_increments",
    "_permutation_test_score": "on_permutation",
    "_translate_train_sizes": "on_train_sizes",
}


def declare(patches: Patches) -> None:
    """Declare what is there, and what is to come once its module has been imported."""
    fits = dict.fromkeys(("fit", "fit_predict", "fit_transform"), _on_fit)
    predicting = ("predict", "predict_proba", "predict_log_proba", "decision_function")
    predicts = dict.fromkeys(predicting, on_predict("X"))
    others = {"score": _handler("metrics.on_score"), "transform": _handler("fits.on_transform")}
    patches.subclasses(BaseEstimator, fits, nested=is_search)
    patches.subclasses(BaseEstimator, {**predicts, **others, "partial_fit": _handler("incremental.on_partial_fit")})
    for module, declare_there in _LATER.items():
        patches.on_import(module, partial(declare_there, patches))


_handler: Final = partial(late, "autolog_sklearn")
_fitted: Final = _handler("fits.on_fit")
_searched: Final = _handler("searches.on_search")


def _on_fit(call: Call) -> Any:
    return (_searched if is_search(call.instance) else _fitted)(call)


def _metrics(patches: Patches, module: ModuleType) -> None:
    from autolog_sklearn import metrics

    metrics.declare(patches, module)


def _calibration(patches: Patches, module: ModuleType) -> None:
    patches.function(module, "calibration_curve", _handler("metrics.on_metric"))


def _inspection(patches: Patches, module: ModuleType) -> None:
    for name in ("permutation_importance", "partial_dependence"):
        patches.function(module, name, _handler(f"inspections.on_{name}"))


def _searching(patches: Patches, module: ModuleType) -> None:
    handlers = {"_run_search": _handler("searches.on_run_search")}
    patches.subclasses(module.BaseSearchCV, handlers, nested=True)


def _validation(patches: Patches, module: ModuleType) -> None:
    for name in _CROSS_VALIDATING:
        patches.function(module, name, _handler("cross_validation.on_cross_validation"))
    for name, handler in _WORKING.items():
        patches.function(module, name, _handler(f"splits.{handler}"), nested=True)


_LATER: Final = {
    "sklearn.metrics": _metrics,
    "sklearn.calibration": _calibration,
    "sklearn.inspection": _inspection,
    "sklearn.model_selection._search": _searching,
    "sklearn.model_selection._validation": _validation,
}

"""The scikit-learn plugin: every fit of a predictor that derives from `BaseEstimator` is a run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from sklearn.base import BaseEstimator

from autolog import hookimpl
from autolog.capture.calls import Call
from autolog.hookspecs import ModelStream, Patches, SavedModel
from autolog.models import pickles
from autolog_sklearn import fits, metrics
from autolog_sklearn.kinds import is_search

__all__: list[str] = []


@hookimpl
def autolog_patches(patches: Patches) -> None:
    """Wrap what trains, what predicts, and, once they are imported, the functions that measure."""
    trains = dict.fromkeys(("fit", "fit_predict", "fit_transform"), _on_fit)
    predicts = dict.fromkeys(("predict", "predict_proba", "predict_log_proba", "decision_function"), metrics.on_predict)
    patches.subclasses(BaseEstimator, trains, nested=is_search)
    patches.subclasses(BaseEstimator, {"partial_fit": _on_partial_fit})
    patches.subclasses(BaseEstimator, {**predicts, "score": metrics.on_score, "transform": fits.on_transform})
    patches.on_import("sklearn.metrics", lambda module: metrics.declare(patches, module))
    patches.on_import("sklearn.inspection", partial(_declare_inspections, patches))
    patches.on_import("sklearn.model_selection._search", partial(_declare_searches, patches))
    patches.on_import("sklearn.model_selection._validation", partial(_declare_cross_validation, patches))


def _on_partial_fit(call: Call) -> fits.Steps:
    """Give what records this step of a training; it is imported with the first of them."""
    from autolog_sklearn import incremental

    return incremental.on_partial_fit(call)


def _on_fit(call: Call) -> fits.Steps:
    """Give what records this fit; what only searches need is imported with the first of them."""
    if not is_search(call.instance):
        return fits.on_fit(call)
    from autolog_sklearn import searches

    return searches.on_search(call)


def _declare_searches(patches: Patches, module: ModuleType) -> None:
    from autolog_sklearn import searches

    searches.declare(patches, module)


def _declare_inspections(patches: Patches, module: ModuleType) -> None:
    from autolog_sklearn import inspections

    inspections.declare(patches, module)


def _declare_cross_validation(patches: Patches, module: ModuleType) -> None:
    from autolog_sklearn import cross_validation

    cross_validation.declare(patches, module)


@hookimpl
def autolog_save_model(model: object, stream: ModelStream, format: str) -> SavedModel | None:
    """Save an estimator, whoever wrote its class."""
    if not isinstance(model, BaseEstimator):
        return None
    if format == "skops":
        from autolog_sklearn import skops_models  # who has not asked for it may not have it

        return skops_models.dump(model, stream)
    return pickles.dump(model, stream)


@hookimpl
def autolog_load_model(path: Path, format: str, trusted: bool | Sequence[str] | None) -> Any:
    """Load a pickle or skops' file, as far as the caller trusts its types."""
    if format == "skops":
        from autolog_sklearn import skops_models

        return skops_models.load(path, trusted)
    return pickles.load(path, trusted) if format == "pickle" else None

"""The scikit-learn plugin: every fit of a predictor that derives from `BaseEstimator` is a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from autolog import hookimpl
from autolog.hookspecs import ModelStream, Patches, SavedModel
from autolog.models import pickles
from autolog_sklearn import fits, metrics

__all__: list[str] = []


@hookimpl
def autolog_patches(patches: Patches) -> None:
    """Wrap what trains, what predicts, and, once they are imported, the functions that measure."""
    trains = dict.fromkeys(("fit", "fit_predict", "fit_transform"), fits.on_fit)
    predicts = dict.fromkeys(("predict", "predict_proba", "predict_log_proba", "decision_function"), metrics.on_predict)
    patches.subclasses(BaseEstimator, {**trains, **predicts, "score": metrics.on_score, "transform": fits.on_transform})
    patches.on_import("sklearn.metrics", lambda module: metrics.declare(patches, module))


@hookimpl
def autolog_save_model(model: object, stream: ModelStream) -> SavedModel | None:
    """Pickle an estimator, whoever wrote its class."""
    return pickles.dump(model, stream) if isinstance(model, BaseEstimator) else None


@hookimpl
def autolog_load_model(path: Path, format: str, trusted: bool | Sequence[str] | None) -> Any:
    """Load a pickle, as far as the caller trusts its types."""
    return pickles.load(path, trusted) if format == "pickle" else None

"""The scikit-learn plugin: every fit of a predictor that derives from `BaseEstimator` is a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from autolog import hookimpl
from autolog.hookspecs import ModelStream, Patches, SavedModel
from autolog_sklearn import declared

__all__: list[str] = []


@hookimpl
def autolog_patches(patches: Patches) -> None:
    """Wrap what trains and what predicts and, once they are imported, what measures and what cross-validates."""
    declared.declare(patches)


@hookimpl(trylast=True)  # a library whose estimators derive from scikit-learn's may know a better way
def autolog_save_model(model: object, stream: ModelStream, format: str) -> SavedModel | None:
    """Save an estimator, whoever wrote its class."""
    if not isinstance(model, BaseEstimator):
        return None
    if format == "skops":
        from autolog_sklearn import skops_models  # who has not asked for it may not have it

        return skops_models.dump(model, stream)
    from autolog.models import pickles

    return pickles.dump(model, stream)


@hookimpl
def autolog_load_model(path: Path, saved: SavedModel, trusted: bool | Sequence[str] | None) -> Any:
    """Load a pickle or skops' file, as far as the caller trusts its types."""
    if saved.format == "skops":
        from autolog_sklearn import skops_models

        return skops_models.load(path, trusted)
    if saved.format == "pickle":
        from autolog.models import pickles

        return pickles.load(path, trusted)
    return None

"""The XGBoost plugin: a run for every `train` and `cv`, and what a booster adds to the run of a fit around it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xgboost

from autolog import hookimpl
from autolog.hookspecs import DataDescription, ModelStream, Patches, SavedModel
from autolog_xgboost import declared

__all__: list[str] = []


@hookimpl
def autolog_patches(patches: Patches) -> None:
    """Wrap what trains, what predicts, and what takes data in."""
    declared.declare(patches)


@hookimpl
def autolog_describe_data(data: object) -> DataDescription | None:
    """Describe a `DMatrix` by what it tells of itself."""
    if not isinstance(data, xgboost.DMatrix):
        return None
    from autolog_xgboost import matrices

    return matrices.describe(data)


@hookimpl
def autolog_save_model(model: object, stream: ModelStream) -> SavedModel | None:
    """Save a booster, or an estimator of XGBoost's own, as UBJSON."""
    from autolog_xgboost import models

    return models.save(model, stream)


@hookimpl
def autolog_load_model(path: Path, saved: SavedModel, trusted: bool | Sequence[str] | None) -> Any:
    """Load what `autolog_save_model` saved; XGBoost's own reader runs no code of the file's."""
    from autolog_xgboost import models

    return models.load(path, saved)

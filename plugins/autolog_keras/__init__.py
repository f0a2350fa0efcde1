"""The Keras plugin: a run for every `fit`, what `evaluate` adds to it, and models as `.keras` files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras

from autolog import hookimpl
from autolog.capture.late import late
from autolog.capture.predicting import on_predict
from autolog.hookspecs import ModelStream, Patches, SavedModel
from autolog.loading.needs import check_needs
from autolog.values import type_name

__all__: list[str] = []


@hookimpl
def autolog_patches(patches: Patches) -> None:
    """Wrap what trains, what evaluates and what predicts."""
    check_needs(keras, "Model.fit", "callbacks.CallbackList", "callbacks.LambdaCallback", "saving.save_model")
    patches.method(keras.Model, "fit", late("autolog_keras", "calls.on_fit"))
    patches.method(keras.Model, "evaluate", late("autolog_keras", "calls.on_evaluate"))
    patches.method(keras.Model, "predict", on_predict("x"))


@hookimpl
def autolog_drives() -> Sequence[str]:
    """Have no loop of Keras's taken for one that the user has written."""
    return ("torch",)


@hookimpl(tryfirst=True)  # with torch as the backend, a model is a module as well
def autolog_save_model(model: object, stream: ModelStream) -> SavedModel | None:
    """Save a model as Keras does: architecture, weights and optimizer, for any of its backends."""
    if not isinstance(model, keras.Model):
        return None
    from autolog.models.by_path import check_room, write_file
    from autolog.models.files import module_versions

    check_room(stream, sum(math.prod(each.shape) for each in model.weights))  # at a byte each at the least
    write_file(stream, "model.keras", partial(keras.saving.save_model, model))
    return SavedModel("keras", type_name(model), module_versions(["keras", type(model).__module__]))


@hookimpl
def autolog_load_model(path: Path, saved: SavedModel, trusted: bool | Sequence[str] | None) -> Any:
    """Load what `autolog_save_model` saved; Keras's safe mode refuses code in the file unless it is trusted."""
    return keras.saving.load_model(path, safe_mode=trusted is not True) if saved.format == "keras" else None

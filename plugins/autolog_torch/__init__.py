"""The PyTorch plugin: a run for every training loop, as the user has written it, and models of any module."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from autolog import hookimpl
from autolog.hookspecs import DataDescription, ModelStream, Patches, SavedModel

__all__: list[str] = []


@hookimpl
def autolog_patches(patches: Patches) -> None:
    """Watch what a training loop calls."""
    from autolog_torch import declared

    declared.declare(patches)


@hookimpl
def autolog_describe_data(data: object) -> DataDescription | None:
    """Describe a tensor."""
    if not isinstance(data, torch.Tensor):
        return None
    from autolog_torch import tensors

    return tensors.describe(data)


@hookimpl
def autolog_save_model(model: object, stream: ModelStream) -> SavedModel | None:
    """Save a module as safetensors."""
    from autolog_torch import models

    return models.save(model, stream)


@hookimpl
def autolog_load_model(path: Path, saved: SavedModel, trusted: bool | Sequence[str] | None) -> Any:
    """Load what `autolog_save_model` saved: the weights, or where it is trusted the module."""
    from autolog_torch import models

    return models.load(path, saved, trusted)

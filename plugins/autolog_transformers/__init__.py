"""The transformers plugin: a run for every `Trainer.train`, what `evaluate` and `predict` add to it, and models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from autolog import hookimpl
from autolog.capture.late import late
from autolog.hookspecs import ModelStream, Patches, SavedModel
from autolog.loading.needs import check_needs

__all__: list[str] = []


@hookimpl
def autolog_patches(patches: Patches) -> None:
    """Wrap what a Trainer does, once the program has imported it."""
    patches.on_import("transformers.trainer", partial(_declare, patches))


def _declare(patches: Patches, module: ModuleType) -> None:
    check_needs(module, "Trainer.add_callback", "Trainer.pop_callback", "Trainer.training_step")
    for name, handler in {"train": "on_train", "evaluate": "on_evaluate", "predict": "on_evaluate"}.items():
        patches.method(module.Trainer, name, late("autolog_transformers", f"calls.{handler}"))
    patches.method(module.Trainer, "training_step", late("autolog_transformers", "calls.on_step"), nested=True)


@hookimpl
def autolog_drives() -> Sequence[str]:
    """Have no loop of a Trainer's taken for one that the user has written."""
    return ("torch",)


@hookimpl(tryfirst=True)  # a model is a module as well
def autolog_save_model(model: object, stream: ModelStream) -> SavedModel | None:
    """Save what `save_pretrained` writes: a model, a tokenizer, a processor."""
    from autolog_transformers import models

    return models.save(model, stream)


@hookimpl
def autolog_load_model(path: Path, saved: SavedModel, trusted: bool | Sequence[str] | None) -> Any:
    """Load what `autolog_save_model` saved; no code of the file's runs."""
    from autolog_transformers import models

    return models.load(path, saved) if saved.format == "pretrained" else None

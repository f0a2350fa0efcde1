"""The Lightning plugin: a run for every `fit` of a Trainer, and what `validate` and `test` add to it."""

from __future__ import annotations

from collections.abc import Sequence

from autolog import hookimpl
from autolog.hookspecs import Patches
from autolog_lightning import declared

__all__: list[str] = []


@hookimpl
def autolog_patches(patches: Patches) -> None:
    """Wrap the calls of a Trainer, and watch what it logs."""
    patches.on_import("lightning.pytorch", declared.declaring(patches))


@hookimpl
def autolog_drives() -> Sequence[str]:
    """Have no loop of a Trainer's taken for one that the user has written."""
    return ("torch",)

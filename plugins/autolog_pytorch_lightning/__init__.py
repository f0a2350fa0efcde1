"""Lightning under its older import name, a distribution of its own; what is recorded of it `autolog_lightning` says."""

from __future__ import annotations

import pytorch_lightning

from autolog import hookimpl
from autolog.hookspecs import Patches
from autolog_lightning import autolog_drives, declared

__all__ = ["autolog_drives"]


@hookimpl
def autolog_patches(patches: Patches) -> None:
    """Wrap the calls of a Trainer, and watch what it logs."""
    declared.declare(patches, pytorch_lightning)

"""Params of a training: the user's hyperparameters, the trainer's settings, and what the model is."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from autolog.capture.networks import network_params, network_summary

__all__ = ["is_same", "merged", "module_in", "summary"]

_PLAIN: Final = (bool, int, float, str, type(None))
_UNSEEDED: Final = 67280421310721  # the seed of a generator that nobody has seeded
_SETTINGS: Final = (
    "accumulate_grad_batches",
    "barebones",
    "check_val_every_n_epoch",
    "fast_dev_run",
    "gradient_clip_algorithm",
    "gradient_clip_val",
    "limit_test_batches",
    "limit_train_batches",
    "limit_val_batches",
    "log_every_n_steps",
    "max_epochs",
    "max_steps",
    "min_epochs",
    "min_steps",
    "num_nodes",
    "num_sanity_val_steps",
    "overfit_batches",
    "precision",
    "reload_dataloaders_every_n_epochs",
    "val_check_interval",
)


def merged(trainer: Any, module: Any, datamodule: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    """Give all params: the module's hyperparameters under their names, then whatever has a name that is not taken yet.

    Args:
        trainer: its settings; where a hyperparameter has the name of one, it is `trainer.<name>`.
        module: the model, whose hyperparameters come first.
        datamodule: the data's module, or None; likewise `datamodule.<name>`.
        more: what else is known, named like settings.
    """
    found = _hyperparameters(module)
    _add(found, "datamodule", _hyperparameters(datamodule))
    named = {"datamodule": None if datamodule is None else type(datamodule).__name__}
    _add(found, "trainer", {**_settings(trainer), **_model(module), **named, **more})
    return found


def _add(found: dict[str, Any], source: str, params: Mapping[str, Any]) -> None:
    for name, value in params.items():
        is_free = name not in found or is_same(found[name], value)
        found[name if is_free else f"{source}.{name}"] = value


def is_same(one: Any, other: Any) -> bool:
    """Say whether two values are one, without asking what a user may have written."""
    return one is other or (type(one) is type(other) and type(one) in _PLAIN and one == other)


def module_in(model: Any, trainer: Any) -> Any:
    """Give the module that a trainer is to train: it, what it wraps when it is compiled, or the one it had before."""
    parts = getattr(model, "__dict__", {}).get("_modules") or {}
    return trainer.lightning_module if model is None else parts.get("_orig_mod", model)


# ---- hyperparameters


def _hyperparameters(module: Any) -> dict[str, Any]:
    """Give what `save_hyperparameters` has kept; not by the property, which adds an attribute where there is none."""
    kept = getattr(module, "__dict__", {}).get("_hparams")
    values = vars(kept) if isinstance(kept, Namespace) else kept
    items = dict.items(values) if isinstance(values, dict) else values.items() if isinstance(values, Mapping) else ()
    return {str(name): value for name, value in items if not str(name).startswith("_")}


# ---- settings


def _settings(trainer: Any) -> dict[str, Any]:
    """Give the settings of a trainer as they are in effect."""
    plain = {name: _plain(getattr(trainer, name, None)) for name in _SETTINGS}
    seed = torch.initial_seed()
    return {
        **plain,
        "accelerator": type(trainer.accelerator).__name__.removesuffix("Accelerator").lower(),
        "devices": trainer.num_devices,
        "strategy": _strategy(trainer.strategy),
        "seed": None if seed == _UNSEEDED else seed,
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled() or None,
    }


def _strategy(strategy: Any) -> str:
    """Give a strategy's name as users write it, where it has one; `ddp` for a `DDPStrategy`."""
    name = getattr(strategy, "strategy_name", None)
    return name if isinstance(name, str) else type(strategy).__name__.removesuffix("Strategy").lower()


def _plain(value: Any) -> Any:
    value = value.value if isinstance(value, Enum) else value
    return value if type(value) in _PLAIN else str(value)


# ---- the model


def _model(module: Any) -> dict[str, Any]:
    """Give a model's class, the counts of its parameters, their types and devices."""
    if not isinstance(module, nn.Module):
        return {}
    return network_params(module, nn.Module.parameters(module), _shape)


def summary(module: nn.Module) -> str:
    """Give a table of a model's layers."""
    return network_summary(nn.Module.named_modules(module), _shape)


def _shape(parameter: Any) -> Sequence[int] | None:
    return None if is_lazy(parameter) else parameter.shape

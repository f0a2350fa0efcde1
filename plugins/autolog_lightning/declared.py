"""What is wrapped and watched, and by whom; it is the same in Lightning's two distributions.

A callback of ours would stand in `trainer.callbacks` while a fit goes on, where callbacks of the user's see it. So what
Lightning hands to its loggers is watched instead: that costs nothing in a batch of which nothing is logged.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Final

import torch

from autolog.capture.late import late
from autolog.capture.predicting import on_save
from autolog.hookspecs import Patches
from autolog.loading.needs import check_needs
from autolog_lightning import watching
from autolog_lightning.called import CalledModel

__all__ = ["declare", "declaring"]

_CONNECTOR: Final = "trainer.connectors.logger_connector.logger_connector._LoggerConnector"
_NEEDED: Final = (
    "Trainer._results",
    "Trainer._run_stage",
    "Trainer.checkpoint_callbacks",
    "Trainer.early_stopping_callbacks",
    "Trainer.lightning_module",
    "Trainer.lr_scheduler_configs",
    "Trainer.optimizers",
    "Trainer.sanity_checking",
    f"{_CONNECTOR}.log_metrics",
    f"{_CONNECTOR}.metrics",
    "core.saving._load_from_checkpoint",
)
_handler: Final = partial(late, "autolog_lightning")


def declaring(patches: Patches) -> Callable[[ModuleType], None]:
    """Give what declares all once the framework's module is there."""
    return partial(declare, patches)


def declare(patches: Patches, framework: ModuleType) -> None:
    """Declare all; nothing, where Lightning lacks something of what is needed.

    Args:
        patches: takes it.
        framework: `lightning.pytorch`, or `pytorch_lightning`.

    Raises:
        PluginError: it does.
    """
    check_needs(framework, *_NEEDED)
    trainer = framework.Trainer
    patches.method(trainer, "fit", _handler("calls.on_fit"))
    for name in ("validate", "test"):
        patches.method(trainer, name, _handler("calls.on_evaluate"))
    patches.method(trainer, "predict", _handler("calls.on_predict"))
    patches.method(trainer, "save_checkpoint", on_save("filepath"))
    called = CalledModel(partial(patches.watch, unless=torch.compiler.is_dynamo_compiling))
    patches.watch(trainer, "_run_stage", partial(watching.stage, called))
    connector = framework.trainer.connectors.logger_connector.logger_connector._LoggerConnector  # noqa: SLF001
    patches.watch(connector, "log_metrics", watching.logged)
    patches.watch(framework.core.saving, "_load_from_checkpoint", watching.loading)

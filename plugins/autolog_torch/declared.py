"""What is watched: where a loop of the user's gives a sign of what it does."""

from __future__ import annotations

import inspect
import os
from functools import cache, partial
from types import FunctionType, ModuleType
from typing import Any, Final

import torch
from torch.nn import functional
from torch.nn.utils import clip_grad
from torch.optim import lr_scheduler
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.data import DataLoader, DistributedSampler
from torch.utils.data._utils import signal_handling
from torch.utils.data.dataloader import _BaseDataLoaderIter

from autolog.capture.late import late
from autolog.hookspecs import Patches
from autolog.loading.needs import check_needs
from autolog.recording.changes import looks_at_its_own
from autolog_torch import logged
from autolog_torch.called import CalledModel
from autolog_torch.hooks import after_step, before_step
from autolog_torch.loop import Loop, Loops
from autolog_torch.signals import LossFunction, Signals

__all__ = ["declare"]

_NEEDED: Final = (
    "amp.GradScaler.scale",
    "autograd.backward",
    "nn.Module._wrapped_call_impl",
    "compiler.is_dynamo_compiling",
    "utils.data.DataLoader.__iter__",
)
_MORE_LOSSES: Final = ("cross_entropy", "kl_div", "binary_cross_entropy", "binary_cross_entropy_with_logits")


def declare(patches: Patches) -> None:
    """Declare all; nothing, where torch lacks something of what is needed.

    Raises:
        PluginError: it does.
    """
    check_needs(torch, *_NEEDED)
    watch = partial(patches.watch, unless=torch.compiler.is_dynamo_compiling)
    Loop.set_up(patches.here, CalledModel(watch))
    signals = Signals(_loops, patches.here)
    patches.watch(torch.autograd, "backward", signals.backward)  # which no compiler looks into
    watch(torch.amp.GradScaler, "scale", signals.scaled)
    watch(torch.amp.GradScaler, "update", signals.updated)
    watch(clip_grad, "clip_grad_norm_", signals.clipped_norm)
    watch(clip_grad, "clip_grad_value_", signals.clipped_value)
    watch(DataLoader, "__iter__", signals.iterated)
    watch(_BaseDataLoaderIter, "__next__", signals.drawing)
    watch(DistributedSampler, "set_epoch", signals.epoch_set)
    for name, function in list(vars(functional).items()):
        if type(function) is FunctionType and (name.endswith("_loss") or name in _MORE_LOSSES) and name[0] != "_":
            watch(functional, name, LossFunction(signals, function))
    for kind in list(vars(lr_scheduler).values()):
        if isinstance(kind, type) and "step" in vars(kind):
            watch(kind, "step", signals.scheduled)
    patches.at_undo(register_optimizer_step_pre_hook(before_step(signals.stepping)).remove)
    patches.at_undo(register_optimizer_step_post_hook(after_step(signals.stepped)).remove)
    patches.on_import("torch.multiprocessing.spawn", partial(_declare_launch, patches))
    patches.on_import("torch._dynamo.trace_rules", _skip_our_code)
    logged.declare(patches, signals, watch)
    looks_at_its_own.add(_is_loaders)


def _is_loaders(handler: object) -> bool:
    """Say whether it is the handler of a DataLoader with workers, and calls no other of the program's."""
    if not isinstance(handler, FunctionType) or handler.__module__ != signal_handling.__name__:
        return False
    return inspect.getclosurevars(handler).nonlocals.get("previous_handler", handler) is None


@cache
def _skip_our_code(rules: Any) -> None:
    """Have the compiler not look into code of ours that is called between the parts that it compiles."""
    for package in ("autolog", "autolog_torch"):
        rules.add(package)


def _declare_launch(patches: Patches, module: ModuleType) -> None:
    patches.function(module, "start_processes", late("autolog_torch", "launched.on_start"))


_loops: Final = Loops()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_loops.forked)

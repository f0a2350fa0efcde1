"""Torch's global hooks around an optimizer's step, as a compiler may read them: the rest of our code it may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.optim import Optimizer

__all__ = ["Hook", "hook_of"]

Hook: TypeAlias = Callable[[Optimizer, tuple[Any, ...], dict[str, Any]], None]


def hook_of(signal: Hook) -> Hook:
    """Give a hook that takes the steps which are not compiled: to look at others would have them compiled in pieces.

    Args:
        signal: takes them.
    """

    def hook(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not torch.compiler.is_dynamo_compiling():
            signal(optimizer, args, kwargs)

    return hook

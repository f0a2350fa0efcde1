"""Torch's global hooks around an optimizer's step, as a compiler may read them: the rest of our code it may not.

To look at steps that are compiled would have them compiled in pieces. A compiler goes by the name of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.optim import Optimizer

__all__ = ["Hook", "after_step", "before_step"]

Hook: TypeAlias = Callable[[Optimizer, tuple[Any, ...], dict[str, Any]], None]


def before_step(signal: Hook) -> Hook:
    """Give a hook that takes the beginning of steps that are given a closure.

    Args:
        signal: takes it.
    """

    def hook(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if (len(args) > 1 or kwargs) and not torch.compiler.is_dynamo_compiling():
            signal(optimizer, args, kwargs)

    return _readable(hook)


def after_step(signal: Hook) -> Hook:
    """Give a hook that takes steps.

    Args:
        signal: takes them.
    """

    def hook(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not torch.compiler.is_dynamo_compiling():
            signal(optimizer, args, kwargs)

    return _readable(hook)


def _readable(hook: Any) -> Hook:
    hook.__code__ = hook.__code__.replace(co_filename="<hooks of autolog_torch>")
    return hook  # type: ignore[no-any-return]

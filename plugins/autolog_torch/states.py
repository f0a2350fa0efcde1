"""What the state dict of a module has, told without calling code of the module's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin

from autolog.values import class_name

__all__ = ["few", "more_state", "named_tensors", "parts"]

_MOST_NAMES: Final = 5  # in a note


def named_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield what a state dict has, without calling code of the module's; what has several names, as often."""
    for prefix, part in parts(module):
        passing = vars(part).get("_non_persistent_buffers_set") or ()
        buffers = ((name, each) for name, each in _items(part, "_buffers") if name not in passing)
        for name, tensor in (*_items(part, "_parameters"), *buffers):
            yield prefix + name, tensor


def parts(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield a module and all modules within it, each with what the names of its tensors begin with."""
    yield prefix, module
    for name, part in _items(module, "_modules"):
        yield from parts(part, f"{prefix}{name}.")


def _items(module: nn.Module, kind: str) -> list[tuple[str, Any]]:
    return [(name, each) for name, each in vars(module).get(kind, {}).items() if each is not None]


def more_state(module: nn.Module) -> Iterator[str]:
    """Note parts that write their state themselves, as packed weights do: only they know what it is."""
    plain = torch.jit.ScriptModule, LazyModuleMixin
    kinds = {type(part) for _, part in parts(module) if not isinstance(part, plain)}
    for method in ("_save_to_state_dict", "get_extra_state"):
        base = getattr(nn.Module, method)
        own = sorted(class_name(kind) for kind in kinds if getattr(kind, method) is not base)
        if own:
            yield f"the file lacks what {few(own)} may add to the state dict by {method}"


def few(names: Sequence[str]) -> str:
    """Give the first of some names, and how many more there are."""
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")

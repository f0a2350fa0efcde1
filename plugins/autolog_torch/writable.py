"""What of a tensor can be written as safetensors, and what tells tensors apart; subclasses and modes do not see it."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

import safetensors
import safetensors.torch
import torch
from torch import Tensor
from torch._C import DisableTorchFunction
from torch.nn.parameter import is_lazy

from autolog.values import type_name
from autolog_torch.losses import is_plain

__all__ = ["body", "dtype_name", "nbytes", "on_cpu", "overlapping", "place", "plainly", "why_not"]

P = ParamSpec("P")
T = TypeVar("T")


def plainly(function: Callable[P, T]) -> Callable[P, T]:
    """Have a function's tensor operations neither be seen nor changed by subclasses, modes and gradients."""

    @functools.wraps(function)
    def done(*args: P.args, **kwargs: P.kwargs) -> T:
        with DisableTorchFunction(), torch.no_grad():
            return function(*args, **kwargs)

    return done


def why_not(tensor: Tensor) -> str | None:
    """Say why safetensors cannot hold a tensor; None where it can."""
    if is_lazy(tensor):
        return "not initialized"
    if not is_plain(tensor):
        return f"a {type_name(tensor)}"
    if tensor.is_meta:
        return "on the meta device, without values"
    if tensor.layout is not torch.strided:
        return f"of the layout {tensor.layout}"
    return None if dtype_name(tensor.dtype) else f"of the type {tensor.dtype}"


@functools.cache
def dtype_name(dtype: torch.dtype) -> str | None:
    """Give safetensors' name for a type; None where this version has none, or packs several numbers into one."""
    try:
        data = safetensors.torch.save({"one": torch.empty(1, dtype=dtype, device="cpu")})
    except (KeyError, ValueError, TypeError, RuntimeError, safetensors.SafetensorError):
        return None
    entry = json.loads(data[8 : _body_at(data)])["one"]
    return str(entry["dtype"]) if entry["shape"] == [1] else None


def _body_at(data: bytes) -> int:
    return 8 + int.from_bytes(data[:8], "little")


def nbytes(tensor: Tensor) -> int:
    """Give how many bytes a tensor takes in a file."""
    return tensor.numel() * tensor.element_size()


def on_cpu(tensor: Tensor) -> Tensor:
    """Give a tensor as it can be written; where it lies so already, it is the same memory."""
    return tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()


def place(tensor: Tensor) -> tuple[Any, ...]:
    """Tell apart what lies in other memory, or otherwise in the same; where that is nowhere, by identity."""
    if not tensor.numel() or not tensor.data_ptr():
        return (id(tensor),)
    layout = tensor.dtype, tensor.shape, tensor.stride(), tensor.is_conj(), tensor.is_neg()
    return str(tensor.device), tensor.data_ptr(), *layout


def body(tensor: Tensor) -> memoryview:
    """Give a tensor's bytes as safetensors writes them; only this one is copied to the CPU."""
    data = safetensors.torch.save({"one": on_cpu(tensor)})
    return memoryview(data)[_body_at(data) :]


def overlapping(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """Yield what begins within the memory of another."""
    last = ""
    end = 0
    for device, begin, name, size in sorted(_extents(tensors)):
        if device == last and begin < end:
            yield name
        last, end = device, max(begin + size, end if device == last else 0)


def _extents(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, int, str, int]]:
    for name, each in tensors.items():
        if each.numel() and each.data_ptr():
            steps = sum((size - 1) * stride for size, stride in zip(each.shape, each.stride(), strict=True))
            yield str(each.device), each.data_ptr(), name, (steps + 1) * each.element_size()

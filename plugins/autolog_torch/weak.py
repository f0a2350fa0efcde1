"""Weak references to tensors, which can still be read while the garbage collector takes them."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.weak import TensorWeakRef

from autolog_torch.writable import why_not

__all__ = ["WeakTensor"]


class WeakTensor:
    """A weak reference to a tensor, and one to its memory.

    Where the garbage collector finds a module and its tensors together, it clears all references to them before it
    tells anybody; their memory is still there then.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = TensorWeakRef(tensor)
        is_as_it_lies = why_not(tensor) is None and not tensor.is_conj() and not tensor.is_neg()
        self._memory = _WeakMemory(tensor) if is_as_it_lies else None

    def __call__(self) -> Tensor | None:
        """Give the tensor, or another one over its memory; None where that is gone too."""
        tensor: Tensor | None = self._tensor()
        return self._memory() if tensor is None and self._memory is not None else tensor


class _WeakMemory:
    """A weak reference to a tensor's memory, and how it lies there."""

    def __init__(self, tensor: Tensor) -> None:
        self._storage = StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]
        self._empty = functools.partial(torch.empty, 0, dtype=tensor.dtype, device=tensor.device)
        self._layout = tensor.storage_offset(), tuple(tensor.shape), tensor.stride()

    def __call__(self) -> Tensor | None:
        storage: Any = torch.UntypedStorage._new_with_weak_ptr(self._storage.cdata)  # noqa: SLF001
        return None if storage is None else self._empty().set_(storage, *self._layout)

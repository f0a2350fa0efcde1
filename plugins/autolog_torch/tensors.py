"""Tensors as data: read in place where they lie on the CPU."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from autolog.capture.canonical import Update, hash_array
from autolog.hookspecs import DataDescription
from autolog_torch.losses import is_plain

__all__ = ["describe"]


def describe(tensor: Tensor) -> DataDescription:
    """Describe a tensor; the bytes of one that lies elsewhere than in the CPU's memory are not read."""
    readable = is_plain(tensor) and tensor.is_cpu and tensor.layout is torch.strided and not tensor.is_quantized
    return DataDescription(
        kind="torch.Tensor",
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        update=partial(_hash, tensor) if readable else None,
        nbytes=tensor.numel() * tensor.element_size(),
    )


def _hash(tensor: Tensor, update: Update, rows: range | None) -> None:
    hash_array(update, _array(tensor.detach().resolve_conj().resolve_neg()), rows)


def _array(tensor: Tensor) -> Any:
    """Give an array over the same memory; of a type that numpy lacks, such as bfloat16, as bytes."""
    try:
        return tensor.numpy()
    except TypeError:
        return tensor.contiguous().view(torch.uint8).reshape(*tensor.shape, -1).numpy()

"""What torch's own objects tell of a training: the process, loaders and their data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from autolog.capture.data import dataset_facts
from autolog.hookspecs import DataDescription
from autolog.values import type_name
from autolog_torch.passes import Pass

if TYPE_CHECKING:
    from autolog.capture.here import Here
    from autolog.recording.runs import ActiveRun
    from autolog_torch.series import Series

__all__ = ["autocast_type", "log_dataset", "log_peak_memory", "process_params"]

_UNSEEDED: Final = 67280421310721  # the seed of a generator that nobody has seeded
_MOST: Final = 20  # datasets of one use


def process_params() -> dict[str, Any]:
    """Give what is set in torch for the whole process: the seed, if one was set, and what makes results repeatable."""
    seed = torch.initial_seed()
    return {
        "seed": None if seed == _UNSEEDED else seed,
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled() or None,
    }


def autocast_type() -> str | None:
    """Give the type that operations are cast to here, where automatic mixed precision is on."""
    for device in ("cuda", "cpu", "xpu"):
        if torch.is_autocast_enabled(device):
            return str(torch.get_autocast_dtype(device)).removeprefix("torch.")
    return None


# ---- loaders


def log_dataset(here: Here, run: ActiveRun, top: Pass, use: str) -> None:
    """Record what a loader draws from: its class and length, and the shapes and types in its first batch.

    The length of a class of the user's is that of a pass that was gone through to its end; its own code is not asked.
    Of a `TensorDataset` the digest is that of its tensors.

    Args:
        here: where it is recorded.
        run: the run.
        top: a pass over it.
        use: what it is used for.
    """
    data = top.facts.dataset()
    if data is None or run.next_number(("torch-dataset", id(data), use)) or run.next_number(("torch", use)) >= _MOST:
        return
    described = _described(here, data)
    facts = dataset_facts("", *described, use, None) if described else {"digest": None}
    length = _length(data) or (top.samples if top.is_complete and not top.facts.drop_last else None)
    source = {"loader": top.facts.kind, "batch": top.layout, "length": length}
    shape = facts.get("shape") or (None if length is None else [length])
    more = {"name": use, "context": use, "kind": type_name(data), "shape": shape, "source": source}
    run.log_facts("dataset", {**facts, **more})


def _described(here: Here, data: object) -> tuple[DataDescription, DataDescription | None] | None:
    if type(data) is not TensorDataset or not 0 < len(data.tensors) < 3:
        return None
    inputs, *targets = map(here.describe, data.tensors)
    return None if inputs is None else (inputs, targets[0] if targets else None)


def _length(data: object) -> int | None:
    """Give the length of what is torch's own."""
    kind = type(data)
    if kind is TensorDataset:
        return len(data)  # type: ignore[arg-type]
    if kind is Subset:
        indices = data.indices  # type: ignore[attr-defined]
        return len(indices) if type(indices) in (list, range, tuple) or isinstance(indices, Tensor) else None
    if kind is ConcatDataset:
        return data.cumulative_sizes[-1]  # type: ignore[attr-defined,no-any-return]
    return None


# ---- devices


def log_peak_memory(series: Series, step: int) -> None:
    """Record the most memory that the program has had allocated on each accelerator in use; the driver is not asked."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        for device in range(torch.cuda.device_count()):
            peak = torch.cuda.max_memory_allocated(device)
            if peak:
                series.add(f"peak_memory_cuda{device}_bytes", peak, step)

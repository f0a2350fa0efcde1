"""The data that a trainer has drawn from, as its loaders tell of it; nothing is drawn for it, no user's code asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch.utils.data import ConcatDataset, DataLoader, Subset, TensorDataset

from autolog.capture.data import dataset_facts
from autolog.values import type_name

if TYPE_CHECKING:
    from autolog.capture.calls import Call
    from autolog.recording.runs import ActiveRun

__all__ = ["batch_size", "log_data"]


def log_data(call: Call, run: ActiveRun) -> None:
    """Record what was trained and validated on.

    Args:
        call: of the fit.
        run: its run.
    """
    loaders = {"train": call.instance.train_dataloader, "validation": call.instance.val_dataloaders}
    for context, found in loaders.items():
        for name, loader in _loaders(found, context):
            run.log_facts("dataset", {**_facts(call, name, loader), "context": context})


def batch_size(trainer: Any) -> int | None:
    """Give the size of batches that the first loader was set to, where it makes them itself."""
    loader = next(_loaders(trainer.train_dataloader, "train"), None)
    return None if loader is None else loader[1].batch_size


def _loaders(found: Any, name: str) -> Iterator[tuple[str, DataLoader[Any]]]:
    """Give the loaders in what the user has given: one, or several in a list or dict."""
    if isinstance(found, DataLoader):
        yield name, found
    elif type(found) in (list, tuple, dict):
        parts = found.items() if type(found) is dict else enumerate(found) if len(found) > 1 else [(None, found[0])]
        for key, part in parts if found else ():
            yield from _loaders(part, name if key is None else f"{name}.{key}")


def _facts(call: Call, name: str, loader: DataLoader[Any]) -> dict[str, Any]:
    data: Any = loader.dataset
    tensors = data.tensors if type(data) is TensorDataset else ()
    described = [call.describe(each) for each in tensors[:2]]
    source = {"loader": type_name(loader), "batch_size": loader.batch_size, "length": _length(data)}
    facts: dict[str, Any] = {"digest": None, "shape": None if source["length"] is None else [source["length"]]}
    if described and described[0] is not None and len(tensors) == len(described):
        facts = dataset_facts(name, described[0], described[1] if len(described) > 1 else None, name, None)
    return {**facts, "name": name, "kind": type_name(data), "source": source}


def _length(data: Any) -> int | None:
    """Give the length of what is torch's own."""
    if type(data) is TensorDataset:
        return len(data)
    if type(data) is Subset:
        return len(data.indices) if type(data.indices) in (list, range, tuple) else None
    return int(data.cumulative_sizes[-1]) if type(data) is ConcatDataset else None

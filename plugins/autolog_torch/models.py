"""Modules as safetensors: the weights, which anything reads, and beside them the structure, which takes trust to read.

The structure is the pickled module in which names stand for its tensors. What the state dict has lies in the file under
its name there, any other tensor in `__metadata__`, since a reader of weights would not expect it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import safetensors
from torch import Tensor, nn

from autolog.exceptions import ModelError, RefusedError
from autolog.hookspecs import SavedModel
from autolog.models import pickles
from autolog.models.by_path import check_room
from autolog.models.files import module_versions
from autolog_torch.snapshots import NO_STRUCTURE, Snapshot, snapshot
from autolog_torch.structures import Structure, module_of
from autolog_torch.weights import Weights
from autolog_torch.writable import body, plainly

if TYPE_CHECKING:
    from autolog.hookspecs import ModelStream

__all__ = ["Snapshot", "load", "save", "snapshot"]

_FORMAT: Final = "torch-safetensors"

# ---- writing


def save(model: object, stream: ModelStream) -> SavedModel | None:
    """Write a module, or what is kept of one that may be gone; the module stays as it is.

    Raises:
        ModelTooLarge: the stream takes no model of this size; nothing was copied.
        RefusedError: nothing of it can be written.
    """
    if isinstance(model, nn.Module):
        model = snapshot(model, stream.room)
    return _write(model, stream) if isinstance(model, Snapshot) else None


@plainly
def _write(kept: Snapshot, stream: ModelStream) -> SavedModel:
    weights = Weights(kept.tensors)
    notes = [*kept.notes, *weights.notes()]
    structure, header = _fitting(kept, weights, stream.room, notes)
    check_room(stream, len(header) + weights.nbytes)
    if not weights.written and structure is None:
        raise RefusedError(f"no model: there is nothing of it to write; {'; '.join(notes)}")
    stream.write(header)
    for tensor in weights.written.values():
        stream.write(body(tensor))
    needed, more = (structure.modules, structure.notes) if structure is not None else ({}, ())
    modules = {**module_versions(["torch", "safetensors"]), **needed}
    return SavedModel(
        _FORMAT, kept.model_class, modules, (*notes, *more), suffix="safetensors", runs_code=structure is not None
    )


def _fitting(kept: Snapshot, weights: Weights, room: int, notes: list[str]) -> tuple[Structure | None, bytes]:
    """Give the structure, where it is of use and there is room for it, and the header; else a note says why not."""
    structure = kept.structure
    if structure is not None and weights.has_lost:
        notes.append(f"{NO_STRUCTURE}: it lacks some of these")
    elif structure is not None:
        header = weights.header({**kept.about, **structure.as_metadata()})
        if len(header) + weights.nbytes <= room:
            return structure, header
        notes.append(f"{NO_STRUCTURE}: the two are larger than {room:,} bytes; raise max_model_mb to save both")
    return None, weights.header(kept.about)


# ---- reading


def load(path: Path, saved: SavedModel, trusted: bool | Sequence[str] | None) -> Any:
    """Read the weights by name; where the file is trusted, the module, on the CPU and in the mode that it had.

    Args:
        path: the file.
        saved: what `save` told of it.
        trusted: None or False gives the weights, and runs nothing. True, or the full names of the types whose code may
            run, or `"package.*"`, gives the module.

    Raises:
        UntrustedModelError: the file names more than is trusted; it says what to pass. Nothing was run.
        MissingRequirementError: a module that it needs is not installed here.
        ModelError: the file is none of ours, has no structure, or one that cannot be rebuilt here.
    """
    if saved.format != _FORMAT:
        return None
    with pickles.reading(path, "a module's safetensors"):
        weights, about = _read(path)
        if trusted is None or trusted is False:
            return weights
        if "module" not in about:
            raise ModelError(f"{_reason(path, saved)}; load it without trusted=, and give that to load_state_dict")
        return module_of(path, weights, about, trusted)


@plainly
def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safetensors.safe_open(path, "pt", device="cpu") as file:
        about: dict[str, str] = file.metadata() or {}
        weights = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - it is no dict
    for alias, name in json.loads(about.get("aliases", "{}")).items():
        weights[alias] = weights[name]
    return weights, about


def _reason(path: Path, saved: SavedModel) -> str:
    told = (note for note in saved.notes if note.startswith(NO_STRUCTURE))
    return f"no module can be made of {path}: {next(told, NO_STRUCTURE)}"

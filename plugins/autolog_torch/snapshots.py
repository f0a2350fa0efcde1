"""What is kept of a module that is trained, so that it can be saved after it is gone."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

import torch
from torch import nn

from autolog.exceptions import AutologError
from autolog.guard import contained, describe, is_users, refusable
from autolog.values import type_name
from autolog_torch.modules import bare
from autolog_torch.states import more_state, named_tensors
from autolog_torch.structures import structure_of
from autolog_torch.weak import WeakTensor
from autolog_torch.weights import Weights
from autolog_torch.writable import plainly

__all__ = ["NO_STRUCTURE", "Snapshot", "snapshot"]

P = ParamSpec("P")
T = TypeVar("T")

NO_STRUCTURE: Final = "the file has the model's weights and not its structure"
_MOST_STRUCTURE: Final = 60_000_000  # bytes, of which base64 makes 80 MB: readers take no header beyond 100 MB
_MOST_TEXT: Final = 1_000_000  # characters of an architecture


def snapshot(module: nn.Module, room: int) -> Snapshot:
    """Keep what it takes to save a module after it is gone.

    Args:
        module: it, or what wraps it.
        room: the bytes that its file may have.
    """
    return Snapshot(module if isinstance(module, torch.jit.ScriptModule) else bare(module), room)


class Snapshot:
    """A module's structure as it was, and weak references to it and its tensors; nothing is kept alive.

    Args:
        module: it.
        room: the bytes that its file may have.
    """

    def __init__(self, module: nn.Module, room: int) -> None:
        self._module = weakref.ref(module)
        self._room = room
        self.model_class = type_name(module)
        self._take(module)

    def refresh(self) -> None:
        """Take the module as it is now, if it still lives."""
        module = self._module()
        if module is not None:
            self._take(module)

    @property
    def about(self) -> dict[str, str]:
        """What a file says of the module besides its weights."""
        return {"format": "pt", "architecture": self.architecture, "class": self.model_class}

    def _take(self, module: nn.Module) -> None:
        notes = list(more_state(module))
        text = _tried("the file does not have the model's architecture", notes, repr, module) or ""
        self.architecture = text[:_MOST_TEXT].encode(errors="backslashreplace").decode()
        self.tensors = _weak_tensors(module)
        room = min(self._room - Weights(self.tensors).nbytes, _MOST_STRUCTURE)
        self.structure = _tried(NO_STRUCTURE, notes, structure_of, module, room)
        self.notes = tuple(notes)


@plainly
def _weak_tensors(module: nn.Module) -> dict[str, WeakTensor]:
    return {name: WeakTensor(tensor) for name, tensor in named_tensors(module)}


def _tried(missing: str, notes: list[str], function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Give `function(*args, **kwargs)`, which is the user's code, or None and a note of what is missing then."""
    try:
        return refusable(missing, contained, function, *args, **kwargs)
    except (AutologError, OSError) as error:
        if is_users(error):
            raise
        notes.append(f"{missing}: {describe(error.__cause__ or error)}")
        return None

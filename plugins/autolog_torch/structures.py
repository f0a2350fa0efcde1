"""The structure of a module: its pickle, in which names stand for its tensors, and which takes trust to read."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from autolog.exceptions import ModelError, ModelTooLarge
from autolog.models import pickles
from autolog.values import type_name
from autolog_torch.states import named_tensors, parts
from autolog_torch.writable import nbytes, on_cpu, place, plainly, why_not

__all__ = ["Structure", "module_of", "structure_of"]

_PLAIN: Final = (bool, int, float, str, type(None))
_PLAIN_KINDS: Final[Mapping[Any, type]] = {"Tensor": Tensor, "Parameter": nn.Parameter}
_HARMLESS: Final = frozenset(
    {
        "torch.Size",
        "torch.device",
        *(f"torch.{name}" for name, it in vars(torch).items() if isinstance(it, torch.dtype)),
    }
)


_BESIDES: Final = 20_000  # objects beside those of layers: about 30 ms
_OF_LAYER: Final = 200
_OF_TENSOR: Final = 10  # so many objects take as long as one tensor that the state dict lacks


@dataclass(frozen=True)
class Structure:
    """A module without the tensors of its state dict.

    Args:
        pickled: it, with names in place of all tensors.
        tensors: those that the state dict lacks, as safetensors; b"" where there are none.
        modules: what it takes to read it.
        notes: what a reader should know.
    """

    pickled: bytes
    tensors: bytes
    modules: Mapping[str, str]
    notes: tuple[str, ...]

    def as_metadata(self) -> dict[str, str]:
        """Give it as text; base64 takes a third more."""
        found = {"module": self.pickled, "tensors": self.tensors}
        return {name: base64.b64encode(data).decode("ascii") for name, data in found.items() if data}


def structure_of(module: nn.Module, room: int) -> Structure:
    """Take the structure of a module.

    Args:
        module: it.
        room: the bytes that it may have.

    Raises:
        ModelTooLarge: it has more, or holds very many objects besides its layers.
        RefusedError: it cannot be pickled.
    """
    stream = _Buffer(room)
    apart = _Apart(module, stream)
    saved = pickles.dump(module, stream, apart)
    return Structure(b"".join(stream.parts), apart.tensors(), saved.modules, saved.notes)


class _Buffer:
    """A stream into memory, of which tensors that are kept beside it take their share."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.parts: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        nbytes = memoryview(data).nbytes
        self.take(nbytes)
        self.parts.append(bytes(data))
        return nbytes

    def take(self, nbytes: int) -> None:
        """Count bytes.

        Raises:
            ModelTooLarge: they are too many.
        """
        self.room -= nbytes
        if self.room < 0:
            raise ModelTooLarge("it takes more bytes than are left for it")


def _objects(module: nn.Module) -> int:
    """Give how many objects a module may hold: many for each of its layers and weights, which have about 100.

    Pickling is done on the training thread, and how long it takes follows from their number, whatever the clock says.
    """
    own = sum(1 for _ in chain(parts(module), named_tensors(module)))
    return _BESIDES + _OF_LAYER * own


class _Apart:
    """Names the tensors within a module: `(number, where, name, kind, requires_grad, attributes)`.

    The number tells objects apart, of which several may have one memory and so one name; pickle itself does not.
    """

    @plainly
    def __init__(self, module: nn.Module, stream: _Buffer) -> None:
        self._stream = stream
        self._left = _objects(module)
        self._seen: dict[int, tuple[Tensor, tuple[Any, ...]]] = {}
        self._more: dict[str, Tensor] = {}
        self._names: dict[tuple[Any, ...], tuple[str, str]] = {}
        for name, tensor in named_tensors(module):
            if why_not(tensor) is None:
                self._names.setdefault(place(tensor), ("weights", name))

    def __call__(self, value: Any) -> tuple[Any, ...] | None:
        """Give the name of a tensor, None for anything else.

        Raises:
            PicklingError: it cannot be in the file; what torch itself would pickle of it is a pickle within, unseen.
            ModelTooLarge: there are too many of them.
        """
        self._count(1)
        kind = type(value)
        if issubclass(kind, (torch.UntypedStorage, torch.TypedStorage)):
            raise pickle.PicklingError(f"it holds a {kind.__name__}")
        if not issubclass(kind, Tensor) or is_lazy(value):
            return None
        if id(value) not in self._seen:
            self._seen[id(value)] = value, self._named(value)
        return self._seen[id(value)][1]

    def _count(self, objects: int) -> None:
        self._left -= objects
        if self._left < 0:
            raise ModelTooLarge("it holds very many objects besides its layers, and would take long to pickle")

    @plainly
    def _named(self, tensor: Tensor) -> tuple[Any, ...]:
        why = why_not(tensor)
        if why is not None:
            raise pickle.PicklingError(f"it holds a tensor that is {why}")
        where = place(tensor)
        if where not in self._names:
            self._names[where] = "more", self._add(tensor)
        kind = next((name for name, kind in _PLAIN_KINDS.items() if kind is type(tensor)), type(tensor))
        attributes = {name: each for name, each in vars(tensor).items() if type(each) in _PLAIN}
        return len(self._seen), *self._names[where], kind, tensor.requires_grad, attributes

    def _add(self, tensor: Tensor) -> str:
        self._count(_OF_TENSOR)
        self._stream.take(nbytes(tensor))
        name = str(len(self._more))
        self._more[name] = on_cpu(tensor).clone()  # safetensors takes none that share memory
        return name

    def tensors(self) -> bytes:
        """Give the tensors that the state dict lacks."""
        return safetensors.torch.save(self._more) if self._more else b""


def module_of(
    path: Path, weights: Mapping[str, Tensor], about: Mapping[str, str], trusted: bool | Sequence[str]
) -> Any:
    """Give the module.

    Args:
        path: the file.
        weights: its tensors, by name.
        about: what it says besides.
        trusted: as for `models.load`, and not nothing.

    Raises:
        ModelError: there is something else.
        UntrustedModelError: it names more than is trusted.
    """
    structure, more = (base64.b64decode(about.get(name, ""), validate=True) for name in ("module", "tensors"))
    apart = _Parts(weights, safetensors.torch.load(more) if more else {})
    module = pickles.loads(path, structure, trusted, apart, _HARMLESS)
    if not isinstance(module, nn.Module):
        raise ModelError(f"{path} holds a {type_name(module)} where a module should be")
    return module


class _Parts:
    """Gives the tensors that `_Apart` has named: one object for each number, whichever memory it shares."""

    def __init__(self, weights: Mapping[str, Tensor], more: Mapping[str, Tensor]) -> None:
        self._tensors = {"weights": weights, "more": more}
        self._made: dict[int, Tensor] = {}

    def __call__(self, named: Any) -> Tensor:
        number, where, name, kind, requires_grad, attributes = named
        if number not in self._made:
            self._made[number] = _made(self._tensors[where][name], kind, requires_grad, attributes)
        return self._made[number]


@plainly
def _made(tensor: Tensor, kind: Any, requires_grad: bool, attributes: Mapping[str, Any]) -> Tensor:
    made: Tensor = Tensor._make_subclass(_PLAIN_KINDS.get(kind, kind), tensor, requires_grad)  # noqa: SLF001
    vars(made).update(attributes)
    return made

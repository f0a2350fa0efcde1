"""Modules as safetensors: the weights, which anything reads, and beside them the structure, which takes trust to read.

The structure is the pickled module in which names stand for its tensors. What the state dict has lies in the file under
its name there, any other tensor in `__metadata__`, since a reader of weights would not expect it.
"""

from __future__ import annotations

import base64
import functools
import json
import pickle
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch._C import DisableTorchFunction
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy
from torch.utils.weak import TensorWeakRef

from autolog.exceptions import AutologError, ModelError, ModelTooLarge, RefusedError
from autolog.guard import contained, describe, is_users, refusable
from autolog.hookspecs import SavedModel
from autolog.models import pickles
from autolog.models.files import module_versions
from autolog.values import class_name, type_name
from autolog_torch.losses import is_plain
from autolog_torch.modules import bare

if TYPE_CHECKING:
    from autolog.hookspecs import ModelStream

__all__ = ["Snapshot", "load", "save", "snapshot"]

P = ParamSpec("P")
T = TypeVar("T")

_FORMAT: Final = "torch-safetensors"
_NO_STRUCTURE: Final = "the file has the model's weights and not its structure"
_MOST_STRUCTURE: Final = 60_000_000  # bytes, of which base64 makes 80 MB: readers take no header beyond 100 MB
_MOST_TEXT: Final = 1_000_000  # characters of an architecture
_MOST_NAMES: Final = 5  # in a note
_PLAIN: Final = (bool, int, float, str, type(None))
_PLAIN_KINDS: Final[Mapping[Any, type]] = {"Tensor": Tensor, "Parameter": nn.Parameter}
_HARMLESS: Final = frozenset(
    {
        "torch.Size",
        "torch.device",
        *(f"torch.{name}" for name, it in vars(torch).items() if isinstance(it, torch.dtype)),
    }
)


def _plainly(function: Callable[P, T]) -> Callable[P, T]:
    """Have a function's tensor operations neither be seen nor changed by subclasses, modes and gradients."""

    @functools.wraps(function)
    def plainly(*args: P.args, **kwargs: P.kwargs) -> T:
        with DisableTorchFunction(), torch.no_grad():
            return function(*args, **kwargs)

    return plainly


def _tried(missing: str, notes: list[str], function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Give `function(*args, **kwargs)`, which is the user's code, or None and a note of what is missing then."""
    try:
        return refusable(missing, contained, function, *args, **kwargs)
    except (AutologError, OSError) as error:
        if is_users(error):
            raise
        notes.append(f"{missing}: {describe(error.__cause__ or error)}")
        return None


# ---- what is kept of a module


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

    def _take(self, module: nn.Module) -> None:
        notes = list(_more_state(module))
        text = _tried("the file does not have the model's architecture", notes, repr, module) or ""
        self.architecture = text[:_MOST_TEXT].encode(errors="backslashreplace").decode()
        self.tensors = _weak_tensors(module)
        room = min(self._room - _Weights(self.tensors).nbytes, _MOST_STRUCTURE)
        self.structure = _tried(_NO_STRUCTURE, notes, _structure, module, room)
        self.notes = tuple(notes)


@_plainly
def _weak_tensors(module: nn.Module) -> dict[str, _WeakTensor]:
    return {name: _WeakTensor(tensor) for name, tensor in _named_tensors(module)}


def _named_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield what a state dict has, without calling code of the module's; what has several names, as often."""
    for prefix, part in _parts(module):
        passing = vars(part).get("_non_persistent_buffers_set") or ()
        buffers = ((name, each) for name, each in _items(part, "_buffers") if name not in passing)
        for name, tensor in (*_items(part, "_parameters"), *buffers):
            yield prefix + name, tensor


def _parts(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    yield prefix, module
    for name, part in _items(module, "_modules"):
        yield from _parts(part, f"{prefix}{name}.")


def _items(module: nn.Module, kind: str) -> list[tuple[str, Any]]:
    return [(name, each) for name, each in vars(module).get(kind, {}).items() if each is not None]


def _more_state(module: nn.Module) -> Iterator[str]:
    """Note parts that write their state themselves, as packed weights do: only they know what it is."""
    plain = torch.jit.ScriptModule, LazyModuleMixin
    kinds = {type(part) for _, part in _parts(module) if not isinstance(part, plain)}
    for method in ("_save_to_state_dict", "get_extra_state"):
        base = getattr(nn.Module, method)
        own = sorted(class_name(kind) for kind in kinds if getattr(kind, method) is not base)
        if own:
            yield f"the file lacks what {_few(own)} may add to the state dict by {method}"


class _WeakTensor:
    """A weak reference to a tensor, and one to its memory.

    Where the garbage collector finds a module and its tensors together, it clears all references to them before it
    tells anybody; their memory is still there then.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = TensorWeakRef(tensor)
        is_as_it_lies = _why_not(tensor) is None and not tensor.is_conj() and not tensor.is_neg()
        self._memory = _WeakMemory(tensor) if is_as_it_lies else None

    def __call__(self) -> Tensor | None:
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


# ---- tensors


def _why_not(tensor: Tensor) -> str | None:
    """Say why safetensors cannot hold a tensor; None where it can."""
    if is_lazy(tensor):
        return "not initialized"
    if not is_plain(tensor):
        return f"a {type_name(tensor)}"
    if tensor.is_meta:
        return "on the meta device, without values"
    if tensor.layout is not torch.strided:
        return f"of the layout {tensor.layout}"
    return None if _dtype_name(tensor.dtype) else f"of the type {tensor.dtype}"


@functools.cache
def _dtype_name(dtype: torch.dtype) -> str | None:
    """Give safetensors' name for a type; None where this version has none, or packs several numbers into one."""
    try:
        data = safetensors.torch.save({"one": torch.empty(1, dtype=dtype, device="cpu")})
    except (KeyError, ValueError, TypeError, RuntimeError, safetensors.SafetensorError):
        return None
    entry = json.loads(data[8 : _body_at(data)])["one"]
    return str(entry["dtype"]) if entry["shape"] == [1] else None


def _body_at(data: bytes) -> int:
    return 8 + int.from_bytes(data[:8], "little")


def _nbytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _on_cpu(tensor: Tensor) -> Tensor:
    """Give a tensor as it can be written; where it lies so already, it is the same memory."""
    return tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()


def _place(tensor: Tensor) -> tuple[Any, ...]:
    """Tell apart what lies in other memory, or otherwise in the same; where that is nowhere, by identity."""
    if not tensor.numel() or not tensor.data_ptr():
        return (id(tensor),)
    layout = tensor.dtype, tensor.shape, tensor.stride(), tensor.is_conj(), tensor.is_neg()
    return str(tensor.device), tensor.data_ptr(), *layout


# ---- the structure


@dataclass(frozen=True)
class _Structure:
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
        parts = {"module": self.pickled, "tensors": self.tensors}
        return {name: base64.b64encode(data).decode("ascii") for name, data in parts.items() if data}


def _structure(module: nn.Module, room: int) -> _Structure:
    stream = _Buffer(room)
    apart = _Apart(module, stream)
    saved = pickles.dump(module, stream, apart)
    return _Structure(b"".join(stream.parts), apart.tensors(), saved.modules, saved.notes)


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


class _Apart:
    """Names the tensors within a module: `(number, where, name, kind, requires_grad, attributes)`.

    The number tells objects apart, of which several may have one memory and so one name; pickle itself does not.
    """

    @_plainly
    def __init__(self, module: nn.Module, stream: _Buffer) -> None:
        self._stream = stream
        self._seen: dict[int, tuple[Tensor, tuple[Any, ...]]] = {}
        self._more: dict[str, Tensor] = {}
        self._names: dict[tuple[Any, ...], tuple[str, str]] = {}
        for name, tensor in _named_tensors(module):
            if _why_not(tensor) is None:
                self._names.setdefault(_place(tensor), ("weights", name))

    def __call__(self, value: Any) -> tuple[Any, ...] | None:
        """Give the name of a tensor, None for anything else.

        Raises:
            PicklingError: it cannot be in the file; what torch itself would pickle of it is a pickle within, unseen.
        """
        kind = type(value)
        if issubclass(kind, (torch.UntypedStorage, torch.TypedStorage)):
            raise pickle.PicklingError(f"it holds a {kind.__name__}")
        if not issubclass(kind, Tensor) or is_lazy(value):
            return None
        if id(value) not in self._seen:
            self._seen[id(value)] = value, self._named(value)
        return self._seen[id(value)][1]

    @_plainly
    def _named(self, tensor: Tensor) -> tuple[Any, ...]:
        why = _why_not(tensor)
        if why is not None:
            raise pickle.PicklingError(f"it holds a tensor that is {why}")
        place = _place(tensor)
        if place not in self._names:
            self._names[place] = "more", self._add(tensor)
        kind = next((name for name, kind in _PLAIN_KINDS.items() if kind is type(tensor)), type(tensor))
        attributes = {name: each for name, each in vars(tensor).items() if type(each) in _PLAIN}
        return len(self._seen), *self._names[place], kind, tensor.requires_grad, attributes

    def _add(self, tensor: Tensor) -> str:
        self._stream.take(_nbytes(tensor))
        name = str(len(self._more))
        self._more[name] = _on_cpu(tensor).clone()  # safetensors takes none that share memory
        return name

    def tensors(self) -> bytes:
        """Give the tensors that the state dict lacks."""
        return safetensors.torch.save(self._more) if self._more else b""


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


@_plainly
def _write(kept: Snapshot, stream: ModelStream) -> SavedModel:
    weights = _Weights(kept.tensors)
    notes = [*kept.notes, *weights.notes()]
    structure, header = _fitting(kept, weights, stream.room, notes)
    if len(header) + weights.nbytes > stream.room:
        raise ModelTooLarge(f"the model is larger than {stream.room:,} bytes; raise max_model_mb to save it")
    if not weights.written and structure is None:
        raise RefusedError(f"no model: there is nothing of it to write; {'; '.join(notes)}")
    stream.write(header)
    for tensor in weights.written.values():
        stream.write(_body(tensor))
    needed, more = (structure.modules, structure.notes) if structure is not None else ({}, ())
    modules = {**module_versions(["torch", "safetensors"]), **needed}
    return SavedModel(
        _FORMAT, kept.model_class, modules, (*notes, *more), suffix="safetensors", runs_code=structure is not None
    )


def _fitting(kept: Snapshot, weights: _Weights, room: int, notes: list[str]) -> tuple[_Structure | None, bytes]:
    """Give the structure, where it is of use and there is room for it, and the header; else a note says why not."""
    structure = kept.structure
    if structure is not None and weights.has_lost:
        notes.append(f"{_NO_STRUCTURE}: it lacks some of these")
    elif structure is not None:
        header = weights.header(kept, structure)
        if len(header) + weights.nbytes <= room:
            return structure, header
        notes.append(f"{_NO_STRUCTURE}: the two are larger than {room:,} bytes; raise max_model_mb to save both")
    return None, weights.header(kept, None)


class _Weights:
    """What of a state dict can be written, each memory once; nothing is copied for it.

    Args:
        kept: the tensors, by name.
    """

    @_plainly
    def __init__(self, kept: Mapping[str, _WeakTensor]) -> None:
        self.has_lost = False
        self._missing: dict[str, list[str]] = {}
        self._aliases: dict[str, str] = {}
        self._names: dict[tuple[Any, ...], str] = {}
        found: dict[str, Tensor] = {}
        for name, weak in kept.items():
            self._sort(name, weak(), found)
        self.written = dict(sorted(found.items(), key=lambda each: -each[1].element_size()))  # aligned, for who maps it
        self.nbytes = sum(map(_nbytes, found.values()))

    def _sort(self, name: str, tensor: Tensor | None, found: dict[str, Tensor]) -> None:
        why = "no longer there when the model was saved" if tensor is None else _why_not(tensor)
        if name == "__metadata__":  # has another meaning in the file
            tensor, why = None, "not a name that a tensor can have there"
        if tensor is None or why is not None:
            self.has_lost |= tensor is None
            self._missing.setdefault(str(why), []).append(name)
        elif (first := self._names.setdefault(_place(tensor), name)) != name:
            self._aliases[name] = first
        else:
            found[name] = tensor

    def notes(self) -> Iterator[str]:
        """Say what the file does not have."""
        for why, names in self._missing.items():
            yield f"the file lacks {_few(names)}: {why}"
        overlapping = sorted(_overlapping(self.written))
        if overlapping:
            yield f"the file has {_few(overlapping)} apart from other tensors, in whose memory they partly lie"

    def header(self, kept: Snapshot, structure: _Structure | None) -> bytes:
        """Give what stands before the tensors' bytes, as safetensors has it, padded so that these are aligned."""
        about = {"format": "pt", "architecture": kept.architecture, "class": kept.model_class}
        aliases = {"aliases": json.dumps(self._aliases)} if self._aliases else {}
        entries: dict[str, Any] = {
            "__metadata__": {**about, **aliases, **(structure.as_metadata() if structure else {})}
        }
        end = 0
        for name, tensor in self.written.items():
            begin, end = end, end + _nbytes(tensor)
            shape = list(tensor.shape)
            entries[name] = {"dtype": _dtype_name(tensor.dtype), "shape": shape, "data_offsets": [begin, end]}
        text = json.dumps(entries).encode("ascii")
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text


def _body(tensor: Tensor) -> memoryview:
    """Give a tensor's bytes as safetensors writes them; only this one is copied to the CPU."""
    data = safetensors.torch.save({"one": _on_cpu(tensor)})
    return memoryview(data)[_body_at(data) :]


def _overlapping(tensors: Mapping[str, Tensor]) -> Iterator[str]:
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


def _few(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


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
        return _module(path, weights, about, trusted)


@_plainly
def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safetensors.safe_open(path, "pt", device="cpu") as file:
        about: dict[str, str] = file.metadata() or {}
        weights = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - it is no dict
    for alias, name in json.loads(about.get("aliases", "{}")).items():
        weights[alias] = weights[name]
    return weights, about


def _reason(path: Path, saved: SavedModel) -> str:
    told = (note for note in saved.notes if note.startswith(_NO_STRUCTURE))
    return f"no module can be made of {path}: {next(told, _NO_STRUCTURE)}"


def _module(path: Path, weights: Mapping[str, Tensor], about: Mapping[str, str], trusted: bool | Sequence[str]) -> Any:
    structure, more = (base64.b64decode(about.get(name, ""), validate=True) for name in ("module", "tensors"))
    parts = _Parts(weights, safetensors.torch.load(more) if more else {})
    module = pickles.loads(path, structure, trusted, parts, _HARMLESS)
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


@_plainly
def _made(tensor: Tensor, kind: Any, requires_grad: bool, attributes: Mapping[str, Any]) -> Tensor:
    made: Tensor = Tensor._make_subclass(_PLAIN_KINDS.get(kind, kind), tensor, requires_grad)  # noqa: SLF001
    vars(made).update(attributes)
    return made

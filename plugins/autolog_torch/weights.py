"""The weights of a module as they lie in a file of safetensors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from autolog_torch.states import few
from autolog_torch.weak import WeakTensor
from autolog_torch.writable import dtype_name, nbytes, overlapping, place, plainly, why_not

__all__ = ["Weights"]


class Weights:
    """What of a state dict can be written, each memory once; nothing is copied for it.

    Args:
        kept: the tensors, by name.
    """

    @plainly
    def __init__(self, kept: Mapping[str, WeakTensor]) -> None:
        self.has_lost = False
        self._missing: dict[str, list[str]] = {}
        self._aliases: dict[str, str] = {}
        self._names: dict[tuple[Any, ...], str] = {}
        found: dict[str, Tensor] = {}
        for name, weak in kept.items():
            self._sort(name, weak(), found)
        self.written = dict(sorted(found.items(), key=lambda each: -each[1].element_size()))  # aligned, for who maps it
        self.nbytes = sum(map(nbytes, found.values()))

    def _sort(self, name: str, tensor: Tensor | None, found: dict[str, Tensor]) -> None:
        why = "no longer there when the model was saved" if tensor is None else why_not(tensor)
        if name == "__metadata__":  # has another meaning in the file
            tensor, why = None, "not a name that a tensor can have there"
        if tensor is None or why is not None:
            self.has_lost |= tensor is None
            self._missing.setdefault(str(why), []).append(name)
        elif (first := self._names.setdefault(place(tensor), name)) != name:
            self._aliases[name] = first
        else:
            found[name] = tensor

    def notes(self) -> Iterator[str]:
        """Say what the file does not have."""
        for why, names in self._missing.items():
            yield f"the file lacks {few(names)}: {why}"
        within = sorted(overlapping(self.written))
        if within:
            yield f"the file has {few(within)} apart from other tensors, in whose memory they partly lie"

    def header(self, about: Mapping[str, str]) -> bytes:
        """Give what stands before the tensors' bytes, as safetensors has it, padded so that these are aligned.

        Args:
            about: what the file says besides.
        """
        aliases = {"aliases": json.dumps(self._aliases)} if self._aliases else {}
        entries: dict[str, Any] = {"__metadata__": {**about, **aliases}}
        end = 0
        for name, tensor in self.written.items():
            begin, end = end, end + nbytes(tensor)
            shape = list(tensor.shape)
            entries[name] = {"dtype": dtype_name(tensor.dtype), "shape": shape, "data_offsets": [begin, end]}
        text = json.dumps(entries).encode("ascii")
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text

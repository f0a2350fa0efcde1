"""Rebuilds a PyTorch module from the safetensors file that autolog wrote.

It is put into the folder of the model, so that the model loads where there is no autolog.
"""

from __future__ import annotations

import base64
import io
import json
import pickle
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch


def rebuild(data: bytes) -> Any:
    """Give the module of a whole file."""
    weights = safetensors.torch.load(data)
    about = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    for alias, name in json.loads(about.get("aliases", "{}")).items():
        weights[alias] = weights[name]
    more = base64.b64decode(about.get("tensors", ""))
    unpickler = _Unpickler(io.BytesIO(base64.b64decode(about["module"])))
    unpickler.tensors = {"weights": weights, "more": safetensors.torch.load(more) if more else {}}
    return unpickler.load()


class _Unpickler(pickle.Unpickler):
    """Puts the tensors in the places of their names: one object for each number, whichever memory it shares."""

    tensors: Mapping[str, Mapping[str, torch.Tensor]]

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self._made: dict[int, torch.Tensor] = {}

    def persistent_load(self, named: Any) -> torch.Tensor:
        number, where, name, kind, requires_grad, attributes = named
        if number not in self._made:
            kind = {"Tensor": torch.Tensor, "Parameter": torch.nn.Parameter}.get(kind, kind)
            with torch.no_grad():
                made = torch.Tensor._make_subclass(kind, self.tensors[where][name], requires_grad)  # noqa: SLF001
            vars(made).update(attributes)
            self._made[number] = made
        return self._made[number]

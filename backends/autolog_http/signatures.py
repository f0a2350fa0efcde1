"""Types and shapes of data, and signatures of models, in MLflow's words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["columns", "signature", "tensor"]

_NUMPY: Final = re.compile(r"(bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128))\Z")
_KINDS: Final = (
    (re.compile(r"bool(ean)?"), "boolean"),
    (re.compile(r"int(8|16|32)|uint(8|16)"), "integer"),
    (re.compile(r"int(64)?|uint32"), "long"),
    (re.compile(r"float(16|32)"), "float"),
    (re.compile(r"float(64)?|double"), "double"),
    (re.compile(r"datetime.*|date|timestamp.*"), "datetime"),
    (re.compile(r"str|string.*|utf8|large_string"), "string"),
    (re.compile(r"bytes|binary"), "binary"),
)


def kind_of(dtype: str) -> str:
    """Give MLflow's name for the type of a column, whichever library's words it is told in; `any` for no such."""
    return next((kind for words, kind in _KINDS if words.fullmatch(dtype.lower())), "any")


def columns(told: Any) -> list[dict[str, Any]]:
    """Give columns that are told as pairs of name and type."""
    pairs = told if isinstance(told, Sequence) and not isinstance(told, str) else ()
    return [_column(str(name), str(dtype)) for name, dtype in pairs]


def _column(name: str, dtype: str) -> dict[str, Any]:
    return {"type": kind_of(dtype), "name": name, "required": True}


def tensor(dtype: str, shape: Any) -> dict[str, Any]:
    """Give an array: its element type, and its shape, of which the first dimension may be of any size."""
    sizes = [size if type(size) is int else -1 for size in shape] if isinstance(shape, (list, tuple)) else [-1]
    spec = {"dtype": dtype if _NUMPY.match(dtype) else "object", "shape": [-1, *sizes[1:]]}
    return {"type": "tensor", "tensor-spec": spec}


def signature(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Give a signature as an MLmodel has it; None where MLflow has no words for the inputs."""
    inputs = _part((told or {}).get("inputs"))
    if inputs is None:
        return None
    outputs = _part((told or {}).get("outputs"))
    return {"inputs": json.dumps(inputs), "outputs": None if outputs is None else json.dumps(outputs), "params": None}


def _part(told: Any) -> list[dict[str, Any]] | None:
    """Give one side; a single array has no name, for MLflow would ask its users to give it by that."""
    parts = [told] if isinstance(told, Mapping) else told if isinstance(told, list) else []
    if not parts or not all(isinstance(part, Mapping) for part in parts):
        return None
    if all("name" in part and "shape" not in part for part in parts):
        return columns([(part["name"], part.get("type")) for part in parts])
    return _tensors(parts)


def _tensors(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    found = [tensor(str(part.get("dtype")), part.get("shape")) for part in parts]
    if any(each["tensor-spec"]["dtype"] == "object" for each in found):
        return None
    if len(found) == 1:
        return found
    return [
        {"name": str(part.get("name", number)), **each}
        for number, (part, each) in enumerate(zip(parts, found, strict=True))
    ]

"""Any Python value as typed JSON, and back.

JSON has no NaN, tuple, bytes or set, and its keys are strings; such values are written as an object with one key that
begins with `$`: `{"$float": "nan"}`, `{"$int": "0x1f…"}` (beyond 1024 bits), `{"$tuple": [1, 2]}`, `{"$set": [1]}`,
`{"$bytes": "aGk="}`, `{"$date": "2026-01-01"}`, `{"$dict": [[key, value], …]}`. What has no value form is written as
what it is: `{"$object": "sklearn.svm._classes.SVC", "text": "SVC(C=2)"}`, and reads back as that text. `{"$file": …}`
stands for a value kept in a file of its own.
"""

from __future__ import annotations

import base64
import datetime
import enum
import functools
import json
import math
import os
import pathlib
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import Any, TypeAlias

__all__ = [
    "JSON",
    "LargeValue",
    "class_name",
    "encode",
    "is_cut",
    "nesting_limit",
    "read_text",
    "revive",
    "to_bytes",
    "type_name",
]

JSON: TypeAlias = Any
Path: TypeAlias = "tuple[int, ...]"
nesting_limit = 40
_array_limit = 100
_plain_bits = 1024
_PIECE = 256  # items; the garbage collector begins at some more new objects
_CUT = "… (nested too deeply, or inside itself)"


def encode(value: object, path: tuple[int, ...] = ()) -> JSON:
    """Give `value` as JSON that keeps its type; an object without a value form gives its type's name and its text.

    Args:
        value: anything.
        path: the identities of the containers that it lies in.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return _int(value)  # type: ignore[arg-type]
    if kind is float:
        return _float(value)  # type: ignore[arg-type]
    if len(path) > nesting_limit or id(value) in path:
        return {"$object": type_name(value), "text": _CUT}
    return _encoder(kind)(value, path)  # type: ignore[arg-type]


def _int(value: int) -> JSON:
    """Interpreters refuse decimal numbers of many digits, and let the program choose how many (640 at least)."""
    return value if value.bit_length() <= _plain_bits else {"$int": hex(value)}


def _float(value: float) -> JSON:
    if math.isfinite(value):
        return value
    return {"$float": "nan" if value != value else "inf" if value > 0 else "-inf"}


@functools.lru_cache(maxsize=1024)
def _encoder(kind: type) -> Callable[[Any, Path], JSON]:
    """Choose by the type alone, most special first; subclasses of plain types lose their subclass."""
    for base, encoder in _ENCODERS:
        if issubclass(kind, base):
            return encoder
    if kind.__module__.partition(".")[0] == "numpy":
        return _numpy
    return _object


def _are_json(values: Collection[Any]) -> bool:
    """Say whether values of one type, or of none that has more than one form, are JSON as they are."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return all(each.bit_length() <= _plain_bits for each in (min(values), max(values)))
    return all(map(math.isfinite, values)) if kinds == {float} else kinds <= _ONE_FORM


_PLAIN_ONES = (list, tuple, set, frozenset)
_ONE_FORM = frozenset({str, bool, type(None)})


def _sequence(values: Collection[Any], path: Path) -> list[JSON]:
    inside = (*path, id(values))
    base: Any = next((kind for kind in _PLAIN_ONES if isinstance(values, kind)), None)
    if base is not None and type(values) is not base:
        values = list(base.__iter__(values))  # not by a subclass's own way
    if _are_json(values):
        return list(values)
    return [encode(value, inside) for value in values]


def _tuple(value: tuple[Any, ...], path: Path) -> JSON:
    """A named tuple keeps the names of its fields, by which its secrets are known."""
    names = getattr(type(value), "_fields", ())
    named = isinstance(names, tuple) and len(names) == len(value) > 0 and all(type(name) is str for name in names)
    return {"$tuple": _sequence(value, path), **({"names": list(names)} if named else {})}


def _dict(value: Mapping[Any, Any], path: Path) -> JSON:
    if type(value) is dict and _are_json(value.values()) and _are_names(value):
        return value.copy()
    inside = (*path, id(value))
    own: Collection[tuple[Any, Any]] = dict.items(value) if isinstance(value, dict) else value.items()
    items = [(key, encode(item, inside)) for key, item in own]
    if all(type(key) is str and not key.startswith("$") for key, _ in items):
        return dict(items)
    return {"$dict": [[encode(key, inside), item] for key, item in items]}


def _are_names(keys: Collection[Any]) -> bool:
    if not set(map(type, keys)) <= {str}:
        return False
    return "$" not in "".join(keys) or not any(map(str.startswith, keys, repeat("$")))


def _numpy(value: Any, path: Path) -> JSON:
    """Numpy's scalars are numbers; a small array is its list; a large one is only described."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        item = value.item()
        return encode(item, path) if not type(item).__module__.startswith("numpy") else _object(value, path)
    if hasattr(value, "tolist") and getattr(value, "size", _array_limit + 1) <= _array_limit:
        return encode(value.tolist(), path)
    if hasattr(value, "shape"):
        return {"$object": type_name(value), "text": f"{type_name(value)}(shape={value.shape}, dtype={value.dtype})"}
    return _object(value, path)


def _set(value: Collection[Any], path: Path) -> JSON:
    return {"$set": sorted(_sequence(value, path), key=repr)}


def _partial(value: functools.partial[Any], path: Path) -> JSON:
    name = type_name(value.func) if not hasattr(value.func, "__qualname__") else _qualified(value.func)
    return {"$object": "functools.partial", "text": f"partial({name}, {encode(value.args)}, {encode(value.keywords)})"}


def _qualified(value: Any) -> str:
    return f"{getattr(value, '__module__', '?')}.{value.__qualname__}"


def _object(value: object, path: Path) -> JSON:
    """Name a class or function; of any other object give the type and, where a library wrote one, the text.

    A `__repr__` of the user's own may print, draw numbers or take long; it is not called.
    """
    if isinstance(value, type) or hasattr(type(value), "__get__"):
        name = getattr(value, "__qualname__", None)
        if isinstance(name, str):
            return {"$object": f"{value.__module__}.{name}", "text": f"{value.__module__}.{name}"}
    name = type_name(value)
    if not _has_library_text(type(value)) or not _is_librarys(type(value)):
        return {"$object": name, "text": name}
    if any(hasattr(type(value), mark) for mark in _TABLES):  # its text shows rows
        return {"$object": name, "text": f"{name}(shape={getattr(value, 'shape', None)})"}
    try:
        text = repr(value)
    except Exception:  # it may show parts that are the user's
        text = name
    return {"$object": name, "text": text}


_TABLES = ("__dataframe__", "iloc", "to_arrow")
"""What tables and columns of pandas, polars and the like have."""


def _is_librarys(kind: type) -> bool:
    """Say whether a class itself is a library's: the text that one inherits may show its own properties."""
    module = sys.modules.get(kind.__module__)
    file = str(getattr(module, "__file__", None) or _LIBRARY)
    return kind.__module__ != "__main__" and (file.startswith(_LIBRARY) or "-packages" in file)


def _has_library_text(kind: type) -> bool:
    """Say whether the text of an object is made by the interpreter, the standard library or an installed package."""
    method: Any = kind.__repr__
    file = getattr(
        getattr(method, "__code__", None), "co_filename", _LIBRARY
    )  # what is no function is the interpreter's
    return method is not object.__repr__ and (file.startswith(_LIBRARY) or "-packages" in file)


_LIBRARY = f"{pathlib.Path(functools.__file__).parent}{os.sep}"

_ENCODERS: tuple[tuple[type, Callable[[Any, Path], JSON]], ...] = (
    (enum.Enum, lambda value, path: {"$object": type_name(value), "text": f"{type(value).__qualname__}.{value.name}"}),
    (str, lambda value, path: str.__str__(value)),
    (bool, lambda value, path: bool(value)),
    (int, lambda value, path: _int(int.__index__(value))),
    (float, lambda value, path: _float(float.__float__(value))),
    (tuple, _tuple),
    (list, _sequence),
    (dict, _dict),
    (set, _set),
    (frozenset, _set),
    (range, lambda value, path: {"$object": "range", "text": repr(value)}),
    (bytes, lambda value, path: {"$bytes": base64.b64encode(value).decode()}),
    (bytearray, lambda value, path: {"$bytes": base64.b64encode(value).decode()}),
    (datetime.datetime, lambda value, path: {"$datetime": value.isoformat()}),
    (datetime.date, lambda value, path: {"$date": value.isoformat()}),
    (complex, lambda value, path: {"$complex": [_float(value.real), _float(value.imag)]}),
    (pathlib.PurePath, lambda value, path: pathlib.PurePath.__str__(value)),
    (functools.partial, _partial),
)


def is_cut(value: JSON) -> bool:
    """Say whether `encode` had to leave something out of the value."""
    level = [value]
    while level:
        dicts = [each for each in level if type(each) is dict]
        if any(each.get("text") == _CUT for each in dicts):
            return True
        parts = [*chain(*map(dict.values, dicts), *(each for each in level if type(each) is list))]
        nested = not {dict, list}.isdisjoint(map(type, parts))
        level = [part for part in parts if type(part) is dict or type(part) is list] if nested else []
    return False


def to_bytes(value: JSON) -> bytes:
    """Give `json.dumps(value)` in ASCII; a long dict is written in pieces, which leave the garbage collector alone."""
    if type(value) is not dict or len(value) <= _PIECE:
        return json.dumps(value).encode("ascii")
    return f"{{{', '.join(json.dumps(piece)[1:-1] for piece in _pieces(value))}}}".encode("ascii")


def _pieces(value: dict[str, JSON]) -> Iterator[dict[str, JSON]]:
    items = iter(value.items())
    while piece := dict(islice(items, _PIECE)):
        yield piece


def read_text(text: str) -> JSON:
    """Give the number, or the list of numbers, that a library's text says; any other text as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def type_name(value: object) -> str:
    """Give the full name of the value's type, e.g. `"pandas.core.frame.DataFrame"`."""
    return class_name(type(value))


def class_name(kind: type) -> str:
    """Give a type's name; with its module where that is not Python's own."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def revive(value: JSON) -> Any:
    """Give back what `encode` was given, as far as JSON can say it; what it cannot say comes back as text."""
    if isinstance(value, list):
        return [revive(item) for item in value]
    if not isinstance(value, dict):
        return value
    for tag, reviver in _REVIVERS.items() if len(value) <= 4 else ():
        if tag in value:
            return reviver(value[tag], value)
    return {key: revive(item) for key, item in value.items()}


_REVIVERS: Mapping[str, Callable[[Any, dict[str, Any]], Any]] = {
    "$int": lambda text, whole: int(text, 16),
    "$float": lambda text, whole: float(text),
    "$tuple": lambda items, whole: tuple(revive(items)),
    "$dict": lambda items, whole: {_hashable(revive(key)): revive(item) for key, item in items},
    "$set": lambda items, whole: {_hashable(item) for item in revive(items)},
    "$bytes": lambda text, whole: base64.b64decode(text),
    "$datetime": lambda text, whole: datetime.datetime.fromisoformat(text),
    "$date": lambda text, whole: datetime.date.fromisoformat(text),
    "$complex": lambda parts, whole: complex(*revive(parts)),
    "$object": lambda name, whole: str(whole.get("text", name)),
    "$file": lambda name, whole: LargeValue.of(whole),
}


@dataclass(frozen=True)
class LargeValue:
    """What stands for a value that is kept in a file of its own; `Run.whole` reads it.

    Args:
        file: the file's name.
        sha256: its digest.
        size: its bytes.
        preview: the value's beginning.
    """

    file: str
    sha256: str
    size: int
    preview: str

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> LargeValue:
        """Make it from what the journal holds."""
        file, sha256, preview = (str(facts.get(name, "")) for name in ("$file", "sha256", "preview"))
        return cls(file, sha256, int(facts.get("size", 0)), preview)

    def __str__(self) -> str:
        return f"{self.preview}… ({self.size} bytes)"


def _hashable(value: Any) -> Any:
    """Give what can be a key or a member of a set: a hashable container was one of hashable things all the way down."""
    if isinstance(value, set):
        return frozenset(value)
    return tuple(map(_hashable, value)) if isinstance(value, (list, tuple)) else value

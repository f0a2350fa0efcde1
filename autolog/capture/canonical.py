"""The canonical form of data: the names that types and columns go by, and the bytes that cells are hashed as."""

from __future__ import annotations

import datetime
import functools
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeAlias

from autolog.values import class_name, type_name

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "CELL_BYTES",
    "Update",
    "blocks",
    "cells_nbytes",
    "hash_array",
    "hash_cells",
    "kind_of",
    "label",
    "native",
]

Update: TypeAlias = Callable[[bytes | memoryview], None]

CELL_BYTES = 64
"""What one Python object in a container counts for at least, in bytes."""

_BLOCK = 4 << 20
_CELLS = 1_024
_DEEPEST = 8


# ---- names


def kind_of(data: object, public: ModuleType | None = None) -> str:
    """Give the full name of the type of `data`, as `public.Name` where the module `public` exports that type."""
    kind = type(data)
    if public is not None and vars(public).get(kind.__name__) is kind:
        return f"{public.__name__}.{kind.__name__}"
    return type_name(data)


def label(name: object) -> str:
    """Give a column's name as text; one whose text only its own code knows gives its type's name."""
    if type(name) in _SAY_THEMSELVES:
        return str(name)
    if isinstance(name, tuple):
        return f"({', '.join(map(label, name))})"
    return type_name(name)


_SAY_THEMSELVES = frozenset({str, int, float, bool, type(None), bytes, datetime.date})


# ---- sizes


def cells_nbytes(cells: Any) -> int:
    """Estimate the bytes that Python objects take, from some of a sequence of them; none of their code is run."""
    probed = cells[:: len(cells) // 64 + 1]
    return len(cells) * sum(map(_cell_nbytes, probed)) // max(1, len(probed))


def _cell_nbytes(cell: Any) -> int:
    if type(cell) is str or type(cell) is bytes:
        return max(CELL_BYTES, sys.getsizeof(cell))
    return CELL_BYTES * (1 + len(cell)) if type(cell) in (list, tuple, dict) else CELL_BYTES


def blocks(count: int, row_bytes: int = CELL_BYTES) -> Iterator[slice]:
    """Cut `count` rows of about `row_bytes` into slices of a few MiB, at the same places for the same arguments."""
    step = max(1, _BLOCK // max(1, row_bytes))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


# ---- arrays


def hash_array(update: Update, array: Any, rows: range | None = None) -> None:
    """Hash the elements of an array in C order, little-endian, whatever its layout; contiguous ones are not copied.

    Floats count bit for bit: -0.0 is not 0.0, and NaNs of different payloads differ.

    Args:
        update: the hash's.
        array: a plain `numpy.ndarray` (of no subclass, whose code would run).
        rows: only these.
    """
    chosen = array if rows is None else array[rows.start : rows.stop : rows.step]
    if chosen.dtype.names is not None:  # field by field: the padding between them is no data
        for name in chosen.dtype.names:
            hash_array(update, chosen[name])
    elif chosen.dtype.kind in "biufcSUVmM" and not chosen.dtype.hasobject:
        for block in _array_blocks(chosen):
            update(_little_endian(block))
    else:
        hash_cells(update, (cell for block in _array_blocks(chosen) for cell in block.ravel().tolist()))


def native(dtype: Any) -> Any:
    """Give numpy's `dtype` without a foreign byte order, which is layout and no type."""
    return dtype if dtype.isnative else dtype.newbyteorder("=")


def _array_blocks(array: Any) -> Iterator[Any]:
    if array.ndim == 0 or array.nbytes <= _BLOCK:
        yield array
    elif array.ndim > 1 and array.nbytes // len(array) > _BLOCK:
        for index in range(len(array)):
            yield from _array_blocks(array[index])
    else:
        for piece in blocks(len(array), array.nbytes // len(array)):
            yield array[piece]


def _little_endian(block: Any) -> bytes | memoryview:
    if block.dtype.char in "gG":  # a long double is as wide as the platform likes and padded with anything
        block = block.astype("U")
    if not block.dtype.isnative or sys.byteorder == "big":
        block = block.astype(block.dtype.newbyteorder("<"))
    return memoryview(block.ravel().view("u1")) if block.dtype.itemsize else b""


# ---- Python objects


def hash_cells(update: Update, cells: Iterable[Any]) -> None:
    """Hash Python objects without running their code.

    Exact are str, bytes, numbers, None, dates and times, numpy's scalars and arrays, and plain lists, tuples and
    dicts of these; of any other object only the type's name counts.
    """
    remaining = iter(cells)
    while block := list(islice(remaining, _CELLS)):
        update(_encode_all(block, 0))


def _encode_all(cells: Sequence[Any], depth: int) -> bytes:
    """Give bytes that no other cells give; cells all of one frequent type are packed at once."""
    count = len(cells)
    kinds = set(map(type, cells))
    if kinds == {float}:
        return b"float*%d:%b" % (count, struct.pack(f"<{count}d", *cells))
    if kinds == {int}:
        digits = " ".join(map(hex, cells)).encode()
        return b"int*%d:%b" % (len(digits), digits)
    if kinds == {str}:
        lengths = struct.pack(f"<{count}Q", *map(len, cells))
        text = "".join(cells).encode("utf-8", "surrogatepass")
        return b"str*%d:%b%d:%b" % (count, lengths, len(text), text)
    return b"".join([_encode(cell, depth) for cell in cells])


def _encode(cell: Any, depth: int) -> bytes:
    name, encode = _encoder(type(cell))  # type: ignore[arg-type]
    payload = encode(cell, depth)
    return b"%b %d:%b" % (name, len(payload), payload)


@functools.lru_cache(maxsize=256)
def _encoder(kind: type) -> tuple[bytes, Callable[[Any, int], bytes]]:
    """Choose by the type alone; a subclass is read by its base's methods, never by its own."""
    name = class_name(kind).encode("utf-8", "surrogatepass")
    for base, encode in _ENCODERS:
        if issubclass(kind, base):
            return name, encode
    return name, _FOREIGN.get(kind.__module__, _nothing)


def _nothing(cell: Any, depth: int) -> bytes:
    return b""


def _nested(base: type, parts: Callable[[Any], Sequence[Any]]) -> tuple[type, Callable[[Any, int], bytes]]:
    """Encode a cell of type `base` as the plain values that `parts` takes it apart into."""

    def encode(cell: Any, depth: int) -> bytes:
        return _encode_all(parts(cell), depth + 1) if depth < _DEEPEST else b""

    return base, encode


def _array_cell(cell: Any, depth: int) -> bytes:
    """Encode one of numpy's scalars, or an array inside an array."""
    if not hasattr(cell, "tobytes") or cell.dtype.hasobject:
        return b""
    head = f"{native(cell.dtype)}{cell.shape}".encode()
    return head + bytes(_little_endian(cell))


_ENCODERS: tuple[tuple[type, Callable[[Any, int], bytes]], ...] = (
    (str, lambda cell, depth: str.encode(cell, "utf-8", "surrogatepass")),
    (bytes, lambda cell, depth: bytes.__getitem__(cell, slice(None))),
    (int, lambda cell, depth: b"%x" % int.__index__(cell)),
    (float, lambda cell, depth: struct.pack("<d", cell)),
    (complex, lambda cell, depth: struct.pack("<dd", *_real_and_imaginary(cell))),
    _nested(datetime.datetime, lambda cell: datetime.datetime.__reduce_ex__(cell, 4)[1]),
    _nested(datetime.time, lambda cell: datetime.time.__reduce_ex__(cell, 4)[1]),
    _nested(datetime.date, lambda cell: datetime.date.__reduce__(cell)[1]),
    _nested(datetime.timedelta, lambda cell: datetime.timedelta.__reduce__(cell)[1]),
    _nested(datetime.timezone, lambda cell: datetime.timezone.__getinitargs__(cell)),  # type: ignore[attr-defined]
    _nested(list, lambda cell: list.__getitem__(cell, slice(None))),
    _nested(tuple, lambda cell: tuple.__getitem__(cell, slice(None))),
    _nested(dict, lambda cell: list(chain.from_iterable(dict.items(cell)))),
)
_FOREIGN: Mapping[str, Callable[[Any, int], bytes]] = {
    "numpy": _array_cell,
    "decimal": lambda cell, depth: str(cell).encode(),
    "zoneinfo": lambda cell, depth: str(getattr(cell, "key", "")).encode(),
}


def _real_and_imaginary(cell: complex) -> tuple[float, float]:
    """Read a complex number's parts where a subclass cannot have changed them."""
    return vars(complex)["real"].__get__(cell), vars(complex)["imag"].__get__(cell)

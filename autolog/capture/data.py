"""Descriptions of data -> dataset facts, digests and signatures; it knows plain Python's containers and no library."""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeAlias

from autolog import guard
from autolog.hookspecs import Column, DataDescription
from autolog.values import JSON, type_name

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "CELL_BYTES",
    "Digest",
    "Update",
    "blocks",
    "cells_nbytes",
    "dataset_facts",
    "describe",
    "digest",
    "hash_array",
    "hash_cells",
    "kind_of",
    "label",
    "native",
    "signature",
]

Describe: TypeAlias = Callable[[Any], DataDescription | None]
Update: TypeAlias = Callable[[bytes | memoryview], None]

CELL_BYTES = 64
"""What one Python object in a container counts for at least, in bytes."""

_BUDGET = 64 << 20
_SAMPLE_ROWS = 16_384  # also bounds how many pages of a memory-mapped file a sample touches
_PROBED = 1_024
_PROBED_CELLS = 4_096
_BLOCK = 4 << 20
_CELLS = 1_024
_DEEPEST = 8
_LISTED_COLUMNS = 1_000
_LENGTH_IS_FREE = frozenset({bytes, bytearray, frozenset, range, set})


# ---- describing


def describe(data: object, hooks_describe: Describe) -> DataDescription | None:
    """Describe data as it is, without running its code; None stays None.

    Args:
        data: anything; an iterator is named and never advanced.
        hooks_describe: what describes a library's container; gives None for what it does not know.
    """
    if data is None:
        return None
    if type(data) is list or type(data) is tuple:
        return _describe_sequence(data)
    if type(data) is dict:
        return _describe_dict(data, hooks_describe)
    return hooks_describe(data) or _describe_unknown(data)


def _describe_unknown(data: Any) -> DataDescription:
    return DataDescription(kind_of(data), (len(data),) if type(data) in _LENGTH_IS_FREE else None)


def _describe_sequence(data: Sequence[Any]) -> DataDescription:
    """A list of rows of one length has two dimensions; any other has one. Long ones are looked at here and there."""
    probed = data[:: len(data) // _PROBED + 1]
    width = _width(probed)
    cells = probed if width is None else islice(chain.from_iterable(probed), _PROBED_CELLS)
    return DataDescription(
        kind=kind_of(data),
        shape=(len(data),) if width is None else (len(data), width),
        dtype=" | ".join(sorted(map(_class_name, set(map(type, cells))))) or None,
        update=partial(_hash_sequence, data),
        nbytes=cells_nbytes(data),
    )


def _width(rows: Sequence[Any]) -> int | None:
    """Give the one length of rows that are plain lists or tuples."""
    if not rows or not all(type(row) is list or type(row) is tuple for row in rows):
        return None
    return len(rows[0]) if all(len(row) == len(rows[0]) for row in rows) else None


def _hash_sequence(data: Sequence[Any], update: Update, rows: range | None) -> None:
    hash_cells(update, data if rows is None else islice(data, rows.start, rows.stop, rows.step))


def _describe_dict(data: Mapping[Any, Any], hooks_describe: Describe) -> DataDescription:
    """A dict whose values are containers of one length is a table."""
    parts = {name: None if type(value) is dict else describe(value, hooks_describe) for name, value in data.items()}
    columns = {name: part for name, part in parts.items() if part and part.shape}
    lengths = {part.shape[0] for part in columns.values() if part.shape}
    if len(columns) < len(data) or len(lengths) != 1:
        return DataDescription("dict", (len(data),))
    return DataDescription(
        kind="dict",
        shape=(*lengths, len(data)),
        columns=tuple(Column(label(name), part.dtype or part.kind) for name, part in columns.items()),
        update=partial(_hash_columns, columns) if all(part.update for part in columns.values()) else None,
        nbytes=sum(part.nbytes or 0 for part in columns.values()),
    )


def _hash_columns(columns: Mapping[Any, DataDescription], update: Update, rows: range | None) -> None:
    hash_cells(update, columns)
    for part in columns.values():
        update(_schema(part))
        if part.update is not None:
            part.update(update, rows)


# ---- digests


@dataclass(frozen=True)
class Digest:
    """What tells data apart.

    Args:
        value: 32 hexadecimal digits, the first half of a SHA-256.
        sampled: not every byte was read; equal values then make equal data likely, not certain.
    """

    value: str
    sampled: bool


class _BudgetSpentError(Exception):
    """A part is larger than its container knew."""


def digest(parts: Sequence[DataDescription], budget: int = _BUDGET) -> Digest:
    """Hash the shape, the schema and the bytes of all parts, in their order.

    Where the parts together are larger than `budget`, rows at a fixed distance, the same of every part, stand for
    all of them. A part that turns out larger than it knew is read up to `budget`. A part that cannot be read counts
    by its shape and schema. In these three cases the digest is marked as sampled.

    Args:
        parts: e.g. the inputs and the target.
        budget: in bytes.
    """
    sha = hashlib.sha256()
    total = sum(part.nbytes or 0 for part in parts)
    sampled = total > budget
    for part in parts:
        sha.update(_schema(part))
        rows = _sample(part, -(-total // budget)) if sampled else None
        sampled |= not _hash_part(part, sha.update, rows, budget)
    return Digest(sha.hexdigest()[:32], sampled)


def _schema(part: DataDescription) -> bytes:
    columns = [(column.name, column.dtype) for column in part.columns]
    text = json.dumps([part.shape, part.dtype, columns]).encode()
    return b"%d:%b" % (len(text), text)


def _sample(part: DataDescription, step: int) -> range | None:
    """Give rows at a distance of `step` or more; None where there are no rows to choose from."""
    if not part.shape:
        return None
    count = part.shape[0]
    return range(0, count, max(step, -(-count // _SAMPLE_ROWS)))


def _hash_part(part: DataDescription, update: Update, rows: range | None, budget: int) -> bool:
    """Hash one part, and say whether it could be read to its end."""
    if part.update is None:
        return False
    try:
        guard.contained(part.update, _up_to(budget, update), rows)
    except _BudgetSpentError:
        return False
    return True


def _up_to(budget: int, update: Update) -> Update:
    """Give an `update` that takes `budget` bytes, however they are cut into pieces, and then raises."""
    left = budget

    def limited(data: bytes | memoryview) -> None:
        nonlocal left
        view = memoryview(data)
        if view.nbytes > left:
            update(view.cast("B")[:left])
            raise _BudgetSpentError
        left -= view.nbytes
        update(view)

    return limited


# ---- what is recorded


def dataset_facts(
    name: str, description: DataDescription, target: DataDescription | None, context: str, source: JSON
) -> dict[str, JSON]:
    """Give what a run records of a dataset; this reads the data.

    Args:
        name: what the user calls it.
        description: the inputs.
        target: what is to be predicted, where that is apart from the inputs.
        context: what it was used for, e.g. `"train"`.
        source: where it came from.
    """
    found = digest([description] if target is None else [description, target])
    return {
        "name": name,
        **_facts(description),
        "target": None if target is None else _facts(target),
        "digest": found.value,
        "sampled": found.sampled,
        "context": context,
        "source": source,
    }


def _facts(part: DataDescription) -> dict[str, JSON]:
    facts: dict[str, JSON] = {
        "kind": part.kind,
        "shape": None if part.shape is None else list(part.shape),
        "dtype": part.dtype,
        "columns": [[column.name, column.dtype] for column in part.columns[:_LISTED_COLUMNS]],
    }
    if len(part.columns) > _LISTED_COLUMNS:
        facts["column_count"] = len(part.columns)
    return facts


def signature(inputs: DataDescription, outputs: DataDescription | None) -> dict[str, JSON]:
    """Give what a model takes and gives, as the data at hand shows it; nothing is predicted for it."""
    return {"inputs": _signature(inputs), "outputs": None if outputs is None else _signature(outputs)}


def _signature(part: DataDescription) -> JSON:
    if part.columns:
        return [{"name": column.name, "type": column.dtype} for column in part.columns]
    if part.dtype is None or part.shape is None:
        return {"type": part.kind}
    kind = part.kind if part.kind in ("list", "tuple") else "tensor"
    return {"type": kind, "dtype": part.dtype, "shape": [-1, *part.shape[1:]] if part.shape else []}


# ---- what plugins describe with


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


def _class_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


_SAY_THEMSELVES = frozenset({str, int, float, bool, type(None), bytes, datetime.date})


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
    name = _class_name(kind).encode("utf-8", "surrogatepass")
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

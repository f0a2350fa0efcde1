"""Data -> its description, what a run records of it, and signatures; it knows plain Python's containers alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any, TypeAlias

from autolog.capture.canonical import Update, cells_nbytes, hash_cells, kind_of, label
from autolog.capture.digests import digest, schema
from autolog.hookspecs import Column, DataDescription
from autolog.values import JSON, class_name

__all__ = ["MOST_COLUMNS", "dataset_facts", "describe", "signature"]

Describe: TypeAlias = Callable[[Any], DataDescription | None]

_PROBED = 1_024
_PROBED_CELLS = 4_096
MOST_COLUMNS = 1_000
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
        dtype=" | ".join(sorted(map(class_name, set(map(type, cells))))) or None,
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
        update(schema(part))
        if part.update is not None:
            part.update(update, rows)


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
        "columns": [[column.name, column.dtype] for column in part.columns[:MOST_COLUMNS]],
    }
    if len(part.columns) > MOST_COLUMNS:
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

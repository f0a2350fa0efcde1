"""The pyarrow plugin: describes tables and arrays; their buffers are read in place, however they are chunked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from autolog.capture.canonical import Update, blocks, hash_cells, kind_of
from autolog.hookspecs import Column, DataDescription, hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["autolog_describe_data"]

# by name: early versions have no test for some of them
_TEXT = frozenset({"binary", "large_binary", "large_string", "string"})
_VIEWS = frozenset({"binary_view", "string_view"})


@hookimpl
def autolog_describe_data(data: object) -> DataDescription | None:
    """Describe a Table, RecordBatch, Array or ChunkedArray; what lies under a null does not count."""
    kind = type(data)
    if issubclass(kind, (pa.Table, pa.RecordBatch)):
        return _describe_table(data)
    if issubclass(kind, (pa.Array, pa.ChunkedArray)):
        return _describe_array(data)
    return None


def _describe_table(table: Any) -> DataDescription:
    return DataDescription(
        kind=kind_of(table, pa),
        shape=(table.num_rows, table.num_columns),
        columns=tuple(Column(field.name, str(field.type)) for field in table.schema),
        update=partial(_hash, table.columns),
        nbytes=table.nbytes,
    )


def _describe_array(array: Any) -> DataDescription:
    return DataDescription(
        kind=kind_of(array, pa),
        shape=(len(array),),
        dtype=str(array.type),
        update=partial(_hash, [array]),
        nbytes=array.nbytes,
    )


def _hash(columns: Sequence[Any], update: Update, rows: range | None) -> None:
    for column in columns:
        chosen = column if rows is None else _chosen(column, rows)
        for piece in blocks(len(chosen)):
            block = chosen.slice(piece.start, piece.stop - piece.start)
            _hash_block(update, block.combine_chunks() if isinstance(block, pa.ChunkedArray) else block)


def _chosen(column: Any, rows: range) -> Any:
    if str(column.type) not in _VIEWS:
        return column.take(pa.array(rows, pa.int64()))
    cells = [column.slice(row, 1) for row in rows]  # nothing in pyarrow takes from views
    chunks = [chunk for cell in cells for chunk in (cell.chunks if isinstance(cell, pa.ChunkedArray) else [cell])]
    return pa.chunked_array(chunks, column.type)


def _hash_block(update: Update, block: Any) -> None:
    """Hash a type that only wraps another as that one; of the rest which cells are null, and then the others."""
    kind = block.type
    if isinstance(kind, pa.BaseExtensionType):
        _hash_block(update, block.storage)
    elif types.is_dictionary(kind):
        _hash_block(update, block.dictionary_decode())
    elif str(kind).startswith("run_end_encoded"):
        _hash_block(update, pc.run_end_decode(block))
    elif str(kind) in _VIEWS:
        _hash_block(update, block.cast(pa.large_binary()))
    elif not types.is_null(kind):
        update(b"%d %d:" % (len(block), block.null_count))
        if block.null_count:
            _hash_fixed(update, block.is_null())
        _hash_valid(update, block.drop_null())


def _hash_valid(update: Update, block: Any) -> None:
    """Hash cells none of which is null, by how their type is laid out."""
    kind = block.type
    if types.is_union(kind) or types.is_map(kind):
        hash_cells(update, block.to_pylist())
    elif types.is_struct(kind):
        for child in block.flatten():
            _hash_block(update, child)
    elif types.is_nested(kind):
        _hash_fixed(update, pc.list_value_length(block))
        _hash_block(update, block.flatten())
    elif str(kind) in _TEXT:
        _hash_text(update, block.cast(pa.large_binary()))
    else:
        _hash_fixed(update, block)


def _hash_text(update: Update, block: Any) -> None:
    """Hash the lengths of strings, and then the strings: they lie one behind the other."""
    if len(block) == 0:
        return
    _hash_fixed(update, pc.binary_length(block))
    _, offsets, text = block.buffers()
    first, last = (int(memoryview(offsets).cast("q")[block.offset + index]) for index in (0, len(block)))
    if text is not None:
        update(memoryview(text)[first:last])


def _hash_fixed(update: Update, block: Any) -> None:
    """Hash cells of a fixed width; bits as bytes, because a view of them may begin within a byte."""
    if types.is_boolean(block.type):
        block = block.cast(pa.uint8())
    width = block.type.bit_width // 8
    if len(block):
        update(memoryview(block.buffers()[1]).cast("B")[block.offset * width : (block.offset + len(block)) * width])

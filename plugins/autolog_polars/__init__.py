"""The polars plugin: describes tables and series, block by block; a LazyFrame is named and never collected."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from autolog.capture.canonical import CELL_BYTES, Update, blocks, hash_array, hash_cells, kind_of
from autolog.hookspecs import Column, DataDescription, hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["autolog_describe_data"]


@hookimpl
def autolog_describe_data(data: object) -> DataDescription | None:
    """Describe a DataFrame or Series; of a LazyFrame not even the schema is free."""
    kind, known = type(data), cast("Any", data)
    if issubclass(kind, pl.LazyFrame):
        return DataDescription(kind_of(data, pl), None)
    if issubclass(kind, pl.DataFrame):
        frame = pl.DataFrame(known)  # of no subclass; shares the columns
        return _describe(data, frame.shape, frame.get_columns())
    if issubclass(kind, pl.Series):
        series = pl.Series(values=known)
        return _describe(data, series.shape, [series], str(series.dtype))
    return None


def _describe(
    data: object, shape: tuple[int, ...], columns: Sequence[pl.Series], dtype: str | None = None
) -> DataDescription:
    return DataDescription(
        kind=kind_of(data, pl),
        shape=shape,
        dtype=dtype,
        columns=tuple(Column(column.name, str(column.dtype)) for column in columns if dtype is None or column.name),
        update=partial(_hash, columns) if "numpy" in sys.modules or not any(map(_is_fixed, columns)) else None,
        nbytes=sum(map(_nbytes, columns)),
    )


def _is_fixed(column: pl.Series) -> bool:
    """Say whether the cells are numbers of a fixed width, which polars gives as bytes by way of numpy alone."""
    dtype = column.dtype
    return (
        dtype == pl.Boolean
        or dtype.is_temporal()
        or ((dtype.is_integer() or dtype.is_float()) and str(dtype) not in _WIDE)
    )


_WIDE = ("Int128", "UInt128")


def _nbytes(column: pl.Series) -> int:
    """Count what a Python object takes for each cell that is hashed as one."""
    size = int(column.estimated_size())
    return size if _is_fixed(column) else max(size, CELL_BYTES * len(column))


def _hash(columns: Sequence[pl.Series], update: Update, rows: range | None) -> None:
    for column in columns:
        chosen = column if rows is None else column[rows.start : rows.stop : rows.step]
        hash_values = _hash_fixed if _is_fixed(column) else _hash_cells
        hash_values(update, chosen)


def _hash_fixed(update: Update, column: pl.Series) -> None:
    """Hash which cells are null, where any is, and then the others."""
    for piece in blocks(len(column), 8):
        block = column[piece]
        if column.dtype.is_temporal():  # asked of other columns too, it would start the threads of polars' engine
            block = block.to_physical()
        update(b"%d:" % block.null_count())
        if block.null_count():
            hash_array(update, block.is_null().to_numpy())
            block = block.drop_nulls()
        hash_array(update, block.to_numpy())


def _hash_cells(update: Update, column: pl.Series) -> None:
    hash_cells(update, (cell for piece in blocks(len(column)) for cell in column[piece].to_list()))

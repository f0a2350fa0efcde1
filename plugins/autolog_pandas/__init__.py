"""The pandas plugin: describes tables, series and indexes, column by column, read in place."""

from __future__ import annotations

from functools import partial
from itertools import chain, groupby, repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from autolog.capture.canonical import (
    CELL_BYTES,
    Update,
    blocks,
    cells_nbytes,
    hash_array,
    hash_cells,
    kind_of,
    label,
    native,
)
from autolog.hookspecs import Column, DataDescription, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["autolog_describe_data"]


@hookimpl
def autolog_describe_data(data: object) -> DataDescription | None:
    """Describe a DataFrame, Series or Index; the index of the first two is not part of it."""
    kind = type(data)
    if issubclass(kind, pd.DataFrame):
        return _describe_frame(data)
    if issubclass(kind, pd.Series):
        return _describe_series(data)
    if issubclass(kind, pd.Index) and kind.__module__.partition(".")[0] == "pandas":
        return _describe_index(data)
    return None


def _describe_frame(data: Any) -> DataDescription:
    # A plain, shallow copy of our own: a subclass's code stays out, and pandas' caches stay off the user's object.
    frame = pd.DataFrame(data, copy=False).copy(deep=False)
    names = list(frame.columns)
    frame.columns = pd.RangeIndex(len(names))
    parts = list(_parts(frame))
    dtypes = chain.from_iterable(repeat(_dtype(part.dtypes.iloc[0]), part.shape[1]) for part in parts)
    return DataDescription(
        kind=kind_of(data, pd),
        shape=frame.shape,
        columns=tuple(Column(_name(name), dtype) for name, dtype in zip(names, dtypes, strict=True)),
        **_content(names, [_Table(part) if part.shape[1] > 1 else part.iloc[:, 0].array for part in parts]),
    )


def _parts(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Cut a frame into neighbouring columns of one type of plain numbers, and single columns of any other."""
    start = 0
    for _, run in groupby(frame.dtypes.tolist(), key=id):
        alike = list(run)
        plain = isinstance(alike[0], np.dtype) and alike[0].kind in "biufc"
        width = len(alike) if plain else 1
        for stop in range(start + width, start + len(alike) + 1, width):
            yield frame.iloc[:, stop - width : stop]
        start += len(alike)


class _Table:
    """Several columns of one plain type, read together: to take them apart takes longer than to read them."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self.nbytes: int = frame.shape[0] * frame.shape[1] * frame.dtypes.iloc[0].itemsize

    def __getitem__(self, rows: slice) -> _Table:
        return _Table(self._frame.iloc[rows])

    def hash(self, update: Update) -> None:
        """Hash one column after the other, a few at a time, since what lies scattered is copied for it."""
        width = self._frame.shape[1]
        for piece in blocks(width, self.nbytes // width):
            hash_array(update, self._frame.iloc[:, piece].to_numpy().T)


def _describe_series(data: Any) -> DataDescription:
    series: pd.Series[Any] = pd.Series(data, copy=False)
    dtype = _dtype(series.dtype)
    return DataDescription(
        kind=kind_of(data, pd),
        shape=series.shape,
        dtype=dtype,
        columns=() if series.name is None else (Column(_name(series.name), dtype),),
        **_content([series.name], [series.array]),
    )


def _describe_index(data: Any) -> DataDescription:
    """Describe a slice of all of it, which has caches of its own; a MultiIndex has a column for each level."""
    index = data[:]
    if not isinstance(index, pd.MultiIndex):
        return DataDescription(
            kind_of(data, pd), index.shape, _dtype(index.dtype), **_content([index.name], [index.array])
        )
    columns = [pd.Categorical.from_codes(c, level) for c, level in zip(index.codes, index.levels, strict=True)]
    return DataDescription(
        kind=kind_of(data, pd),
        shape=(len(index), len(columns)),
        columns=tuple(
            Column(_name(n), _dtype(level.dtype)) for n, level in zip(index.names, index.levels, strict=True)
        ),
        **_content(list(index.names), columns),
    )


def _name(name: Any) -> str:
    return str(name) if _is_ours(name) else label(name)


def _dtype(dtype: Any) -> str:
    """Name a column's type; the byte order is layout, and a foreign type has code of its own."""
    if isinstance(dtype, np.dtype):
        return str(native(dtype))
    return str(dtype) if _is_ours(dtype) else label(dtype)


def _is_ours(thing: object) -> bool:
    return type(thing).__module__.partition(".")[0] == "pandas"


def _content(names: Sequence[Any], columns: Sequence[Any]) -> dict[str, Any]:
    return {"update": partial(_hash, names, columns), "nbytes": sum(map(_nbytes, columns))}


def _nbytes(column: Any) -> int:
    """Count what a Python object takes for each cell that is hashed as one."""
    if isinstance(column, _Table):
        return column.nbytes
    feeder = _feeder(column)
    if feeder is _hash_plain and column.dtype == object:
        return cells_nbytes(np.asarray(column))
    return max(column.nbytes, CELL_BYTES * len(column)) if feeder is _hash_objects else int(column.nbytes)


def _hash(names: Sequence[Any], columns: Sequence[Any], update: Update, rows: range | None) -> None:
    hash_cells(update, names)
    for column in columns:
        _hash_column(update, column if rows is None else column[rows.start : rows.stop : rows.step])


def _hash_column(update: Update, column: Any) -> None:
    _feeder(column)(update, column)


def _hash_table(update: Update, table: _Table) -> None:
    table.hash(update)


def _hash_plain(update: Update, column: Any) -> None:
    array = np.asarray(column)
    if array.dtype.hasobject:
        hash_cells(update, (_exact(cell) for piece in blocks(len(array)) for cell in array[piece].tolist()))
    else:
        hash_array(update, array)


def _hash_times(update: Update, column: Any) -> None:
    hash_array(update, column.view("i8"))


def _hash_categorical(update: Update, column: Any) -> None:
    hash_cells(update, [column.ordered])
    _hash_column(update, column.categories[:].array)
    hash_array(update, column.codes)


def _hash_interval(update: Update, column: Any) -> None:
    _hash_column(update, column.left.array)
    _hash_column(update, column.right.array)


def _hash_masked(update: Update, column: Any) -> None:
    for piece in blocks(len(column)):
        block = column[piece]
        missing = block.isna()
        hash_array(update, missing)
        hash_array(update, block[~missing].to_numpy(block.dtype.numpy_dtype))


def _hash_sparse(update: Update, column: Any) -> None:
    for piece in blocks(len(column)):
        _hash_plain(update, np.asarray(column[piece]))


def _hash_objects(update: Update, column: Any) -> None:
    hash_cells(update, (_exact(c) for piece in blocks(len(column)) for c in column[piece].to_numpy(object).tolist()))


def _hash_nothing(update: Update, column: Any) -> None:
    """An array that is not pandas' own runs foreign code; only its type counts, and that is in the schema."""


def _exact(cell: Any) -> Any:
    """Give pandas' own scalars with what the plain types they derive from cannot hold: nanoseconds, and periods."""
    kind = type(cell)
    if kind is pd.Timestamp or kind is pd.Timedelta:
        return cell, cell.value
    return (cell.freqstr, cell.ordinal) if kind is pd.Period else cell


def _feeder(column: Any) -> Callable[[Update, Any], None]:
    if isinstance(column, np.ndarray):
        return _hash_plain
    if isinstance(column, _Table):
        return _hash_table
    return _FEEDERS.get(type(column).__name__, _hash_objects) if _is_ours(column) else _hash_nothing


_FEEDERS: Mapping[str, Callable[[Update, Any], None]] = {  # by name: where the classes live depends on the version
    "BooleanArray": _hash_masked,
    "Categorical": _hash_categorical,
    "DatetimeArray": _hash_times,
    "FloatingArray": _hash_masked,
    "IntegerArray": _hash_masked,
    "IntervalArray": _hash_interval,
    "NumpyExtensionArray": _hash_plain,
    "PandasArray": _hash_plain,
    "PeriodArray": _hash_times,
    "SparseArray": _hash_sparse,
    "TimedeltaArray": _hash_times,
}

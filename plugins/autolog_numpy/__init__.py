"""The numpy plugin: describes arrays, read in place and block by block."""

from __future__ import annotations

import mmap
from functools import partial
from typing import Any, cast

import numpy as np

from autolog.capture.canonical import Update, cells_nbytes, hash_array, kind_of, native
from autolog.hookspecs import Column, DataDescription, hookimpl

__all__ = ["autolog_describe_data"]

_MAPPED_ROWS = 32  # each may cost a seek, and the system may read MiBs around it


@hookimpl
def autolog_describe_data(data: object) -> DataDescription | None:
    """Describe an array of any subclass; the byte order is its layout, not its type, and a structured one has columns.

    Of a masked array the mask counts as well, and so does what lies under it.
    """
    if not issubclass(type(data), np.ndarray):
        return None
    array: np.ndarray[Any, Any] = np.ndarray.view(cast("Any", data), np.ndarray)
    dtype = native(array.dtype)
    return DataDescription(
        kind=kind_of(data, np),
        shape=array.shape,
        dtype=str(dtype),
        columns=tuple(Column(name, str(dtype[name])) for name in dtype.names or ()),
        update=partial(_hash, _parts(data, array)),
        nbytes=_nbytes(array),
    )


def _parts(data: Any, array: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], ...]:
    if not issubclass(type(data), np.ma.MaskedArray):
        return (array,)
    mask = np.ma.getmask(data)
    return (array,) if mask is np.ma.nomask else (array, np.asarray(mask))


def _hash(parts: tuple[np.ndarray[Any, Any], ...], update: Update, rows: range | None) -> None:
    if rows is not None and _is_mapped(parts[0]):
        rows = rows[:: -(-len(rows) // _MAPPED_ROWS)]
    for part in parts:
        hash_array(update, part, rows)


def _is_mapped(array: np.ndarray[Any, Any]) -> bool:
    """Say whether the elements lie in a memory-mapped file, by what the array is a view of."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return isinstance(owner, mmap.mmap)


def _nbytes(array: np.ndarray[Any, Any]) -> int:
    """Count what a Python object takes where the array only points to it."""
    if array.dtype.kind not in "OT" or array.ndim == 0 or array.size == 0:
        return array.nbytes
    column: Any = array
    while column.ndim > 1:
        column = column[:, 0]
    return cells_nbytes(column) * (array.size // len(column))

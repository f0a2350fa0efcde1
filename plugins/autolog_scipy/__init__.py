"""The scipy plugin: describes sparse matrices and arrays by what they store, never made dense or converted."""

from __future__ import annotations

import sys
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from autolog.capture.canonical import CELL_BYTES, Update, cells_nbytes, hash_array, hash_cells, kind_of, native
from autolog.hookspecs import DataDescription, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["autolog_describe_data"]

_STORED: Mapping[str, Sequence[str]] = {
    "bsr": ("indptr", "indices", "data"),
    "csc": ("indptr", "indices", "data"),
    "csr": ("indptr", "indices", "data"),
    "dia": ("offsets", "data"),
    "lil": ("rows", "data"),
}


@hookimpl
def autolog_describe_data(data: object) -> DataDescription | None:
    """Describe a sparse container; what it stores counts, in the format and the order that it is stored in."""
    sparse = sys.modules.get("scipy.sparse")  # where nobody has imported it, nothing is sparse
    bases = (getattr(sparse, "spmatrix", ()), getattr(sparse, "sparray", ()))
    if sparse is None or not issubclass(type(data), bases):
        return None
    matrix: Any = data
    return DataDescription(
        kind=kind_of(matrix, sparse),
        shape=tuple(map(int, matrix.shape)),
        dtype=str(native(matrix.dtype)),
        update=partial(_hash, matrix),
        nbytes=len(matrix.items()) * 2 * CELL_BYTES if matrix.format == "dok" else sum(map(_nbytes, _arrays(matrix))),
    )


def _arrays(matrix: Any) -> list[Any]:
    if matrix.format == "coo":
        coordinates = matrix.coords if hasattr(matrix, "coords") else (matrix.row, matrix.col)  # scipy < 1.13
        return [*coordinates, matrix.data]
    return [getattr(matrix, name) for name in _STORED[matrix.format]]


def _nbytes(array: Any) -> int:
    return cells_nbytes(array) if array.dtype.hasobject else int(array.nbytes)


def _hash(matrix: Any, update: Update, rows: range | None) -> None:
    """Hash the stored arrays one after the other; of a sample, entries of each at the distance of its rows."""
    update(matrix.format.encode())
    step = 1 if rows is None else rows.step
    if matrix.format == "dok":
        hash_cells(update, islice(matrix.items(), None, None, step))
        return
    for array in _arrays(matrix):
        hash_array(update, array, range(0, len(array), step))

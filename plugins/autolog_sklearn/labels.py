"""Labels as small whole numbers, the same in every array, without running code of what the labels are."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["NUMBERS", "Array", "column", "columns_of", "number_alike", "plain"]

Array: TypeAlias = "npt.NDArray[Any]"

NUMBERS = "biuf"
"""The kinds of numpy dtypes that are real numbers."""


def column(values: npt.ArrayLike) -> Array:
    """Give an array, of a table with one column that column."""
    array = np.asarray(values)
    return array.ravel() if array.ndim == 2 and array.shape[1] == 1 else array


def plain(array: Array) -> Array:
    """Give an object array of numbers (what a nullable pandas column becomes) the dtype of its numbers."""
    if array.dtype.kind == "O" and set(map(type, array.tolist())) <= {int, bool, float}:
        return np.array(array.tolist())
    return array


def number_alike(arrays: list[Array]) -> list[Array] | None:
    """Number the labels alike in all arrays and in their sorted order, or give None where they cannot be labels."""
    arrays = [plain(array) for array in arrays]
    if all(array.dtype.kind in "UO" for array in arrays):
        return _strings([array.tolist() for array in arrays])
    if any(array.dtype.kind not in NUMBERS or array.ndim != 1 for array in arrays):
        return None
    numbers = [array.astype(np.int64, copy=False) for array in arrays]
    if any(old.dtype.kind == "f" and (old != new).any() for old, new in zip(arrays, numbers, strict=True)):
        return None
    return _integers(numbers)


def _strings(lists: list[list[Any]]) -> list[Array] | None:
    """Number strings by a dict, several times faster than sorting an array of them.

    Anything else is refused: comparing a user's own objects would run their code.
    """
    known = set(map(type, (label for labels in lists for label in labels)))
    if not known <= {str, np.str_}:
        return None
    order = {label: code for code, label in enumerate(sorted(set().union(*lists)))}
    return [np.fromiter(map(order.__getitem__, labels), np.intp, len(labels)) for labels in lists]


def _integers(arrays: list[Array]) -> list[Array]:
    """Number integers by their distance from the smallest, or by rank where these would be large."""
    low, high = min(int(array.min()) for array in arrays), max(int(array.max()) for array in arrays)
    if high - low < 1000 + 4 * len(arrays[0]):
        return [array - low for array in arrays]
    _, codes = np.unique(np.concatenate(arrays), return_inverse=True)
    return np.split(codes.ravel(), np.cumsum([len(array) for array in arrays])[:-1])


def columns_of(true: Array, columns: Array) -> Array | None:
    """Give the column of each row's class, or None where a class has no column."""
    places = np.full(max(true.max(), columns.max()) + 1, -1)
    places[columns] = np.arange(len(columns))
    found: Array = places[true]
    return found if found.min() >= 0 else None

"""Where an array lies in memory, and so which rows of another array a view of it has. Needs no numpy of its own."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Layout", "array", "base", "layout", "rows_of"]


class Layout(NamedTuple):
    """The place of an array in memory.

    Args:
        address: of its first value.
        shape: rows first.
        strides: the bytes from one value to the next, for each dimension.
        flat: its bytes when it has no gaps and is in row order, else None.
    """

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    flat: int | None


def array(value: Any) -> Any:
    """Give the numpy array with rows that a value is, or that a pandas Series keeps its values in; else None.

    Nothing is copied: a frame, whose columns may lie apart, is passed over.
    """
    module = type(value).__module__
    if module != "numpy" and module.partition(".")[0] == "pandas" and value.ndim == 1:
        value = value.values  # of a nullable or categorical dtype it is no array
    return value if type(value).__module__ == "numpy" and getattr(value, "shape", None) else None


def base(value: object) -> object | None:
    """Give what a numpy array is a view of; None where it is not a view, or not numpy's."""
    return getattr(value, "base", None) if type(value).__module__ == "numpy" else None


def layout(array: Any) -> Layout:
    """Give the layout of a numpy array that has rows."""
    address = array.__array_interface__["data"][0]
    return Layout(address, array.shape, array.strides, array.nbytes if array.flags.c_contiguous else None)


def rows_of(view: Layout, whole: Layout) -> str | None:
    """Say which rows of an array a view has.

    Args:
        view: it, on the same memory.
        whole: the array.

    Returns:
        None for all in their order, be it in another shape, or one of two columns, which say the same of two classes;
        "column 0" for one of more columns; "5 of 75 rows"; or "reordered".
    """
    if view.address == whole.address and view.flat == whole.flat is not None:
        return None
    rows, of = _rows(view, whole), range(whole.shape[0])
    if rows == of:
        return _column(view, whole)
    inside = rows is not None and len(rows) < len(of) and all(end in of for end in (*rows[:1], *rows[-1:]))
    return f"{view.shape[0]} of {len(of)} rows" if inside else "reordered"


def _column(view: Layout, whole: Layout) -> str | None:
    """Name the one column that a view has of more than two."""
    if len(view.shape) != 1 or len(whole.shape) != 2 or whole.shape[1] <= 2 or not whole.strides[1]:
        return None
    return f"column {(view.address - whole.address) // whole.strides[1]}"


def _rows(view: Layout, whole: Layout) -> range | None:
    """Give the numbers of the rows of the whole that the view's rows begin in, None where it steps otherwise."""
    count, first = view.shape[0], _row(view.address - whole.address, whole)
    step, rest = divmod(view.strides[0], whole.strides[0] or 1) if count > 1 else (1, 0)
    return range(first, first + count * step, step) if step and not rest else None


def _row(offset: int, whole: Layout) -> int:
    """Give the row that lies so many bytes behind an array's first value: widest dimension first, as in a numeral."""
    sizes = sorted(enumerate(zip(whole.shape, whole.strides, strict=True)), key=lambda each: -abs(each[1][1]))
    for dimension, (size, stride) in sizes:
        if size > 1 and stride:
            index, offset = divmod(offset, stride)
            if dimension == 0:
                return index
    return 0

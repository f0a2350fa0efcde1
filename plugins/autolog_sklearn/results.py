"""The numbers in what a metric function gave: one, one a class or output, several by name, or a whole report."""

from __future__ import annotations

import inspect
import numbers
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from autolog.capture.signatures import innermost, parameters

__all__ = ["Part", "is_number", "parts"]

_CONTAINERS: Final = ("builtins", "numpy", "pandas", "polars")
_ENTRY: Final = r"(?m)^\(?(\w[\w, ]*?)\)? : "  # compiled by the first tuple: that takes as long as this module's import
_NEXT_SECTION: Final = r"(?m)^.+\n-{3,}$"


class Part(NamedTuple):
    """One number of a result.

    Args:
        name: what it is called beside the function's name; empty where it is the only one.
        of: what it is a metric of, e.g. `{"class": 2}`, where that is less than everything.
        value: it.
    """

    name: str
    of: Mapping[str, Any]
    value: float


def is_number(value: object) -> bool:
    """Say whether something is a real number, numpy's among them."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def parts(function: Any, result: Any, given: Mapping[str, Any]) -> list[Part]:
    """Give the numbers of a result; of a curve or a matrix none.

    An array holds one number a class or output where the function has a parameter that leaves them apart (`average`,
    `multioutput`), and is a curve where it has none.

    Args:
        function: the metric function.
        result: what it gave.
        given: its arguments by name.
    """
    if is_number(result):
        return [Part("", {}, float(result))]
    if type(result) is dict:
        return list(_of_report(result))
    single = not isinstance(result, tuple)
    values = (result,) if single else result
    count = next((len(each) for each in values if _is_row(each)), 0)
    apart = _apart(function, count, given) if count else []
    names = [""] if single else _result_names(function, len(values))
    return [
        Part(name, of, value)
        for name, each in zip(names, values, strict=True)
        for of, value in ([({}, float(each))] if is_number(each) else _numbers(each, apart))
    ]


def _is_row(value: Any) -> bool:
    return type(value) is np.ndarray and value.ndim == 1 and value.dtype.kind in "biuf"


def _numbers(value: Any, apart: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], float]]:
    return list(zip(apart, map(float, value.tolist()), strict=True)) if _is_row(value) and apart else []


def _of_report(report: Mapping[Any, Any]) -> Iterator[Part]:
    """Give the numbers of a classification report: a dict of them for each class and average, and the accuracy."""
    for name, row in report.items():
        if is_number(row):
            yield Part(str(name), {}, float(row))
        elif type(row) is dict:
            average = str(name).removesuffix(" avg")
            of = {"class": name} if average == str(name) else {"average": average}
            yield from (Part(str(metric), of, float(value)) for metric, value in row.items() if is_number(value))


# ---- which class or output


def _apart(function: Any, count: int, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say which class or output each number of an array is of; nothing where the array is a curve."""
    names = parameters(function)
    if "multioutput" in names:
        return [{"output": number} for number in range(count)]
    if "average" not in names:
        return []
    labels = _labels(given, "y_pred" in names)
    return [{"class": label} for label in labels] if len(labels) == count else [{"column": n} for n in range(count)]


def _labels(given: Mapping[str, Any], predicts_labels: bool) -> list[Any]:
    """Give the classes in their order: as they were asked for, else all that there are, sorted; none if in doubt."""
    asked = given.get("labels")
    if asked is not None:
        return list(_column(asked).tolist())
    columns = [_column(given.get(name)) for name in (("y_true", "y_pred") if predicts_labels else ("y_true",))]
    distinct = ((np.unique(each) if each.dtype.kind in "biuf" else each).tolist() for each in columns)
    found = set().union(*distinct)
    return sorted(found) if len({isinstance(label, str) for label in found}) == 1 else []


def _column(values: Any) -> np.ndarray[Any, Any]:
    """Give a column of numbers or texts as an array; an empty one where it is something else, or would run its code."""
    if type(values) in (list, tuple) and not _are_plain(values):
        return np.empty(0)
    if type(values).__module__.partition(".")[0] not in _CONTAINERS:
        return np.empty(0)
    column = np.asarray(values)
    return column if column.ndim == 1 and (column.dtype.kind != "O" or _are_plain(column.tolist())) else np.empty(0)


def _are_plain(values: Any) -> bool:
    return all(kind.__module__ in ("builtins", "numpy") for kind in set(map(type, values)))


# ---- what the numbers of a tuple are called


def _result_names(function: Any, count: int) -> list[str]:
    """Name what a function returns as its documentation does; by number where that does not say."""
    documented = inspect.cleandoc(innermost(function).__doc__ or "").partition("\nReturns\n-------\n")[2]
    following = re.search(_NEXT_SECTION, documented)
    section = documented[: following.start()] if following else documented
    names = [name for entry in re.findall(_ENTRY, section) for name in entry.split(", ")]
    return names if len(names) == count else [str(number) for number in range(count)]

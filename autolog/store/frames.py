"""Tables of runs, for pandas and polars: one row a run, with MLflow's column names.

A column has a type where all its values share one: whole numbers, numbers, booleans, text. What is missing (no such
param, or None) is a gap and has no say in the type. A column of mixed values keeps them as they are in pandas, and is
JSON text in polars, whose columns have one type each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from autolog.exceptions import UsageError
from autolog.store.comparing import compact_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import ModuleType

    import pandas
    import polars

    from autolog.store.expressions import Searchable

__all__ = ["arrow_text", "to_pandas", "to_polars"]

_TEXTS = ("run_id", "run_name", "experiment", "parent_run_id", "status")
_TIMES = ("start_time", "end_time")
_GROUPS = ("metrics", "params", "tags")

_Type: TypeAlias = Literal["integer", "number", "boolean", "text", "time", "mixed"]
_Values: TypeAlias = "Sequence[Any]"


def to_pandas(runs: Iterable[Searchable]) -> pandas.DataFrame:
    """Give a pandas table of runs, in their order; times are timestamps in UTC.

    Raises:
        UsageError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise _missing("pandas") from error
    columns = {name: _pandas_column(pandas, kind, values) for name, kind, values in _columns(list(runs))}
    return pandas.DataFrame(columns)


def to_polars(runs: Iterable[Searchable]) -> polars.DataFrame:
    """Give a polars table of runs, in their order; times are timestamps in UTC, mixed columns JSON text.

    Raises:
        UsageError: polars is not installed.
    """
    try:
        import polars
    except ImportError as error:
        raise _missing("polars") from error
    return polars.DataFrame([_polars_column(polars, *column) for column in _columns(list(runs))])


def _missing(module: str) -> UsageError:
    install = f'pip install "autolog-ml[{module}]"'
    return UsageError(f'{module} cannot be imported: install it ({install}), or ask for output_format="list"')


# ---- columns


def _columns(runs: Sequence[Searchable]) -> Iterator[tuple[str, _Type, _Values]]:
    """Give name, type and values of each column, None for a gap."""
    for name in _TEXTS:
        yield name, "text", [getattr(run, name) for run in runs]
    for name in _TIMES:
        yield name, "time", [getattr(run, name) for run in runs]
    for group in _GROUPS:
        rows = [getattr(run, group) for run in runs]
        for key in sorted({key for row in rows for key in row}):
            values = [row.get(key) for row in rows]
            yield arrow_text(f"{group}.{key}"), _type(values), values


def _type(values: _Values) -> _Type:
    """Find the type that all share; whole numbers among others are numbers, where a float can hold them."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "boolean"
    if kinds == {str}:
        return "text"
    if kinds == {int}:
        return "integer" if _fit(values, 2**63 - 1) else "mixed"
    return "number" if kinds and kinds <= {int, float} and _fit(values, 2**53) else "mixed"


def arrow_text(text: str) -> str:
    """Escape half surrogate pairs, which Arrow, and so either library, cannot hold."""
    return text.encode(errors="backslashreplace").decode()


def _fit(values: _Values, limit: int) -> bool:
    return all(-limit <= value <= limit for value in values if type(value) is int)


# ---- pandas


def _pandas_column(pandas: ModuleType, kind: _Type, values: _Values) -> pandas.Series[Any]:
    return pandas.Series(values, dtype=_pandas_dtype(kind, values))  # type: ignore[no-any-return]


def _pandas_dtype(kind: _Type, values: _Values) -> str | None:
    """Name the dtype; text is left to pandas, whose type for it differs between versions, but for text it refuses."""
    if kind == "integer":
        return "Int64" if None in values else "int64"
    if kind == "text":
        return None if all(arrow_text(value) == value for value in values if value) else "object"
    return {"number": "float64", "boolean": "boolean", "time": "datetime64[ns, UTC]"}.get(kind, "object")


# ---- polars


def _polars_column(polars: ModuleType, name: str, kind: _Type, values: _Values) -> polars.Series:
    if kind == "mixed":
        values = [None if value is None else compact_json(value) for value in values]
    if kind in ("mixed", "text"):
        values = [value and arrow_text(value) for value in values]
    if kind == "number":
        values = [None if value is None else float(value) for value in values]
    return polars.Series(name, values, dtype=_polars_dtype(polars, kind))  # type: ignore[no-any-return]


def _polars_dtype(polars: ModuleType, kind: _Type) -> Any:
    if kind == "time":
        return polars.Datetime("us", "UTC")
    return {"integer": polars.Int64, "number": polars.Float64, "boolean": polars.Boolean}.get(kind, polars.String)

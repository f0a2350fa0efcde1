"""Tables as files: what `log_table` writes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from autolog.exceptions import UsageError
from autolog.values import encode

__all__ = ["table_bytes"]


def table_bytes(data: Any, suffix: str) -> bytes:
    """Give a table as the bytes of a file.

    Args:
        data: a pandas or polars DataFrame, or a mapping of columns of one length.
        suffix: ".json" (columns and rows, as MLflow writes them), ".csv" or ".parquet".

    Raises:
        UsageError: it is no table, or of a format that its library cannot write.
    """
    if suffix == ".json":
        columns, rows = _parts(data)
        return json.dumps({"columns": columns, "data": rows}).encode("ascii")
    name = {".csv": ("to_csv", "write_csv"), ".parquet": ("to_parquet", "write_parquet")}.get(suffix)
    if name is None:
        raise UsageError(f"a table's file ends in .json, .csv or .parquet, not in {suffix!r}")
    stream = io.BytesIO()
    try:
        if hasattr(data, name[0]):
            getattr(data, name[0])(stream, index=False)
        else:
            getattr(data, name[1])(stream)
    except AttributeError:
        what = type(data).__name__
        raise UsageError(f"only a pandas or polars DataFrame can be written as {suffix}, not a {what}") from None
    except ImportError as error:
        raise UsageError(f"no library to write {suffix} is installed: {error}") from None
    return stream.getvalue()


def _parts(data: Any) -> tuple[list[Any], list[list[Any]]]:
    """Give the column names and the rows, as JSON."""
    rows: Iterable[Any]
    if isinstance(data, Mapping):
        columns, rows = list(data), _rows(data)
    elif hasattr(data, "itertuples"):
        columns, rows = list(data.columns), data.itertuples(index=False, name=None)
    elif hasattr(data, "iter_rows"):
        columns, rows = list(data.columns), data.iter_rows()
    elif hasattr(data, "tolist") or type(data) is list:
        rows = [row if isinstance(row, (list, tuple)) else [row] for row in _listed(data)]
        columns = list(range(max(map(len, rows), default=0)))
    else:
        raise UsageError(f"a table is a DataFrame, an array or a mapping of columns, not a {type(data).__name__}")
    return encode(columns), [[encode(cell) for cell in row] for row in rows]


def _listed(data: Any) -> list[Any]:
    """Give an array's rows; one without any is a single row."""
    rows = data if type(data) is list else data.tolist()
    return rows if isinstance(rows, list) else [rows]


def _rows(columns: Mapping[Any, Any]) -> list[tuple[Any, ...]]:
    try:
        return list(zip(*columns.values(), strict=True))
    except (TypeError, ValueError) as error:
        raise UsageError(f"the columns of a table are sequences of one length: {error}") from None

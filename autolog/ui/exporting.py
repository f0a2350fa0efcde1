"""Lists of runs as comma-separated values, for spreadsheets: nothing in them is taken for a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from autolog.exceptions import UsageError
from autolog.ui.typed import JSON, typed

if TYPE_CHECKING:
    from autolog.store.run import Run
    from autolog.ui.listing import Columns

__all__ = ["lines"]

_FIRST: Final = ("run_id", "run_name", "experiment", "parent_run_id", "status", "start_time", "end_time", "duration")
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
_GROUPS: Final = ("params", "metrics", "tags")


def all_names(columns: Columns) -> list[str]:
    """Give the names of all columns, as a filter has them."""
    groups = {group: sorted(str(column["name"]) for column in getattr(columns, group)) for group in _GROUPS}
    return [*_FIRST, *(f"{group}.{name}" for group, names in groups.items() for name in names)]


def lines(runs: Iterable[Run], names: Sequence[str]) -> Iterator[str]:
    """Give the header and a line for each run.

    Args:
        runs: the runs.
        names: of the columns, such as `status` and `metrics.auc`.

    Raises:
        UsageError: there can be no such column.
    """
    readers = [_reader(name) for name in names]
    return map(_line, chain([names], ([read(run) for read in readers] for run in runs)))


def _reader(name: str) -> Callable[[Run], Any]:
    """Give what reads a column's value of a run."""
    group, _, key = name.partition(".")
    if group in _GROUPS:
        return lambda run: getattr(run, group).get(key)
    if name not in _FIRST:
        raise UsageError(f"no column {name!r}: give params.x, metrics.x, tags.x or one of {', '.join(_FIRST)}")
    return lambda run: _moment(getattr(run, name))


def _moment(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _line(values: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([_cell(value) for value in values])
    return line.getvalue().encode(errors="backslashreplace").decode()


def _cell(value: Any) -> Any:
    """Give a value as a cell; a text that a spreadsheet would calculate has an apostrophe before it."""
    said: JSON = typed(value)
    text = json.dumps(said, ensure_ascii=False) if isinstance(said, (dict, list)) else said
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULAS) else text

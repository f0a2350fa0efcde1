"""Tables of runs: the columns, their types, and what stands in the gaps."""

from __future__ import annotations

import datetime
import math
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas
import polars
import pytest

from autolog.exceptions import UsageError
from autolog.store.frames import to_pandas, to_polars

if TYPE_CHECKING:
    from collections.abc import Mapping

START = datetime.datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=datetime.timezone.utc)
ATTRIBUTES = ["run_id", "run_name", "experiment", "parent_run_id", "status", "start_time", "end_time"]


@dataclass(frozen=True)
class Run:
    """A run as a table sees it."""

    run_id: str = "a"
    run_name: str | None = "SVC"
    experiment: str | None = "fraud"
    parent_run_id: str | None = None
    status: str | None = "FINISHED"
    start_time: datetime.datetime | None = START
    end_time: datetime.datetime | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, Any] = field(default_factory=dict)


def params(*values: Any) -> list[Run]:
    """Give a run for each value of the param `p`; `...` stands for a run without it."""
    return [Run(params={} if value is ... else {"p": value}) for value in values]


@pytest.mark.parametrize("table", [to_pandas, to_polars])
def test_columns_are_the_attributes_then_metrics_params_and_tags_by_name(table):
    """The names are MLflow's, sorted within each group, whichever run has them."""
    runs = [Run(metrics={"b": 1.0}, tags={"t": "x"}), Run(metrics={"a": 1.0}, params={"d": 1, "c": 2})]
    assert list(table(runs).columns) == [*ATTRIBUTES, "metrics.a", "metrics.b", "params.c", "params.d", "tags.t"]


@pytest.mark.parametrize("table", [to_pandas, to_polars])
def test_no_runs_give_an_empty_table_with_the_attributes(table):
    """So that code which filters the table works before the first run."""
    assert (list(table([]).columns), len(table(iter([])))) == (ATTRIBUTES, 0)
    assert to_pandas([]).start_time.dt.tz is not None
    assert to_polars([]).schema["start_time"] == polars.Datetime("us", "UTC")


@pytest.mark.parametrize("table", [to_pandas, to_polars])
def test_rows_keep_the_order_of_the_runs(table):
    """Sorting is the order's, not the table's."""
    assert list(table([Run("b"), Run("a"), Run("c")])["run_id"]) == ["b", "a", "c"]


@pytest.mark.parametrize("table", [to_pandas, to_polars])
def test_times_are_timestamps_in_utc(table):
    """To the microsecond, from whatever zone; a run that has not ended has a gap."""
    east = START.astimezone(datetime.timezone(datetime.timedelta(hours=2)))
    rows = table([Run(start_time=east, end_time=START), Run()])
    assert rows["start_time"][0] == rows["end_time"][0] == START
    assert "UTC" in str(rows["end_time"].dtype)
    assert rows["start_time"][0].utcoffset() == datetime.timedelta(0)
    assert pandas.isna(rows["end_time"][1])


@pytest.mark.parametrize(
    ("values", "pandas_dtype", "polars_dtype"),
    [
        ([1, 2], "int64", polars.Int64),
        ([1, ...], "Int64", polars.Int64),
        ([1, None], "Int64", polars.Int64),
        ([0.5, ...], "float64", polars.Float64),
        ([0.5, 1], "float64", polars.Float64),
        ([True, ...], "boolean", polars.Boolean),
        ([True, False], "boolean", polars.Boolean),
        (["rbf", "linear"], pandas.Series(["rbf", "linear"]).dtype, polars.String),
        ([1, "x"], "object", polars.String),
        ([1, True], "object", polars.String),
        ([[1], [2]], "object", polars.String),
        ([2**63, 1], "object", polars.String),
        ([2**53 + 1, 0.5], "object", polars.String),
        ([None, ...], "object", polars.String),
    ],
)
def test_a_column_has_the_type_that_its_values_share(values, pandas_dtype, polars_dtype):
    """Gaps have no say; numbers that a float cannot hold exactly stay what they are."""
    assert to_pandas(params(*values))["params.p"].dtype == pandas_dtype
    assert to_polars(params(*values))["params.p"].dtype == polars_dtype


def test_pandas_keeps_mixed_values_as_they_are():
    """The very objects, with None in the gaps."""
    values = [1, "x", [1, 2], {"k": 1}, True, 2**70]
    assert list(to_pandas(params(*values, ...))["params.p"]) == [*values, None]


def test_polars_has_mixed_values_as_json_text():
    """Each as compact JSON, so that the text '1' and the number 1 differ; gaps are null."""
    column = to_polars(params(1, "1", [1, {"k": None}], True, (1.5, math.nan), ...))["params.p"]
    assert column.to_list() == ["1", '"1"', '[1,{"k":null}]', "true", "[1.5,NaN]", None]


def test_values_come_through_unchanged():
    """Whole numbers beyond a float's reach, NaN and infinity are what was logged."""
    column = to_pandas(params(2**62 + 1, ...))["params.p"]
    assert (column[0], column[1] is pandas.NA) == (2**62 + 1, True)
    assert to_polars(params(2**62 + 1, ...))["params.p"].to_list() == [2**62 + 1, None]
    assert to_polars(params(math.inf, 1, ...))["params.p"].to_list() == [math.inf, 1.0, None]
    assert math.isnan(to_polars(params(math.nan))["params.p"][0])


def test_text_that_is_no_unicode_breaks_no_table():
    """Half a surrogate pair, as in a broken file name, stays in pandas and is escaped in polars and in names."""
    runs = [*params("\ud800", ..., "é"), Run(tags={"\ud800": "x"})]
    assert list(to_pandas(runs)["params.p"]) == ["\ud800", None, "é", None]
    assert to_polars(runs)["params.p"].to_list() == ["\\ud800", None, "é", None]
    assert list(to_pandas(runs).columns)[-1] == to_polars(runs).columns[-1] == "tags.\\ud800"


def test_hundreds_of_columns_raise_no_warning():
    """The table is built in one go (pandas warns of one that is built column by column)."""
    run = Run(params={f"p{i}": i for i in range(300)}, metrics={f"m{i}": 0.5 for i in range(300)})
    assert to_pandas([run]).shape == (1, 607)


@pytest.mark.parametrize(("table", "library"), [(to_pandas, "pandas"), (to_polars, "polars")])
def test_without_the_library_the_error_names_the_extra_and_the_list(table, library, monkeypatch):
    """A None in sys.modules is how Python itself marks what cannot be imported."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=rf'autolog-ml\[{library}\].*output_format="list"'):
        table([Run()])

"""A run and a list of runs as a notebook shows them: tables and curves, and nothing that runs."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import autolog
from autolog.drawing.vectors import curve
from autolog.testing.recorded import only_run

HOSTILE = "<script>alert(1)</script>\u202e\udc80\"'&"
TAGS = {"div", "p", "b", "code", "table", "thead", "tbody", "tr", "th", "td", "svg", "path"}
pytestmark = pytest.mark.usefixtures("recording")


class Page(HTMLParser):
    """The tags, attributes and text of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_run_shows_its_params_and_its_metrics_as_curves() -> None:
    """A metric of several points has a curve, one of a single point only its value."""
    with autolog.start_run(run_name="shown"):
        autolog.log_param("C", 0.25)
        autolog.log_metric("once", 7.0)
        for step in range(500):
            autolog.log_metric("loss", 1 / (step + 1), step=step)
    page = Page(only_run()._repr_html_())
    assert {"shown", "C", "0.25", "once", "7", "loss", "0.002"} <= set(page.text)
    assert only_run()._repr_html_().count("<svg") == 1


def test_a_failed_run_shows_its_error() -> None:
    """The type and the message stand under the name."""
    with pytest.raises(ValueError, match="boom"), autolog.start_run(run_name="broken"):
        raise ValueError("boom")
    assert "ValueError: boom" in Page(only_run()._repr_html_()).text


def test_a_list_shows_a_line_for_each_run_and_says_how_many_more() -> None:
    """What differs between the runs has a column; a list that is long is cut, and says so."""
    for number in range(23):
        with autolog.start_run(run_name=f"run {number}"):
            autolog.log_params({"C": number, "same": 1})
            autolog.log_metric("auc", number / 100)
            autolog.log_metric("auc", number / 50, step=1)
    runs = autolog.search_runs(order_by=["params.C"], output_format="list")
    assert isinstance(runs, list)
    html = runs._repr_html_()  # type: ignore[attr-defined]
    text = Page(html).text
    assert html.count("<tr>") == 21
    assert html.count("<svg") == 20
    assert {"C", "auc", "run 19", "… 3 more runs"} <= set(text)
    assert "same" not in text
    assert "run 20" not in text


def test_an_empty_list_is_an_empty_page() -> None:
    """Nothing was found, and nothing fails."""
    assert Page(autolog.search_runs(output_format="list")._repr_html_()).text == []  # type: ignore[attr-defined]


def test_names_and_values_are_text() -> None:
    """Markup is escaped, and what would turn the text around or is half a character is shown as its escape."""
    with autolog.start_run(run_name=HOSTILE, experiment=HOSTILE):
        autolog.log_params({HOSTILE: HOSTILE, "list": [HOSTILE]})
        autolog.log_metric(HOSTILE, math.nan)
        autolog.log_metric(HOSTILE, math.inf, step=1)
    runs = autolog.search_runs(output_format="list")
    for html in (runs[0]._repr_html_(), runs._repr_html_()):  # type: ignore[attr-defined]
        page = Page(html)
        assert page.tags <= TAGS
        assert not any(name.startswith("on") or name in ("style", "href", "src") for name in page.attributes)
        assert any("<script>alert(1)</script>\\u202e" in text for text in page.text)
        html.encode()


def test_a_curve_keeps_peaks_and_gaps() -> None:
    """Of many values each place has the least and greatest; NaN lifts the pen."""
    peak = curve([0.0] * 5000 + [1.0] + [0.0] * 5000)
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", peak)]
    assert (min(heights), max(heights)) == (2.0, 20.0)
    assert curve([1.0, 2.0, math.nan, 3.0, 4.0]).count("M") == 2
    assert curve([1.0, 2.0, 3.0]).count("M") == 1
    assert "nan" not in curve([math.nan, -1.7e308, 1.7e308, math.inf])


def test_what_is_looked_for_lies_in_one_place(store: Path) -> None:
    """A list from `search_runs` is a list to everybody else: equal, sorted, sliced."""
    with autolog.start_run():
        pass
    runs = autolog.search_runs(store=store, output_format="list")
    assert runs == list(runs)
    assert [run.run_id for run in sorted(runs, key=lambda run: run.run_id)] == [runs[0].run_id]

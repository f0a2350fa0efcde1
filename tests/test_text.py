"""Values as text for a terminal."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolog.cli.sparkline import sparkline
from autolog.text import duration, number, short, size, visible


@given(st.text())
def test_visible_text_has_no_character_that_steers(text: str) -> None:
    """Whatever the text, what is shown stays on its line and can be encoded."""
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    shown.encode()
    assert not any(
        character in shown for character in "\x00\x07\x08\t\n\r\x1b\x7f\x85\x9b\u200e\u202e\u2066\u2028\ufeff"
    )


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_harmless_text_is_shown_as_it_is(text: str) -> None:
    """Letters of any script stay."""
    assert visible(text) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.0123, "12 ms"),
        (9.99, "10.0 s"),
        (61, "1 min 1 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (90_000, "25 h 0 min"),
        (180_000, "2 d 2 h"),
    ],
)
def test_a_duration_has_two_units(seconds: float | None, text: str) -> None:
    """Lengths of time are told as people do."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (1234567.0, "1,234,567"),
        (0.123456789, "0.12346"),
        (1e-9, "1e-09"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_a_number_is_short(value: float, text: str) -> None:
    """Five significant digits, whole numbers whole."""
    assert number(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (2_500_000, "2.5 MB"),
        (10**15, "1.0 PB"),
        (10**20, "100000.0 PB"),
    ],
)
def test_a_size_has_the_unit_that_fits(count: int, text: str) -> None:
    """Sizes are decimal."""
    assert size(count) == text


def test_short_text_ends_in_an_ellipsis_where_it_was_cut() -> None:
    """A cut is seen."""
    assert (short("abcdef", 6), short("abcdefg", 6)) == ("abcdef", "abcde…")


@given(st.lists(st.floats()), st.integers(0, 40))
def test_a_sparkline_takes_any_numbers(values: list[float], width: int) -> None:
    """As wide as asked or as there are values, and without an error for NaN, infinities and huge spans."""
    assert len(sparkline(values, width)) == min(width, len(values))


def test_a_sparkline_follows_its_series() -> None:
    """The least value is the lowest block, the greatest the highest, NaN a gap, and many values are averaged."""
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([1.0, math.nan, 0.0], 8) == "█ ▁"
    assert sparkline([5, 5, 5], 8) == "▁▁▁"
    assert sparkline([0, 0, 9, 9, 0, 0], 3) == "▁█▁"
    assert sparkline([-1.7e308, 1.7e308], 2) == "▁█"

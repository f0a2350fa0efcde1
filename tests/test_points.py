"""Columns of points: every integer of 64 bits and every float comes back bit for bit."""

from __future__ import annotations

import json
import struct
from array import array
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autolog.journal import points
from autolog.journal.points import Columns

int64 = st.integers(-(1 << 63), (1 << 63) - 1)
floats = st.integers(0, (1 << 64) - 1).map(lambda bits: struct.unpack("<d", bits.to_bytes(8, "little"))[0])
regular = st.builds(
    lambda start, by, n: [start + by * index for index in range(n)],
    st.integers(-100, 100),
    st.integers(-5, 5),
    st.integers(0, 40),
)


def integers(count: int) -> st.SearchStrategy[list[int]]:
    """Give a column of so many integers: anything, or close to each other, as steps and times are."""
    return st.lists(int64, min_size=count, max_size=count) | st.lists(
        st.integers(0, 70_000), min_size=count, max_size=count
    )


columns = st.integers(0, 20).flatmap(
    lambda count: st.builds(Columns, integers(count), st.lists(floats, min_size=count, max_size=count), integers(count))
)


@given(columns)
@example(Columns([-(1 << 63), (1 << 63) - 1], [0.0, -0.0], [(1 << 63) - 1, -(1 << 63)]))
@example(Columns([5, 4, 3], [1.0, 2.0, 3.0], [10, 10, 9]))
def test_points_survive_encoding(written: Columns) -> None:
    """Steps and times of the whole range, also backwards, and values with their NaN payloads come back exactly."""
    read = points.decode(json.loads(json.dumps(points.encode(written))))
    assert [list(read.steps), list(read.times)] == [list(written.steps), list(written.times)]
    assert array("d", read.values).tobytes() == array("d", written.values).tobytes()


@given(regular)
def test_regular_steps_take_no_room(steps: list[int]) -> None:
    """Steps at one distance are two numbers, however many they are."""
    encoded = points.encode(Columns(steps, [0.0] * len(steps), steps))
    assert set(encoded["step"]) == {"start", "by"}
    assert list(points.decode(encoded).steps) == steps


GOOD = points.encode(Columns([1, 2, 4], [1.0, 2.0, 3.0], [7, 8, 9]))


@pytest.mark.parametrize(
    "change",
    [
        {"n": 1 << 60},
        {"n": "3"},
        {"value": "###"},
        {"value": 5},
        {"value": "AAAA"},
        {"step": None},
        {"step": {"start": "x", "by": 0}},
        {"step": {"start": 1.5, "by": 1}},
        {"step": {"start": 1, "by": 1 << 62}},
        {"step": {"start": 10**400, "by": 0}},
        {"step": {"start": 0, "width": 3, "deltas": ""}},
        {"step": {"start": 0, "width": [], "deltas": ""}},
        {"step": {"start": (1 << 63) - 1, "width": 1, "deltas": "AQE="}},
        {"step": {"start": 0, "width": 1, "deltas": "AQEBAQEB"}},
        {"time": {"all": "AAAAAAAAAAA="}},
    ],
    ids=str,
)
def test_columns_that_are_not_what_they_say_are_refused(change: dict[str, Any]) -> None:
    """A hostile batch raises one of a few errors, at no more cost than its own size."""
    with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
        points.decode({**GOOD, **change})

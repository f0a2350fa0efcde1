"""Typed values and the line format: whatever goes in comes out again, and damage is seen."""

from __future__ import annotations

import json
import math
import struct
import sys
import zlib
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autolog.journal.events import Event, decode_lines, encode_line
from autolog.values import encode, revive

text = st.text(st.characters())  # lone surrogates included
odd_keys = st.sampled_from(["$float", "$dict", "$object", "$file", "$", ""]) | text
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(1 << 5000), max_value=1 << 5000)
    | st.floats()
    | st.complex_numbers()
    | text
    | st.binary()
    | st.dates()
    | st.datetimes()
)
hashable = st.recursive(
    st.integers() | text | st.binary() | st.booleans() | st.none(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=6,
)
values = st.recursive(
    scalars | st.sets(hashable, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(odd_keys, inner, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4)
    ),
    max_leaves=12,
)
hexadecimal = st.text("0123456789abcdef", min_size=1, max_size=64)
int64 = st.integers(-(1 << 63), (1 << 63) - 1)
events = st.builds(
    Event,
    run=hexadecimal,
    kind=text,
    time=int64,
    writer=hexadecimal,
    seq=st.integers(0, (1 << 63) - 1),
    data=st.dictionaries(text, values.map(encode), max_size=4),
)


def same(one: Any, other: Any) -> bool:
    """Compare values with their types, NaN with NaN, and -0.0 apart from 0.0; a set reads back as one of its kinds."""
    if isinstance(one, (set, frozenset)):
        return isinstance(other, (set, frozenset)) and one == other
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or struct.pack("d", one) == struct.pack("d", other)
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return len(one) == len(other) and all(map(same, one.items(), other.items()))
    return one == other


@given(values)
@example({"$float": "nan", "a": -0.0})
@example({frozenset([1, (2, frozenset("ab"))]): {frozenset()}})
@example([10**5000, -(1 << 64), math.nan, math.inf, "\ud800", b"\xff", (1, (2,)), {"$dict": [["a", 1]]}])
def test_a_typed_value_survives_the_journal(value: Any) -> None:
    """Any value with a JSON form comes back equal and of its type, through text that is plain ASCII JSON."""
    line = json.dumps(encode(value), allow_nan=False)
    assert line.isascii()
    assert same(revive(json.loads(line)), value)


def test_a_long_integer_needs_no_decimal_digits() -> None:
    """The program's own limit on decimal digits, however low, neither fails a param nor cuts it."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        assert revive(json.loads(json.dumps(encode(7**3000)))) == 7**3000
    finally:
        sys.set_int_max_str_digits(before)


@given(st.lists(events, max_size=5))
def test_events_survive_the_line_format(written: list[Event]) -> None:
    """Lines decode to the events they were made of, in their order, and none counts as damaged."""
    assert decode_lines(b"".join(map(encode_line, written))) == (written, 0)


plain = [Event("ab", "params", 5 + number, "cd", number, {"params": {"x": number}}) for number in range(3)]
journal = b"".join(map(encode_line, plain))


@given(st.integers(0, len(journal) - 1), st.integers(1, 255))
@example(len(encode_line(plain[0])) - 1, ord("\n") ^ ord("{"))
@settings(max_examples=500)
def test_a_flipped_byte_costs_at_most_the_event_it_lies_in(position: int, flip: int) -> None:
    """With any one byte changed the other events are read; the damage is counted."""
    damaged = bytearray(journal)
    damaged[position] ^= flip
    found, count = decode_lines(bytes(damaged))
    hit = next(number for number in range(3) if position < sum(len(encode_line(e)) for e in plain[: number + 1]))
    assert [event for event in found if event.seq != hit] == [event for event in plain if event.seq != hit]
    assert all(event in plain for event in found)
    assert 1 <= count <= 2


@given(st.integers(0, len(journal)))
def test_a_truncated_journal_gives_its_whole_lines(length: int) -> None:
    """Cut anywhere, a journal gives every event whose line end is still there."""
    whole = journal[: journal[:length].rfind(b"\n") + 1]
    assert decode_lines(whole) == (plain[: whole.count(b"\n")], 0)


def sealed(body: str) -> bytes:
    """Give a line with a right checksum around any JSON object's text."""
    data = body[:-1].encode()
    return data + b',"crc":"%08x"}\n' % zlib.crc32(data)


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"run":"ab","kind":"params","time":1,"writer":"cd","seq":1,"data":[]}',
        '{"run":"ab","kind":"params","time":1.5,"writer":"cd","seq":1,"data":{}}',
        '{"run":"ab","kind":"params","time":true,"writer":"cd","seq":1,"data":{}}',
        '{"run":"../x","kind":"params","time":1,"writer":"cd","seq":1,"data":{}}',
        '{"run":["ab"],"kind":"params","time":1,"writer":"cd","seq":1,"data":{}}',
        '{"run":"ab","kind":5,"time":1,"writer":"cd","seq":1,"data":{}}',
        '{"run":"ab","kind":"params","time":1,"writer":"cd","seq":-1,"data":{}}',
        '{"run":"ab","kind":"params","time":1' + "0" * 30 + ',"writer":"cd","seq":1,"data":{}}',
        '{"run":"ab","kind":"params","time":1' + "0" * 9999 + ',"writer":"cd","seq":1,"data":{}}',
        '{"run":"ab","kind":"params","time":1,"writer":"cd","seq":1,"data":' + "[" * 200_000 + "]" * 200_000 + "}",
    ],
    ids=lambda body: body[:70],
)
def test_a_line_that_checks_and_is_no_event_counts_as_damaged(body: str) -> None:
    """A right checksum over the wrong types, sizes or depth is damage like any other, never an error."""
    assert decode_lines(sealed(body) + journal) == (plain, 1)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_decoded(data: bytes) -> None:
    """Bytes that never were a journal give no events and no error, before a sound line too."""
    found, _ = decode_lines(data + b"\n" + journal)
    assert found == plain

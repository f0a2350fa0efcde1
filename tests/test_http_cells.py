"""Names, values and places that an MLflow server takes: what holds for all of them."""

from __future__ import annotations

import itertools
import json
import math
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autolog.journal.events import Event
from autolog.journal.points import Columns, encode
from autolog.values import encode as encode_value
from autolog_http import names, signatures, typed
from autolog_http.cells import Cells, Key, Point, points_of

texts = st.text(st.characters(codec=None), max_size=300)  # lone surrogates, too


# ---- names and values


@given(st.lists(texts, unique=True, max_size=20))
def test_no_two_names_become_one(given_names: list[str]) -> None:
    """Whatever the names, and the names that these become, MLflow takes them all, and apart."""
    both = {*given_names, *map(names.key, given_names)}
    renamed = [names.key(name) for name in both]
    assert len(set(renamed)) == len(both)
    for name in renamed:
        assert re.fullmatch(r"[/\w.\- :]{1,250}", name)
        assert posixpath.normpath(name) == name != "."
        assert not name.startswith(("..", "/"))


def test_a_name_that_mlflow_takes_is_kept() -> None:
    """Nothing is renamed without need."""
    for name in ("loss", "train/auc 1", "größe", "a.b-c:d", "x" * 250):
        assert names.key(name) == name


@given(texts, st.integers(1, 400))
def test_a_text_fits(text: str, limit: int) -> None:
    """A value has no more characters than are taken, and only those that every database holds."""
    cut = names.cut(text, limit)
    assert len(cut) <= limit
    assert "\0" not in cut
    cut.encode()
    assert len(text) > limit or len(cut) == len(text)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=10), values, max_size=5))
def test_texts_and_the_tag_give_all_values_back(params: dict[str, Any]) -> None:
    """What the texts do not say, the tag of typed values says."""
    sent = {name: str(value) for name, value in params.items()}
    tag = typed.written(typed.untold(params, sent), 8000)
    told = {} if tag is None else json.loads(tag)
    for name, value in params.items():
        assert told.get(name, encode_value(typed.obvious(sent[name]))) == encode_value(value)


@given(st.recursive(values, lambda inner: st.fixed_dictionaries({"inputs": inner, "outputs": inner})))
def test_a_signature_of_anything_is_a_signature_or_none(told: Any) -> None:
    """Whatever stands in a journal, what is made of it is what MLflow reads."""
    found = signatures.signature(told if isinstance(told, dict) else {"inputs": told})
    if found is not None:
        assert all(each["type"] for each in json.loads(found["inputs"]))


# ---- places of points

LARGEST = 1.7976931348623157e308  # what a database keeps infinity as
values_alike = st.sampled_from([0.0, -0.0, 1.0, float("inf"), LARGEST, float("nan")])
points = st.lists(st.builds(Point, st.integers(0, 2), st.integers(0, 3), values_alike), max_size=12)
KEY: Key = ("ab" * 16, "loss")


def event(found: Sequence[Point]) -> Event:
    columns = Columns([p.step for p in found], [p.value for p in found], [p.time * 1000 for p in found])
    return Event(KEY[0], "points", 0, "cd", 0, {"series": {KEY[1]: encode(columns)}})


def stored(place: Point) -> tuple[int, int, str]:
    """What a database tells a point by."""
    kept = place.value if math.isnan(place.value) else max(-LARGEST, min(LARGEST, place.value)) + 0.0
    return place.step, place.time, str(kept)


def sent(batches: Sequence[Sequence[Point]], restarts: Sequence[bool] = ()) -> list[tuple[int, int, str]]:
    """Give the places that batches of points get, one after another, by who may forget everything in between."""
    cells, done, found = Cells(is_new=True), [], []
    for batch, restart in itertools.zip_longest(batches, restarts, fillvalue=False):
        if batch:
            cells = Cells(is_new=not done) if restart else cells
            placed = cells.place({KEY: list(batch)}, lambda: iter(list(done)))
            cells.place({KEY: list(batch)}, lambda: iter(list(done)))  # one that failed, and changes nothing
            cells.commit(placed)
            done.append(event(batch))
            found += map(stored, placed.points[KEY])
    return found


def cut(whole: Sequence[Point], at: Sequence[int]) -> Iterator[Sequence[Point]]:
    places = sorted({0, len(whole), *(each % (len(whole) + 1) for each in at)})
    return (whole[start:end] for start, end in itertools.pairwise(places))


@given(points, st.lists(st.integers(0, 12), max_size=4), st.lists(st.booleans(), max_size=5), st.randoms())
def test_places_depend_on_the_points_alone(
    whole: list[Point], at: list[int], restarts: list[bool], random: Any
) -> None:
    """In any order, in any batches, and forgetting in between, points take the same places, one each."""
    once = sent([whole])
    shuffled = random.sample(whole, len(whole))
    in_parts = sent(list(cut(shuffled, at)), restarts)
    assert len(set(once)) == len(once) == len(whole)
    assert sorted(in_parts) == sorted(once)


@given(points, st.data())
def test_a_part_takes_places_of_the_whole(whole: list[Point], data: st.DataObject) -> None:
    """What was sent before a crash lies where all of it will lie."""
    part = data.draw(st.lists(st.sampled_from(whole), unique_by=id)) if whole else []
    assert set(sent([part])) <= set(sent([whole]))


@given(points)
def test_a_point_moves_forward_only(whole: list[Point]) -> None:
    """A point keeps its step and its value, and is never before its own time."""
    cells = Cells(is_new=True)
    placed = cells.place({KEY: whole}, lambda: iter(())).points[KEY] if whole else []
    before, after = defaultdict(list), defaultdict(list)
    for group, found in ((before, whole), (after, placed)):
        for point in found:
            group[point.step, str(point.value)].append(point.time)
    assert before.keys() == after.keys()
    for each, times in before.items():
        assert all(old <= new for old, new in zip(sorted(times), sorted(after[each]), strict=True))


def test_memory_does_not_grow_with_a_series() -> None:
    """Of a series that goes forward, its last place is remembered and no more."""
    cells = Cells(is_new=True)
    for batch in range(50):
        found = [Point(batch * 100 + number, batch * 100 + number, 1.0) for number in range(100)]
        cells.commit(cells.place({KEY: found}, lambda: iter(())))
    (frontier,) = cells._frontiers.values()
    assert len(frontier.taken) == 1


@given(values)
def test_points_of_anything_are_points_or_none(data: Any) -> None:
    """Whatever an event of points holds, reading it raises nothing."""
    whole = data if isinstance(data, dict) else {}
    assert list(points_of(Event(KEY[0], "points", 0, "cd", 0, {"series": whole, **whole}))) is not None

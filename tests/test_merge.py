"""A run is the fold of its events: whatever order, files, repetitions and damage they come in."""

from __future__ import annotations

import itertools
import random
import tempfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autolog.exceptions import JournalError
from autolog.journal.events import Event, encode_line
from autolog.store.family import Family
from autolog.store.journals import JournalStore
from autolog.store.merge import MERGE, Fold, finished_run, fold
from autolog.store.run import Run
from autolog_files import LocalFiles
from random_facts import OTHER_HOST, batch, facts

RUN = "ab" * 16
CHILD = "cd" * 16

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


@st.composite
def journals(draw: st.DrawFn) -> list[Event]:
    """Draw the events of up to three writers, each numbered, its times never falling, and led by its header."""
    events = []
    for writer in ("1a", "2b", "3c")[: draw(st.integers(1, 3))]:
        time = draw(st.integers(1, 5))
        events.append(Event(RUN, "journal", time, writer, 0, OTHER_HOST))
        for seq, (kind, data) in enumerate(draw(st.lists(facts, max_size=7)), start=1):
            time += draw(st.integers(0, 2))
            events.append(Event(RUN, kind, time, writer, seq, data))
    return events


def read(facts: Fold, unreadable: int) -> Run:
    """Give the run that a fold amounts to, its writer being gone."""
    return finished_run(facts, Family(RUN, {RUN: facts.standing}, lambda writer: True).status(RUN), unreadable)


def shown(run: Run) -> str:
    """Give all that a run says, NaN as text, so that equal runs are equal texts."""
    fields = {name: value for name, value in vars(run).items() if not name.startswith("_")}
    return repr((fields, {key: run.history(key) for key in sorted(run.metrics)}))


def folded(events: list[Event]) -> str:
    """Give what the events amount to, as a text."""
    return shown(read(fold(RUN, events), 0))


def laid_out(folder: Path, files: list[bytes]) -> JournalStore:
    """Give a store of one tree with these files."""
    tree = Path(tempfile.mkdtemp(dir=folder)) / RUN
    tree.mkdir()
    for number, data in enumerate(files):
        (tree / f"{number:x}.jsonl").write_bytes(data)
    return JournalStore(str(tree.parent), LocalFiles(tree.parent))


def test_the_merge_table_is_tried_whole() -> None:
    """Every kind that the table knows is among the events that these tests draw."""
    kinds: set[str] = set()

    @settings(max_examples=300, database=None, derandomize=True)
    @given(facts)
    def draw(fact: tuple[str, Any]) -> None:
        kinds.add(fact[0])

    draw()
    assert kinds >= set(MERGE)


@given(journals(), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(events: list[Event], chance: random.Random) -> None:
    """Events shuffled between and within writers, and read several times, give the same run."""
    read = events + [chance.choice(events) for _ in range(10)]
    chance.shuffle(read)
    assert folded(read) == folded(events)


@same_folder
@given(journals(), st.integers(1, 5), st.randoms(use_true_random=False))
def test_the_files_do_not_matter(tmp_path: Path, events: list[Event], count: int, chance: random.Random) -> None:
    """Events spread over any number of files, some of them twice, give the same run."""
    files = [b""] * count
    for event in events + [chance.choice(events) for _ in range(3)]:
        files[chance.randrange(count)] += encode_line(event)
    whole, spread = (laid_out(tmp_path, each) for each in ([b"".join(map(encode_line, events))], files))
    assert list(map(shown, spread.runs())) == list(map(shown, whole.runs()))
    assert list(map(shown, spread.runs(deleted=True))) == list(map(shown, whole.runs(deleted=True)))


@same_folder
@given(journals(), st.data())
def test_a_flipped_byte_costs_what_it_hit_and_is_counted(
    tmp_path: Path, events: list[Event], data: st.DataObject
) -> None:
    """With one byte changed the run is that of the other events, and says that pieces could not be read."""
    lines = list(map(encode_line, events))
    ends = list(itertools.accumulate(map(len, lines)))
    position = data.draw(st.integers(0, ends[-1] - 1))
    damaged = bytearray(b"".join(lines))
    damaged[position] ^= data.draw(st.integers(1, 255))
    hit = next(number for number, end in enumerate(ends) if position < end)
    rest = events[:hit] + events[hit + 1 :]
    expected = {encode_or_none(rest, count) for count in (1, 2)} | {encode_or_none(events, count) for count in (1, 2)}
    store = laid_out(tmp_path, [bytes(damaged)])
    found = [*store.runs(), *store.runs(deleted=True)]
    assert (shown(found[0]) if found else None) in expected


def encode_or_none(events: list[Event], unreadable: int) -> str | None:
    """Give the text of the run that these events and so many damaged pieces amount to, None where there is none."""
    facts = fold(RUN, events)
    if all(event.kind == "journal" for event in events):
        return None
    return shown(read(facts, unreadable))


@same_folder
@given(journals(), st.data())
def test_a_truncated_journal_gives_what_came_before(tmp_path: Path, events: list[Event], data: st.DataObject) -> None:
    """Cut anywhere, a dead writer's journal gives its whole lines, and a torn end counts once."""
    lines = list(map(encode_line, [event for event in events if event.writer == "1a"]))
    length = data.draw(st.integers(0, sum(map(len, lines))))
    kept = b"".join(lines)[:length]
    whole = [event for event, end in zip(events, itertools.accumulate(map(len, lines)), strict=False) if end <= length]
    store = laid_out(tmp_path, [kept])
    found = [*store.runs(), *store.runs(deleted=True)]
    assert (shown(found[0]) if found else None) == encode_or_none(whole, int(length > 0 and not kept.endswith(b"\n")))


DEEP = "[" * 400 + "]" * 400


@pytest.mark.parametrize(
    "kind, data",
    [
        (kind, data)
        for kind in MERGE
        for data in (
            "{}",
            '{"$float":"nan"}',
            '{"$dict":[[1,2]]}',
            '{"$complex":[1,2,3]}',
            '{"$file":5,"size":Infinity}',
            '{"params":5,"series":5,"tags":5,"name":[],"path":[],"text":[],"deleted":[],"session":[],"status":[],"error":5}',
            '{"params":{"a":{"$bytes":"#"}},"series":{"a":5},"tags":[[]],"removed":[[]],"name":{},"text":{},"parent":[]}',
            '{"params":{"a":%s},"series":{"a":%s},"tags":{"a":%s},"inputs":%s,"deleted":%s,"text":%s,"error":%s}'
            % ((DEEP,) * 7),
            '{"params":[["a",1]],"series":{"a":{"n":9007199254740992000,"value":"","step":{"start":0,"by":0}}},"from":"x","to":[]}',
        )
    ],
)
def test_hostile_facts_cost_at_most_themselves(tmp_path: Path, kind: str, data: str) -> None:
    """Facts of wrong types, sizes and depths under a right checksum leave a run that can be shown."""
    good = [
        Event(RUN, "started", 1, "1a", 1, {"session": "s"}),
        Event(RUN, "params", 1, "1a", 2, {"params": {"ok": 1}}),
    ]
    body = f'{{"run":"{RUN}","kind":"{kind}","time":5,"writer":"1a","seq":3,"data":{data}'.encode()
    line = body + b',"crc":"%08x"}\n' % zlib.crc32(body)
    store = laid_out(tmp_path, [b"".join(map(encode_line, good)) + line])
    (run,) = [*store.runs(), *store.runs(deleted=True)]
    assert run.params["ok"] == 1
    assert shown(run)
    assert run.unreadable == 0


def test_columns_that_cannot_be_understood_leave_a_note() -> None:
    """A batch that says it holds more points than it does is not counted, and the run says so."""
    bad = {**batch([(1, 1.0, 1)]), "n": 1 << 60}
    events = [
        Event(RUN, "points", 1, "1a", seq, {"series": {"a": each}})
        for seq, each in enumerate([bad, batch([(1, 2.0, 1)])])
    ]
    run = read(fold(RUN, events), 0)
    assert run.metrics == {"a": 2.0}
    assert "1 batches of metric points could not be understood" in run.notes


def test_two_events_of_one_number_give_one_run() -> None:
    """Where two different events claim the same place, the same one is taken whichever was read first."""
    one, two = (Event(RUN, "params", 1, "1a", 0, {"params": {"x": value}}) for value in (1, 2))
    assert folded([one, two]) == folded([two, one]) == folded([one, two, one, two])


def test_of_two_writers_the_later_one_wins() -> None:
    """Time decides between writers, whatever their ids; at the same time the greater id does."""
    said = [("9f", 1, "early"), ("1a", 2, "late"), ("2b", 2, "as late")]
    events = [Event(RUN, "params", time, writer, 0, {"params": {"x": value}}) for writer, time, value in said]
    run = read(fold(RUN, events), 0)
    assert (run.params, run.earlier_params) == ({"x": "as late"}, {"x": ["early", "late"]})


def test_a_newer_format_is_refused_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A journal of a later format is passed over with one warning; asked for by id it is an error with advice."""
    header = Event(RUN, "journal", 1, "1a", 0, {**OTHER_HOST, "format": 99})
    store = laid_out(tmp_path, [encode_line(header), encode_line(Event(CHILD, "started", 2, "1a", 1, {}))])
    assert (store.runs(), store.runs()) == ([], [])
    assert [record.getMessage().count("newer autolog; upgrade") for record in caplog.records] == [1]
    for run_id in (RUN, CHILD):
        with pytest.raises(JournalError, match="newer autolog; upgrade"):
            store.run(run_id)


@pytest.mark.parametrize("kind", ["params", "tags", "started", "environment", "signature", "dataset"])
def test_any_text_is_a_name_and_a_damaged_value_costs_itself(kind: str) -> None:
    """Names that look like the keys of typed values are names; what cannot be revived leaves the rest and a note."""
    values = {"$float": 1, "$file": "x", "bad": {"$bytes": 5}, "good": {"$tuple": [2]}}
    named = {"params": {"params": values}, "tags": {"tags": values}, "started": {"tags": values}}
    run = read(fold(RUN, [Event(RUN, kind, 1, "1a", 0, named.get(kind, values))]), 0)
    places = {"params": run.params, "environment": run.environment, "signature": run.signature or {}}
    found = run.inputs[0] if kind == "dataset" else places.get(kind, run.tags)
    assert found == {"$float": 1, "$file": "x", "good": (2,)}
    assert "the value of 'bad' could not be understood" in run.notes


def test_the_last_value_is_of_the_greatest_step_then_time_then_arrival() -> None:
    """A metric's value is decided by step, time and order, in that turn, also across batches."""
    first, second = batch([(5, 1.0, 9), (7, 2.0, 3), (7, 3.0, 2)]), batch([(7, 4.0, 3), (6, 5.0, 99)])
    events = [Event(RUN, "points", seq, "1a", seq, {"series": {"a": each}}) for seq, each in enumerate([first, second])]
    assert read(fold(RUN, events), 0).metrics == {"a": 4.0}
    assert read(fold(RUN, events[:1]), 0).metrics == {"a": 2.0}

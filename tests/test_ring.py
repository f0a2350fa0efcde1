"""The ring: no point is lost or doubled between threads, sealing, interrupts and the end."""

from __future__ import annotations

import itertools
import math
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolog.journal import ring
from autolog.journal.events import decode_lines, seal
from autolog.journal.ring import VOID, Ring, read_ring
from autolog.journal.writer import Journal
from autolog.store.journals import JournalStore
from autolog.store.merge import fold
from autolog_files import LocalFiles

RUN = "ab" * 16


def nobody(*point: object) -> None:
    """Stand in for a way out that must not be taken."""
    raise AssertionError(f"not meant to be called with {point}")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Ring]:
    """Give a ring of 8 slots, which nobody seals."""
    made = Ring(tmp_path / "a.ring", nobody, nobody, capacity=8)
    yield made
    made.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Give a journal with a ring of 16 slots, past its first points, which go to the file at once."""
    made = Journal(tmp_path / RUN, RUN, {}, lambda: None, capacity=16)
    for _ in range(64):
        assert made.write_points(RUN, {})
    assert not made.write_points(RUN, {})
    yield made
    made.close()


def history(journal: Journal, key: str) -> list[tuple[int, float]]:
    """Read the steps and values of a series back from the journal's file."""
    events, damaged = decode_lines(journal.path.read_bytes())
    assert damaged == 0
    return [(step, value) for step, value, _ in fold(RUN, events).series[key].history()]


def test_a_point_lies_in_the_file_as_soon_as_it_is_written(small: Ring) -> None:
    """Another reader of the file sees run, key, step, value and time, without any sealing."""
    small.name(3, RUN, "loss \ud800")
    small.writer()(3, -5, math.inf, 1_000)
    data = small.path.read_bytes()
    assert read_ring(data, data) == [(RUN, "loss \ud800", ring.Point(3, -5, math.inf, 1_000, 1))]


@pytest.mark.parametrize("step, value", [(0, "many"), (0, None), (0, [1]), ("x", 1.0), (1.5, 1.0), (1 << 63, 1.0)])
def test_what_is_no_point_blocks_nothing(small: Ring, step: Any, value: Any) -> None:
    """A value or step of a wrong type raises, and the point behind it is sealed at once."""
    write = small.writer()
    with pytest.raises((ring.struct.error, TypeError, ValueError)):
        write(0, step, value, 1)
    write(0, 1, 2.0, 1)
    assert [point for point in small.unsealed().series if point != VOID] == [0]


def test_a_value_that_takes_its_time_holds_no_slot(small: Ring) -> None:
    """While a value on a device is waited for, other points are written and sealed."""
    write = small.writer()

    class OnDevice:
        def __float__(self) -> float:
            write(0, 1, 1.0, 1)
            assert small.unsealed().values == [1.0]
            return 2.0

    write(0, 0, OnDevice(), 1)
    assert small.unsealed().values == [1.0, 2.0]


def test_an_interrupt_between_claim_and_commit_loses_that_point_only(
    small: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot that was claimed and never written is passed over after a while; all others are sealed."""
    write = small.writer()
    write(0, 1, 1.0, 1)
    small._claim()  # the interrupt came right here
    write(0, 3, 3.0, 1)
    assert small.unsealed().steps == [1]
    small.taken(1)
    monkeypatch.setattr(ring, "_STUCK", 0.0)
    for _ in range(ring._LOOKS + 1):
        assert small.unsealed().steps == []
    assert small.unsealed().steps == [3]


def test_closing_passes_over_what_was_abandoned(journal: Journal) -> None:
    """An interrupted point costs no other one, also where the program ends right after it."""
    log = journal.point_log(RUN)
    number = log.add("loss")
    log.write(number, 1, 1.0, 0)
    assert journal._ring is not None
    journal._ring._claim()
    log.write(number, 3, 3.0, 0)
    journal.close()
    assert history(journal, "loss") == [(1, 1.0), (3, 3.0)]
    assert not list(journal.folder.glob("*.ring"))


def test_a_thread_that_still_holds_a_closed_ring_loses_nothing(journal: Journal) -> None:
    """Points written with the function of a ring that was closed meanwhile go to the journal by themselves."""
    log = journal.point_log(RUN)
    number = log.add("loss")
    write = log.write
    write(number, 1, 1.0, 0)
    journal.close()
    write(number, 2, 2.0, 0)
    assert history(journal, "loss") == [(1, 1.0), (2, 2.0)]


def test_a_ring_that_is_made_anew_counts_on(journal: Journal) -> None:
    """Points that lie in a second ring when the process dies are not taken for those of the first, which are sealed."""
    for steps in (range(10), range(10, 15)):
        log = journal.point_log(RUN)
        number = log.add("loss")
        for step in steps:
            log.write(number, step, float(step), 0)
        if not steps.start:
            journal.close()
    (run,) = JournalStore("", LocalFiles(journal.folder.parent)).runs()
    assert [step for step, _, _ in run.history("loss")] == list(range(15))


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Run `work(0)`, `work(1)` … at the same time, and fail where one does not end."""
    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread that logs waits for ever"


def test_eight_threads_through_sixteen_slots_lose_nothing(journal: Journal) -> None:
    """At full speed with far too small a ring, and sealed from elsewhere too, each point is there exactly once."""
    log = journal.point_log(RUN)
    numbers = [log.add(f"loss {thread}") for thread in range(8)]
    ended = threading.Event()

    def seal() -> None:
        while not ended.wait(0.001):
            journal.seal()

    sealer = threading.Thread(target=seal)
    sealer.start()

    def work(thread: int) -> None:
        for step in range(2000):
            log.write(numbers[thread], step, float(step), 0)

    in_threads(8, work)
    ended.set()
    sealer.join()
    journal.close()
    for thread in range(8):
        assert history(journal, f"loss {thread}") == [(step, float(step)) for step in range(2000)]


def test_rings_closed_again_and_again_under_load_lose_nothing(journal: Journal) -> None:
    """Eight threads log while the ring is closed and made anew: each point is there exactly once."""
    ended = threading.Event()

    def close() -> None:
        while not ended.wait(0.002):
            journal.close_ring()

    closer = threading.Thread(target=close)
    closer.start()
    logs = [journal.point_log(RUN) for _ in range(8)]

    def work(thread: int) -> None:
        for step in range(500):
            if not logs[thread].numbers:
                logs[thread] = journal.point_log(RUN)
            log = logs[thread]
            log.write(log.add(f"loss {thread}"), step, float(step), 0)

    in_threads(8, work)
    ended.set()
    closer.join()
    journal.close()
    for thread in range(8):
        assert Counter(history(journal, f"loss {thread}")) == Counter((step, float(step)) for step in range(500))


def test_a_signal_handler_that_seals_in_the_middle_of_sealing_doubles_nothing(journal: Journal) -> None:
    """Sealing inside sealing on one thread does nothing, so every point is written once."""
    log = journal.point_log(RUN)
    number = log.add("loss")
    for step in range(5):
        log.write(number, step, float(step), 0)
    append = journal._append_slots

    def interrupted(*arguments: Any) -> None:
        journal.seal()
        append(*arguments)

    journal._append_slots = interrupted  # type: ignore[method-assign]  # where a signal would come
    journal.seal()
    journal.close()
    assert history(journal, "loss") == [(step, float(step)) for step in range(5)]


def test_a_quiet_ring_rests_and_its_next_point_wakes_the_thread(tmp_path: Path) -> None:
    """Without points for a while nothing waits, and the names of series are not written again afterwards."""
    woken: list[None] = []
    journal = Journal(tmp_path, RUN, {}, lambda: woken.append(None))
    log = journal.point_log(RUN)
    log.write(log.add("loss"), 1, 1.0, 0)
    for _ in range(50):
        journal.tick()
    assert not journal.waits
    assert log.numbers == {}
    before = len(woken)
    again = journal.point_log(RUN)
    assert len(woken) > before
    assert journal.waits
    assert again.add("loss") == 0
    again.write(0, 2, 2.0, 0)
    journal.close()
    assert history(journal, "loss") == [(1, 1.0), (2, 2.0)]


@given(st.binary(max_size=400), st.integers(0, 20))
def test_any_bytes_can_be_read_as_a_ring(data: bytes, capacity: int) -> None:
    """A damaged or hostile ring file gives no points, and no error."""
    header = ring._MAGIC.ljust(16, b"\0") + capacity.to_bytes(8, "little")
    for hostile in (data, header + data):
        assert read_ring(hostile, hostile) == []


@pytest.mark.parametrize(
    "name",
    ['{"id": [0], "run": "ab", "key": "a"', '{"id": 0, "run": 5, "key": "a"', '{"id": 0, "run": "ab", "key": null'],
)
def test_a_name_of_wrong_types_names_nothing(small: Ring, name: str) -> None:
    """A line that checks and is no name of a series is passed over, with its points."""
    small.writer()(0, 1, 1.0, 1)
    data = small.path.read_bytes() + seal(name)
    assert read_ring(data, data) == []


def test_a_flipped_byte_in_a_ring_costs_one_point_or_one_series(small: Ring) -> None:
    """Whatever byte is changed, reading goes on, and at most the point or name that it lies in is another."""
    small.name(0, RUN, "loss")
    for step in range(4):
        small.writer()(0, step, 1.0, 1)
    data = small.path.read_bytes()
    whole = read_ring(data, data)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x41
        found = read_ring(bytes(damaged), bytes(damaged))
        assert len(set(found) & set(whole)) in ((3, 4) if 64 <= position < 64 + 8 * 40 else (0, 4))


def test_a_slot_that_changes_while_it_is_read_is_left_out(small: Ring) -> None:
    """Only what two readings agree on counts as a point."""
    small.name(0, RUN, "loss")
    write = small.writer()
    write(0, 1, 1.0, 1)
    first = small.path.read_bytes()
    write(0, 2, 2.0, 1)
    assert [point.step for *_, point in read_ring(first, small.path.read_bytes())] == [1]


@given(st.integers(0, 40), st.integers(0, 8), st.data())
def test_two_looks_at_a_living_ring_leave_no_gap(before: int, between: int, data: st.DataObject) -> None:
    """Whichever slots the first look, which takes a moment, saw written already: what it gives has no gap."""
    with tempfile.TemporaryDirectory() as folder:
        made = Ring(Path(folder) / "a.ring", nobody, nobody, capacity=8)
        made.name(0, RUN, "loss")
        write = made.writer()

        def log(count: int) -> bytes:
            for _ in range(count):
                made.taken(max(made.sealed, next(numbers) - 8))
                write(0, 0, 1.0, 1)
            return made.path.read_bytes()

        numbers = itertools.count(1)
        early, second = log(before), log(between)
        made.close()
    seen = data.draw(st.sets(st.integers(0, 7)))
    slots = [(second if slot in seen else early)[64 + 40 * slot :][:40] for slot in range(8)]
    first = early[:64] + b"".join(slots) + early[64 + 8 * 40 :]
    found = [point.number for *_, point in read_ring(first, second)]
    least = max(1, before + between - 7)
    assert found == list(range(least, least + len(found)))
    assert len(found) >= before + 1 - least

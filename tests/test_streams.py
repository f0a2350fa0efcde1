"""Streams: the way of a loop's points, which wait in memory until the writing thread's next tick."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
import time
from array import array
from pathlib import Path
from typing import Any

import pytest

import autolog
from autolog.recording.runs import ActiveRun
from autolog.testing import only_run, series

_KILLED = """
import os, signal, sys, time, autolog
autolog.enable(backend=sys.argv[1], silent=True)
run = autolog.start_run()
stream = run.stream()
for step in range(100):
    stream.add((run.run_id, "loss", step, float(step), time.time_ns()))
time.sleep(0.3)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def run(tmp_path: Path) -> ActiveRun:
    """A run that is under way, in a folder of its own."""
    autolog.enable(backend=str(tmp_path / "runs"), silent=True)
    return autolog.start_run()


def add(run: ActiveRun, step: int, value: float, key: str = "loss") -> None:
    run.stream().add((run.run_id, key, step, value, time.time_ns()))


def written(run: ActiveRun) -> bool:
    """Whether the points are in the file a second later at most; nobody has asked for them."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if any(b'"points"' in path.read_bytes() for path in run.folder.glob("*.jsonl")):
            return True
        time.sleep(0.01)
    return False


def test_points_are_written_by_themselves_and_keep_their_order(run: ActiveRun) -> None:
    """Each series has its own points, in the order in which they were given."""
    for step in range(1_000):
        add(run, step, step / 3)
        add(run, step, -step / 7, key="other")
    assert written(run)
    run.end()
    found = only_run()
    assert series(found, "loss") == [(step, step / 3) for step in range(1_000)]
    assert series(found, "other") == [(step, -step / 7) for step in range(1_000)]


def test_a_stream_that_nothing_came_through_for_a_while_rests_and_another_is_given(run: ActiveRun) -> None:
    """Its points are written all the same, those given to the old one with the next that anybody writes."""
    stream = run.stream()
    stream.add((run.run_id, "loss", 0, 1.0, time.time_ns()))
    deadline = time.monotonic() + 10
    while not stream.rests and time.monotonic() < deadline:
        time.sleep(0.05)
    assert stream.rests
    stream.add((run.run_id, "loss", 1, 2.0, time.time_ns()))
    assert run.stream() is not stream
    add(run, 2, 3.0)
    run.end()
    assert series(only_run(), "loss") == [(0, 1.0), (1, 2.0), (2, 3.0)]


class Odd:
    """Is no number, and says so in a way of its own."""

    def __float__(self) -> float:
        raise LookupError("odd")


@pytest.mark.parametrize("value", [array("d", [1.0]), Odd(), 1j, "1.0", None, 10**400])
def test_a_value_that_is_no_number_costs_itself_alone(run: ActiveRun, value: Any) -> None:
    """The points around it are there, those of its own series too, and a note names what is missing, once."""
    for step in range(9):
        add(run, step, value if step % 3 else 0.5)
        add(run, step, value, key="odd")
        add(run, step, 0.25, key="other")
    assert written(run)
    add(run, 9, value)
    run.end()
    found = only_run()
    assert series(found, "loss") == [(step, 0.5) for step in (0, 3, 6)]
    assert series(found, "other") == [(step, 0.25) for step in range(9)]
    assert found.metrics.keys() == {"loss", "other"}
    assert sorted(note.partition(":")[0] for note in found.notes) == [
        "points of 'loss' are missing",
        "points of 'odd' are missing",
    ]


@pytest.mark.parametrize("step", [1 << 70, 0.5, "1", None])
def test_a_step_that_is_no_whole_number_costs_its_point_alone(run: ActiveRun, step: Any) -> None:
    """The other points of the series are there, and a note says that some are missing."""
    for each in (0, step, 2):
        add(run, each, 0.5)
    run.end()
    found = only_run()
    assert series(found, "loss") == [(0, 0.5), (2, 0.5)]
    assert [note.partition(":")[0] for note in found.notes] == ["points of 'loss' are missing"]


def test_what_has_waited_for_a_tick_survives_a_kill(tmp_path: Path) -> None:
    """After 50 ms points are in the file, which `kill -9` does not take."""
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path / "runs")], check=False)
    found = only_run(tmp_path / "runs")
    assert series(found, "loss") == [(step, float(step)) for step in range(100)]
    assert found.status == "LOST"


def test_reading_in_the_process_sees_every_point(run: ActiveRun) -> None:
    """What a stream was given is read back at once."""
    add(run, 0, 1.5)
    assert series(only_run(), "loss") == [(0, 1.5)]
    run.end()


class Held:
    """A number that takes its time to say which: it is asked while its points are being written."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def __float__(self) -> float:
        self.asked.set()
        time.sleep(0.3)
        return 2.0


def test_a_run_ends_behind_the_points_that_the_thread_is_about_to_write(run: ActiveRun) -> None:
    """They are taken and not yet written when the run ends; its end waits for them, and who then reads it has them."""
    value = Held()
    add(run, 0, 1.0)
    add(run, 1, value)  # type: ignore[arg-type]
    assert value.asked.wait(10)
    run.end()
    assert series(only_run(), "loss") == [(0, 1.0), (1, 2.0)]


def test_what_the_garbage_collector_has_written_in_the_midst_of_writing_loses_nothing(run: ActiveRun) -> None:
    """An object's end may end a run, and so write what waits, while the same thread takes what waits."""
    journal, sealed = run._journal, list[bool]()

    class Cycle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            if not journal._sealing:
                Cycle()  # too early: nothing is taken yet
            elif not sealed:
                sealed.append(True)
                journal.seal()

    before = gc.get_threshold()
    with journal._lock:  # else the thread might be first
        for step in range(1_000):
            add(run, step, 0.5)
        Cycle()
        gc.set_threshold(1)
        try:
            journal.seal()
        finally:
            gc.set_threshold(*before)
    run.end()
    assert sealed
    assert series(only_run(), "loss") == [(step, 0.5) for step in range(1_000)]


class Interrupted:
    """Ctrl-C comes when the number is first asked for."""

    def __init__(self) -> None:
        self.interrupts = [KeyboardInterrupt]

    def __float__(self) -> float:
        for interrupt in self.interrupts:
            self.interrupts = []
            raise interrupt
        return 2.0


def test_an_interrupt_in_the_midst_of_writing_loses_nothing(run: ActiveRun) -> None:
    """What was to be written waits for the next time, and is written once."""
    journal = run._journal
    with journal._lock:  # else the thread might be first
        add(run, 0, 1.0)
        add(run, 1, Interrupted())  # type: ignore[arg-type]
        with pytest.raises(KeyboardInterrupt):
            journal.seal()
    run.end()
    assert series(only_run(), "loss") == [(0, 1.0), (1, 2.0)]


def test_ctrl_c_at_any_moment_of_writing_neither_loses_nor_doubles_a_point(run: ActiveRun) -> None:
    """Whether it comes before the lines are written, after it, or while their points are let go of."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before, journal, interrupted = signal.signal(signal.SIGALRM, interrupt), run._journal, 0
    gc.disable()  # what others have called at a collection would swallow the interrupt
    try:
        for turn in range(100):
            with journal._lock:  # else the thread might write
                for step in range(1_000):
                    add(run, step, 0.5, key=f"loss{turn}")
                try:
                    signal.setitimer(signal.ITIMER_REAL, 1e-4 + turn * 4e-5)
                    journal.seal()
                except KeyboardInterrupt:
                    interrupted += 1
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        gc.enable()
        signal.signal(signal.SIGALRM, before)
    run.end()
    assert interrupted
    found = only_run()
    for turn in range(100):
        assert series(found, f"loss{turn}") == [(step, 0.5) for step in range(1_000)]


class Leaves:
    """Ends the program that asks for the number."""

    def __float__(self) -> float:
        raise SystemExit(3)


def test_a_number_that_would_end_the_program_costs_itself_alone(run: ActiveRun) -> None:
    """It is left out like any other that is none, once and for all."""
    add(run, 0, 1.0)
    add(run, 1, Leaves())  # type: ignore[arg-type]
    add(run, 2, 3.0)
    run.end()
    assert series(only_run(), "loss") == [(0, 1.0), (2, 3.0)]

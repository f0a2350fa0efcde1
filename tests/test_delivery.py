"""Delivery to a destination beside the journal's own folder."""

from __future__ import annotations

import contextvars
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autolog
from autolog import background, session
from autolog.delivery import courier as couriers
from autolog.delivery.batches import look
from autolog.delivery.courier import Courier, end_all, left_behind
from autolog.delivery.cursors import Cursors
from autolog.delivery.route import remaining
from autolog.hookspecs import Batch, Delivery
from autolog.journal.events import Event, encode_line
from autolog.journal.process import identity
from autolog.journal.writer import Journal
from autolog.recording.candidates import candidate, log_split
from autolog.testing import all_runs
from autolog_files import FolderBackend
from late import wait_for_environment
from recorded import facts
from waiting import wait_until


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(couriers, "_FIRST_WAIT", 0.01)


class Unreliable(FolderBackend):
    """A folder that fails in the ways it is told to, before it takes a batch or after."""

    def __init__(self, root: Path, *answers: str) -> None:
        super().__init__(root)
        self.answers = list(answers)
        self.batches: list[Batch] = []

    def deliver(self, batch: Batch) -> Delivery:
        self.batches.append(batch)
        answer = self.answers.pop(0) if self.answers else "done"
        if answer == "lost answer":
            super().deliver(batch)
            return Delivery("retry", "the connection was cut after the batch was taken")
        if answer == "crash":
            raise ConnectionError("no route to host")
        return super().deliver(batch) if answer == "done" else Delivery(answer, "told\nto", 0.0)  # type: ignore[arg-type]


def end(courier: Courier, timeout: float) -> int:
    return sum(end_all([courier], timeout).values())


def names() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("autolog-")]


def assert_ends() -> None:
    """Wait for the threads of couriers that nobody needs any more; the machine may be busy."""
    wait_until(lambda: "autolog-delivery" not in names(), 30)


def record(store: Path) -> autolog.ActiveRun:
    with autolog.start_run(run_name="delivered") as run:
        autolog.log_params({"C": 1.0, "long": ["x"] * 100_000})
        for step in range(500):
            autolog.log_metric("loss", 1 / (step + 1), step=step)
        autolog.log_text("hello", "notes/hello.txt")
    return run


def test_every_destination_gets_the_whole_run(tmp_path: Path) -> None:
    """A second folder ends up with the same runs as the first, files included."""
    first, second = tmp_path / "first", tmp_path / "second"
    autolog.enable(backend=[str(first), str(second)])
    run = record(first)
    session.get().end()
    copy = autolog.get_run(run.run_id, store=second)
    assert facts(copy) == facts(autolog.get_run(run.run_id, store=first))
    assert copy.artifact_path("notes/hello.txt").read_text() == "hello"
    assert copy.whole(copy.params["long"]) == ["x"] * 100_000


@pytest.mark.parametrize("answers", [("retry",), ("lost answer",), ("retry", "lost answer", "retry")])
def test_a_destination_that_fails_for_a_while_gets_everything_once(
    tmp_path: Path, store: Path, answers: tuple[str, ...]
) -> None:
    """Batches are tried again, and one whose answer was lost changes nothing the second time."""
    autolog.enable(backend=str(store))
    run = record(store)
    session.get().end()
    courier = Courier("test:", Unreliable(tmp_path / "copy", *answers))
    courier.follow(store / run.run_id)
    assert end(courier, 30) == 0
    assert facts(autolog.get_run(run.run_id, store=tmp_path / "copy")) == facts(
        autolog.get_run(run.run_id, store=store)
    )


@pytest.mark.autolog_swallows
def test_a_destination_that_stays_away_costs_only_the_delivery(tmp_path: Path, store: Path) -> None:
    """At the deadline the run is counted as not delivered, and a later courier goes on from the cursor."""
    autolog.enable(backend=str(store))
    run = record(store)
    session.get().end()
    away = Courier("test:", Unreliable(tmp_path / "copy", *["crash"] * 1000))
    away.follow(store / run.run_id)
    assert end(away, 0.3) == 1
    back = Courier("test:", Unreliable(tmp_path / "copy"))
    back.follow(store / run.run_id)
    assert end(back, 30) == 0
    assert facts(autolog.get_run(run.run_id, store=tmp_path / "copy")) == facts(
        autolog.get_run(run.run_id, store=store)
    )


def test_what_was_delivered_is_not_sent_again(tmp_path: Path, store: Path) -> None:
    """A second courier to the same destination finds the cursors at the end, and sends nothing."""
    autolog.enable(backend=str(store))
    run = record(store)
    session.get().end()
    for expected in (True, False):
        backend = Unreliable(tmp_path / "copy")
        courier = Courier("test:", backend)
        courier.follow(store / run.run_id)
        assert end(courier, 30) == 0
        assert bool(backend.batches) is expected


@pytest.mark.autolog_swallows
def test_what_is_refused_for_good_is_kept_aside_and_the_rest_goes_on(
    tmp_path: Path, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal is written down with its reason, told of in one line, and does not hold up what follows."""
    autolog.enable(backend=str(store))
    run = record(store)
    session.get().end()
    courier = Courier("test:", Unreliable(tmp_path / "copy", "refused"))
    courier.follow(store / run.run_id)
    assert end(courier, 30) == 0
    refused = Cursors(store / run.run_id, "test:").aside
    assert "told\\nto" in refused.read_text()
    (line,) = [each for each in caplog.text.splitlines() if "refuses a part of run" in each]
    assert line.endswith("told\\nto")


AWAY = """
import sys, autolog
autolog.enable(backend=sys.argv[1:], silent=True)
run = autolog.start_run(run_name="killed")
autolog.log_param("C", 1)
print(run.run_id, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_left_is_delivered_by_the_next(tmp_path: Path) -> None:
    """The first run that goes to a destination takes along what dead processes left; a living one serves itself."""
    first, second = tmp_path / "first", tmp_path / "second"
    second.write_text("no folder: the destination is away")
    command = [sys.executable, "-c", AWAY, str(first), str(second)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        left = other.stdout.readline().strip()
        assert left_behind(first, str(second)) == []
        other.kill()
    assert left_behind(first, str(second)) == [first / left]
    second.unlink()
    autolog.enable(backend=[str(first), str(second)], silent=True)
    with autolog.start_run():
        pass
    session.get().end()
    assert autolog.get_run(left, store=second).params == {"C": 1}
    assert left_behind(first, str(second)) == []


@pytest.mark.parametrize("way", ["resume", "late", "child", "delete"])
def test_what_comes_to_another_processs_run_is_delivered(tmp_path: Path, way: str) -> None:
    """A resumed session, late facts, a child of a run not active here, and a deletion reach every destination."""
    first, second = tmp_path / "first", tmp_path / "second"
    autolog.enable(backend=str(first), silent=True)
    with autolog.start_run() as run:
        pass
    session.get().end()
    autolog.enable(backend=[str(first), str(second)])
    session.get()._recorder = None  # as in another process
    if way == "late":
        autolog.log_param("late", 1, run_id=run.run_id)
    elif way == "delete":
        autolog.delete_run(run.run_id)
    else:
        with autolog.start_run(**{"run_id" if way == "resume" else "parent_run_id": run.run_id}):
            autolog.log_param("late", 1)
    session.get().end()
    ours, theirs = (autolog.search_runs(store=place, output_format="list") for place in (first, second))
    assert [(each.run_id, each.params) for each in ours] == [(each.run_id, each.params) for each in theirs]
    assert len(list((second / run.run_id).glob("*.jsonl"))) == 2


FORKS = """
import os, sys, threading, time
from pathlib import Path
import autolog
from autolog.background import away
from autolog.delivery.courier import Courier, end_all
from autolog_files import FolderBackend

asked, answer = threading.Event(), threading.Event()

class Slow(FolderBackend):
    def deliver(self, batch):
        with away():
            asked.set()
            answer.wait()
        return super().deliver(batch)

autolog.enable(backend=sys.argv[1], silent=True)
with autolog.start_run() as run:
    autolog.log_param("C", 1)
courier = Courier("test:", Slow(Path(sys.argv[2])))
courier.follow(run.folder)
asked.wait()
reading, writing = os.pipe()
began = time.monotonic()
for _ in range(20):
    if os.fork() == 0:
        os.close(writing)
        os.read(reading, 1)  # until the parent has gone
        os._exit(0)
print(time.monotonic() - began < 5)
answer.set()
print(sum(end_all([courier], 30).values()), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_forks_in_the_middle_of_a_request(tmp_path: Path) -> None:
    """They do not wait for its end, and what they have made does not keep the run from being delivered, living on."""
    command = [sys.executable, "-W", "ignore", "-c", FORKS, str(tmp_path / "first"), str(tmp_path / "second")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("True\n0\n", "")
    (run,) = all_runs(tmp_path / "second")
    assert run.params == {"C": 1}


UNANSWERED = """
import os, socket, sys, time
import autolog
server = socket.create_server(("127.0.0.1", 0))
host = f"127.0.0.1:{server.getsockname()[1]}"
autolog.enable(backend=[sys.argv[1], sys.argv[2].replace("HOST", host)], silent=True, exit_timeout=0)
autolog.log_param("C", 1)
connection, _ = server.accept()
connection.recv(1)
began = time.monotonic()
for _ in range(20):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
print(time.monotonic() - began < 5)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.parametrize("uri", ["http://HOST", "s3://bucket/runs?endpoint_url=http://HOST"])
def test_forks_wait_for_no_server(tmp_path: Path, uri: str) -> None:
    """Twenty of them, while a request is not answered, take no longer than if there were none."""
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_EC2_METADATA_DISABLED": "true"}
    command = [sys.executable, "-W", "ignore", "-c", UNANSWERED, str(tmp_path / "first"), uri]
    done = subprocess.run(command, env={**os.environ, **keys}, capture_output=True, text=True, timeout=120)
    assert done.stdout == "True\n", done.stderr


def test_the_end_waits_for_all_destinations_at_once(tmp_path: Path, store: Path) -> None:
    """However many of them do not answer, the process ends at the deadline."""
    autolog.enable(backend=str(store))
    run = record(store)
    session.get().end()
    asked, answer = threading.Semaphore(0), threading.Event()

    class Silent(FolderBackend):
        def deliver(self, batch: Batch) -> Delivery:
            asked.release()
            answer.wait(60)
            return super().deliver(batch)

    silent = [Courier(f"test:{number}", Silent(tmp_path / f"copy{number}")) for number in range(20)]
    for each in silent:
        each.follow(store / run.run_id)
    assert all(asked.acquire(timeout=30) for _ in silent)
    began = time.monotonic()
    assert end_all(silent, 0.2) == {f"test:{number}": 1 for number in range(20)}
    assert time.monotonic() - began < 5
    answer.set()
    assert_ends()


def test_a_writer_is_not_chased(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long handing over takes, what is written meanwhile waits for the next look, after a rest."""
    monkeypatch.setattr(couriers, "_PAUSE", 0.5)
    taken: list[float] = []

    class Slow(FolderBackend):
        def deliver(self, batch: Batch) -> Delivery:
            taken.append(time.monotonic())
            time.sleep(0.05)
            return super().deliver(batch)

    autolog.enable(backend=str(store), silent=True)
    courier = Courier("test:", Slow(tmp_path / "copy"))
    with autolog.start_run() as run:
        courier.follow(run.folder)
        deadline = time.monotonic() + 60
        while len(taken) < 5 and time.monotonic() < deadline:
            autolog.log_param(f"p{time.monotonic_ns()}", 1)
            time.sleep(0.005)
    assert end(courier, 30) == 0
    assert len(taken) >= 5
    after_the_first = itertools.pairwise(taken[1:5])  # which was asked for
    assert all(later - earlier > 0.5 for earlier, later in after_the_first)
    assert facts(autolog.get_run(run.run_id, store=tmp_path / "copy")) == facts(
        autolog.get_run(run.run_id, store=store)
    )


def looking_often(backend: FolderBackend, store: Path, monkeypatch: pytest.MonkeyPatch) -> Courier:
    """Give a courier that hardly rests between two looks, and record beside it."""
    monkeypatch.setattr(couriers, "_PAUSE", 0.02)
    autolog.enable(backend=str(store), silent=True)
    return Courier("test:", backend)


def test_runs_take_turns_at_a_destination_that_takes_little(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three runs that always have something new are all served, where one batch at a time may go."""
    monkeypatch.setattr(Unreliable, "pause", 0.1)
    backend = Unreliable(tmp_path / "copy")
    courier = looking_often(backend, store, monkeypatch)
    runs = [contextvars.Context().run(autolog.start_run) for _ in range(3)]
    for run in runs:
        courier.follow(run.folder)
    deadline = time.monotonic() + 30
    while len(backend.batches) < 12 and time.monotonic() < deadline:
        for run in runs:
            run.log_params({f"p{time.monotonic_ns()}": 1})
        time.sleep(0.01)
    served = Counter(batch.tree for batch in backend.batches[:12])
    for run in runs[::-1]:
        run.end()
    assert end(courier, 30) == 0
    assert set(served.values()) == {4}


class Patient(FolderBackend):
    """A folder that leaves the splits of a search to lie for a minute."""

    patient = ("journal", "candidate", "split", "beat")
    patience = 60.0

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.kinds: list[set[str]] = []

    def deliver(self, batch: Batch) -> Delivery:
        self.kinds.append({event.kind for event in batch.events})
        return super().deliver(batch)

    def took_splits_alone(self) -> bool:
        return any(kinds <= set(self.patient) for kinds in self.kinds)


def log_splits(run: autolog.ActiveRun, number: int) -> None:
    trained = candidate(run, number, f"candidate {number}", lambda: {"C": number}, splits=2)
    for split in range(2):
        log_split(trained, split, {"split_test_score": split / 2})


def test_what_a_destination_is_patient_with_waits_and_comes_with_the_next_of_another_kind(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Splits alone are not handed over look after look; a param that follows them is at once, and they with it."""
    backend = Patient(tmp_path / "copy")
    courier = looking_often(backend, store, monkeypatch)
    with autolog.start_run() as run:
        courier.follow(run.folder)
        wait_until(lambda: bool(backend.kinds), 30)
        log_splits(run, 0)
        time.sleep(0.5)
        log_splits(run, 1)
        time.sleep(0.5)
        assert not backend.took_splits_alone()
        autolog.log_param("p", 1)
        wait_until(lambda: any({"candidate", "split", "params"} <= kinds for kinds in backend.kinds), 30)
        log_splits(run, 2)
        courier.catch_up(30)
        assert remaining(Cursors(run.folder, "test:").load()) == 0
        log_splits(run, 3)
    assert end(courier, 30) == 0
    copied, written = (list(map(facts, all_runs(each))) for each in (tmp_path / "copy", store))
    assert copied == written
    assert len(written) == 5


def test_patience_ends_by_time_and_by_a_journal_of_another_process(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may wait half a second is there after that; another writer's param in the folder is not waited with."""
    monkeypatch.setattr(Patient, "patience", 0.5)
    backend = Patient(tmp_path / "copy")
    courier = looking_often(backend, store, monkeypatch)
    with autolog.start_run() as run:
        courier.follow(run.folder)
        log_splits(run, 0)
        wait_for_environment()  # with whose facts they may have gone
        log_splits(run, 1)
        wait_until(backend.took_splits_alone, 30)
        monkeypatch.setattr(Patient, "patience", 60.0)
        log_splits(run, 2)
        other = Journal(run.folder, run.tree, identity(), lambda: None)
        other.write(run.run_id, "params", {"params": {"of": "another"}})
        wait_until(lambda: any("params" in kinds for kinds in backend.kinds), 30)
        other.close()
    assert end(courier, 30) == 0
    assert autolog.get_run(run.run_id, store=tmp_path / "copy").params == {"of": "another"}


@given(st.lists(st.sampled_from(["split", "candidate", "params", "splits", "beat"]), max_size=6), st.integers(0, 80))
def test_a_look_tells_kinds_and_passes_over_what_is_still_being_written(kinds: list[str], torn: int) -> None:
    """It says where the whole lines end if all are of the kinds that were named, however the last is cut off."""
    lines = [encode_line(Event("a" * 32, kind, 1, "b" * 16, at, {"kind": "params"})) for at, kind in enumerate(kinds)]
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder, "b.jsonl")
        journal.write_bytes(b"".join(lines) + encode_line(Event("a" * 32, "params", 1, "b" * 16, 9, {}))[:torn])
        found = look(str(journal), 0, ("split", "candidate", "beat"), 1 << 20)
        assert found == (sum(map(len, lines)) if {"params", "splits"}.isdisjoint(kinds) else None)
        assert look(str(journal), 0, ("split", "candidate", "beat", "params", "splits"), 10) is None or not kinds


def test_no_thread_of_ours_lives_at_a_fork(tmp_path: Path) -> None:
    """Whatever is followed while a fork is under way, its thread starts only afterwards, and then it does."""
    delivering = Courier("test:", FolderBackend(tmp_path / "copy"))
    background._before_fork()
    try:
        delivering.follow(tmp_path / "runs" / "0")
        new = Courier("test:", FolderBackend(tmp_path / "copy"))
        new.follow(tmp_path / "runs" / "1")
        assert names() == []
    finally:
        background._after_fork()
    assert names().count("autolog-delivery") == 2
    assert (end(delivering, 0), end(new, 0)) == (0, 0)
    assert_ends()

"""Disks that are full, folders that refuse or vanish: the program goes on, and what was lost is said."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import autolog
from autolog.exceptions import RunNotFoundError
from autolog.journal import points, process, writer
from autolog.journal.backlog import Backlog
from autolog.journal.events import Event, decode_lines, encode_line
from autolog.journal.points import Columns
from autolog.journal.writer import Journal
from autolog.store.journals import JournalStore
from autolog.store.run import Run
from autolog_files import LocalFiles

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and rights are those of Unix")
RUN = "ab" * 16


def program(store: Path, body: str) -> subprocess.CompletedProcess[str]:
    """Run a program that records into `store` and computes something; it must end with its own exit code, 7."""
    head = f"""
        import os, resource, shutil, signal, sys, time, autolog
        autolog.enable(backend={str(store)!r}, silent=True)
        def limit(size):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    """
    text = textwrap.dedent(head) + textwrap.dedent(body) + "\nprint('result', 6 * 7)\nsys.exit(7)\n"
    path = store.with_name("program.py")
    path.write_text(text)
    ended = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=120, cwd=store.parent)
    assert (ended.returncode, ended.stdout.split()[-2:]) == (7, ["result", "42"]), ended.stderr
    return ended


def only(store: Path) -> Run:
    """Read the one run of a store."""
    (run,) = JournalStore(str(store), LocalFiles(store)).runs()
    return run


def of_us(ended: subprocess.CompletedProcess[str]) -> list[str]:
    """Give the lines on stderr; all of them must be ours."""
    lines = ended.stderr.splitlines()
    assert all(line.startswith("autolog: ") for line in lines), ended.stderr
    return lines


# ---- the disk


def test_a_disk_that_fills_and_empties_again(store: Path) -> None:
    """While the disk is full points are thinned and all else is kept; later all that waited is written, and told."""
    ended = program(
        store,
        """
        run = autolog.start_run()
        for step in range(1000):
            autolog.log_metric("before", 1.0, step=step)
        time.sleep(0.2)
        limit(100_000)
        for step in range(400_000):
            autolog.log_metric("during", 0.1 * step * step, step=step)
            if step % 4000 == 0:
                autolog.log_params({f"param {step}": "x" * 1000})
        limit(resource.RLIM_INFINITY)
        time.sleep(1.5)
        for step in range(1000):
            autolog.log_metric("after", 1.0, step=step)
        autolog.end_run()
        """,
    )
    run = only(store)
    assert [len(run.history(key)) for key in ("before", "after")] == [1000, 1000]
    assert {f"param {step}" for step in range(0, 400_000, 4000)} == set(run.params)
    kept = len(run.history("during"))
    assert 50_000 < kept < 400_000
    assert all(value == 0.1 * step * step for step, value, _ in run.history("during"))
    (note,) = [note for note in run.notes if "dropped" in note]
    assert note.startswith(f"{400_000 - kept} metric points were dropped, because the disk refused them ([Errno 27]")
    assert run.status == "FINISHED"
    assert len(of_us(ended)) == 1


def test_a_disk_that_stays_full(store: Path) -> None:
    """The program ends as it would, memory stays within bounds, and the log says in a line what is missing."""
    ended = program(
        store,
        """
        limit(20_000)
        run = autolog.start_run()
        before = peak()
        for step in range(150_000):
            autolog.log_metric("loss", 1.0, step=step)
        autolog.log_params({"a": 1})
        autolog.end_run()
        print("MB", peak() - before)
        """,
    )
    assert int(ended.stdout.split()[1]) < 40
    first, last = of_us(ended)
    assert "cannot write" in first and "kept in memory, and tried again" in first
    assert "is incomplete: " in last and "metric points were dropped" in last
    run = only(store)
    assert (run.status, run.params, run.unreadable) == ("LOST", {}, 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.name == "nt" or shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root may make a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_real_disk_without_room_for_a_ring(small_disk: Path) -> None:
    """On a file system that is full from the start nothing crashes (SIGBUS); once there is room all is kept."""
    (small_disk / "ballast").write_bytes(b"x" * 1_030_000)
    store = small_disk / "runs"
    body = f"""
        run = autolog.start_run()
        for step in range(1000):
            autolog.log_metric("loss", 1.0, step=step)
        os.unlink({str(small_disk / "ballast")!r})
        time.sleep(1.5)
        for step in range(1000, 1500):
            autolog.log_metric("loss", 1.0, step=step)
        autolog.end_run()
    """
    ended = program(store, body)
    run = only(store)
    assert (run.status, [step for step, _, _ in run.history("loss")]) == ("FINISHED", list(range(1500)))
    (journal,) = store.glob("*/*.jsonl")
    assert 1000 < journal.read_bytes().count(b'"kind":"points"') < 1100  # those that came later went through a ring
    assert run.notes in ([], [f"{run.unreadable} damaged pieces of its journal could not be read"])
    assert len(of_us(ended)) == 1


# ---- the folder


def test_a_root_that_is_a_file(store: Path) -> None:
    """Where no folder can be made the program goes on, and every kind of fact is refused without an error."""
    store.write_text("not a folder")
    ended = program(
        store,
        """
        with autolog.start_run():
            autolog.log_params({"a": 1, "large": "x" * 100_000})
            autolog.log_text("text", "a.txt")
            for step in range(300):
                autolog.log_metric("loss", 1.0, step=step)
        """,
    )
    assert any("is incomplete" in line for line in of_us(ended))
    assert store.read_text() == "not a folder"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may become another user")
def test_a_folder_that_one_may_not_write_to(store: Path) -> None:
    """In a read-only folder the program goes on as well; what waited is written at its end, when it may be."""
    store.mkdir(mode=0o755)
    ended = program(
        store,
        """
        with autolog.start_run(run_name="first"):  # so that all there is to import has been
            autolog.log_metric("loss", 1.0)
        os.seteuid(65534)
        with autolog.start_run():
            for step in range(300):
                autolog.log_metric("loss", 1.0, step=step)
        os.seteuid(0)
        """,
    )
    assert "Permission denied" in of_us(ended)[0]
    found = {run.run_name: run for run in JournalStore(str(store), LocalFiles(store)).runs()}
    assert {run.status for run in found.values()} == {"FINISHED"}
    assert len(found["program.py"].history("loss")) == 300


@pytest.mark.parametrize("gone", ["run.folder", "run.folder.parent"])
def test_a_folder_deleted_while_the_run_goes_on(store: Path, gone: str) -> None:
    """What comes after the deletion is kept in a new journal, which says that the rest is gone."""
    ended = program(
        store,
        f"""
        with autolog.start_run(run_name="a") as run:
            autolog.log_params({{"before": 1}})
            for step in range(300):
                autolog.log_metric("loss", 1.0, step=step)
            shutil.rmtree({gone})
            for step in range(300):
                autolog.log_metric("after", 1.0, step=step)
            autolog.log_params({{"after": 2}})
        """,
    )
    run = only(store)
    assert run.params == {"after": 2}
    assert [step for step, _, _ in run.history("after")] == list(range(300))
    assert (run.run_name, run.status, run.unreadable) == ("a", "FINISHED", 0)
    assert run.notes == ["the run's folder was deleted while it ran; what it held is gone"]
    assert of_us(ended) == []


@pytest.mark.parametrize("said", ["log_param", "log_metric", "start_run"])
def test_what_first_follows_a_deletion_is_kept(store: Path, said: str) -> None:
    """Whether it is an event, a point or a child's start that comes first, it stands in the new journal, once."""
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run(run_name="a"):
        for step in range(200):
            autolog.log_metric("before", 1.0, step=step)
        shutil.rmtree(store)
        if said == "start_run":
            with autolog.start_run(run_name="b", nested=True):
                pass
        else:
            getattr(autolog, said)("first", 1.0)
        process.flush()
        names = {run.run_name: run for run in JournalStore(str(store), LocalFiles(store)).runs()}
        note = ["the run's folder was deleted while it ran; what it held is gone"]
        assert {name: run.notes for name, run in names.items()} == {
            "a": note,
            **({"b": []} if said == "start_run" else {}),
        }
        if said != "start_run":
            assert (
                len(names["a"].history("first")) == 1 if said == "log_metric" else names["a"].params == {"first": 1.0}
            )


def test_splits_follow_a_deletion_soon(store: Path) -> None:
    """They look for the file from time to time only, and what comes after that stands in the new journal."""
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run() as run:
        for split in range(3):
            run.log_split(split, {"score": 0.5}, {})
        shutil.rmtree(store)
        time.sleep(0.1)
        run.log_split(3, {"score": 0.25}, {})
    (found,) = JournalStore(str(store), LocalFiles(store)).runs()
    assert [split["split"] for split in found.splits] == [3]
    assert found.notes == ["the run's folder was deleted while it ran; what it held is gone"]


def test_a_split_waits_for_no_thread_of_ours_that_has_seen_the_deletion(store: Path) -> None:
    """A thread of ours leaves time to whoever deletes; a split of the program's begins the new journal meanwhile."""
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run() as run:
        run.log_split(0, {"score": 0.5}, {})
        shutil.rmtree(store)
        time.sleep(0.1)
        ours = threading.Thread(target=run.set_tags, args=({"late": 1},), name="autolog-of-a-test")
        ours.start()
        time.sleep(0.02)
        run.log_split(1, {"score": 0.25}, {})
        ours.join()
    (found,) = JournalStore(str(store), LocalFiles(store)).runs()
    assert [split["split"] for split in found.splits] == [1]
    assert found.tags["late"] == 1


def test_a_value_that_the_disk_refuses_is_noted_by_name(store: Path) -> None:
    """The run says which value is missing, keeps its beginning, and reading it whole is an error that says so."""
    ended = program(
        store,
        """
        with autolog.start_run():
            limit(100_000)
            autolog.log_params({"large": "x" * 300_000, "small": 1})
            limit(resource.RLIM_INFINITY)
        """,
    )
    run = only(store)
    assert "the whole value of 'large' is missing: its file could not be written" in run.notes
    assert (run.params["small"], run.params["large"].preview) == (1, "x" * 1024)
    with pytest.raises(RunNotFoundError, match="is not the one"):
        run.whole(run.params["large"])
    of_us(ended)


def test_a_deleted_folder_is_noticed_at_a_beat(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long run whose folder was deleted is recorded again from the next beat on, points of the ring included."""
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run() as run:
        for step in range(100):
            autolog.log_metric("old", 1.0, step=step)
        shutil.rmtree(store)
        process.journal(run.folder, run.tree).beat(10.0)
        for step in range(100):
            autolog.log_metric("new", 1.0, step=step)
        assert [step for step, _, _ in only(store).history("new")] == list(range(100))
    assert only(store).status == "FINISHED"


# ---- the backlog itself


def one_point(step: int, series: int = 1) -> bytes:
    """Give a line with a point in each of so many series."""
    columns = points.encode(Columns([step], [1.0], [step]))
    return encode_line(Event(RUN, "points", step, "1a", step, {"series": {f"s{n}": columns for n in range(series)}}))


@pytest.mark.parametrize("series", [1, 3])
def test_points_that_cannot_be_halved_are_dropped_by_the_second(series: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of one point a series are thinned line by line; thinning ends, and what is dropped is counted."""
    monkeypatch.setattr("autolog.journal.backlog._BOUND", 20_000)
    backlog = Backlog()
    backlog.begin("full")
    for step in range(1000):
        backlog.add(one_point(step, series), points=series)
    kept = []
    while backlog:
        assert sum(map(len, kept)) <= 20_000
        kept.append(backlog.first())
        backlog.remove_first()
    found = decode_lines(b"".join(kept))[0]
    assert [event.seq for event in found] == sorted(event.seq for event in found)
    assert (
        backlog.end()
        == f"{(1000 - len(found)) * series} metric points were dropped, because the disk refused them (full)"
    )


def test_points_go_before_other_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many points come, another event that was kept stays kept."""
    monkeypatch.setattr("autolog.journal.backlog._BOUND", 20_000)
    backlog = Backlog()
    param = encode_line(Event(RUN, "params", 1, "1a", 5000, {"params": {"a": 1}}))
    backlog.add(param, points=0)
    for step in range(1000):
        backlog.add(one_point(step), points=1)
    assert backlog.first() == param


def test_a_partly_written_line_is_written_again_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk took half of a line, that half counts as damaged and the event is still there once."""
    journal = Journal(tmp_path / RUN, RUN, {}, lambda: None)
    journal.write(RUN, "started", {"session": "s"})
    write = os.write

    def half(file: int, data: bytes) -> int:
        if len(data) < 60:
            raise OSError(28, "No space left on device")
        return write(file, data[: len(data) // 2])

    monkeypatch.setattr(writer.os, "write", half)
    journal.write(RUN, "params", {"params": {"a": 1}})
    monkeypatch.setattr(writer.os, "write", write)
    journal.write(RUN, "params", {"params": {"b": 2}})
    journal.close()
    events, damaged = decode_lines(journal.path.read_bytes())
    assert [event.data.get("params") for event in events if event.kind == "params"] == [{"a": 1}, {"b": 2}]
    assert damaged == 1


def test_a_file_given_up_is_not_closed_under_a_writer(tmp_path: Path) -> None:
    """A thread in the middle of a write keeps its file open: its number is not given to a file of the program."""
    journal = Journal(tmp_path / RUN, RUN, {}, lambda: None)
    journal.write(RUN, "started", {"session": "s"})
    held = journal._file
    assert held is not None
    journal.close()
    with (tmp_path / "of the program").open("wb") as file:
        assert file.fileno() != held.number
    number = held.number
    del held
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(number)

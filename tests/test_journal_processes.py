"""Real processes that are killed, forked, spawned and ended in every way: what was logged is there, exactly once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

import autolog
from autolog import clock
from autolog.journal import process
from autolog.journal.events import Event, encode_line
from autolog.store.journals import JournalStore
from autolog.store.run import Run
from autolog_files import LocalFiles

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked and killed as Unix does")


def program(store: Path, body: str, *, check: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run a program that records into `store`; it must end by itself within a minute, with the exit code given."""
    head = f"import os, signal, sys, threading, time, autolog\nautolog.enable(backend={str(store)!r}, silent=True)\n"
    path = store.with_name("program.py")
    path.write_text(head + textwrap.dedent(body))
    ended = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, cwd=store.parent)
    assert check is None or ended.returncode == check, ended.stderr
    return ended


def runs(store: Path) -> list[Run]:
    """Read all runs of a store anew, oldest first."""
    return sorted(JournalStore(str(store), LocalFiles(store)).runs(), key=lambda run: run.start_time or 0)


def only(store: Path) -> Run:
    """Read the one run of a store."""
    (run,) = runs(store)
    return run


def steps(run: Run, key: str) -> list[int]:
    """Give the steps of a series, in their order."""
    return [step for step, _, _ in run.history(key)]


# ---- killed


KILLED = """
    import mmap, random
    logged = mmap.mmap(-1, 8 * {times})
    for number in range({times}):
        pid = os.fork()
        if pid == 0:
            with autolog.start_run(run_name=str(number)):
                for step in range(10_000_000):
                    autolog.log_metric("loss", 0.5 * step, step=step)
                    logged[8 * number : 8 * number + 8] = (step + 1).to_bytes(8, "little")
                    {then}
        while not logged[8 * number : 8 * number + 8] > bytes(8):
            time.sleep(0.001)
        time.sleep({pause})
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    print(*(int.from_bytes(logged[8 * n : 8 * n + 8], "little") for n in range({times})))
"""


def test_a_kill_at_any_moment_loses_and_doubles_no_point(store: Path) -> None:
    """Forty processes are killed at random moments while they log: each point whose call had returned is there once."""
    ended = program(store, KILLED.format(times=40, then="", pause="random.expovariate(30)"))
    found = {int(run.run_name or -1): run for run in runs(store)}
    for number, logged in enumerate(map(int, ended.stdout.split())):
        count = len(steps(found[number], "loss"))
        assert steps(found[number], "loss") == list(range(count))
        assert logged <= count <= logged + 1
        assert found[number].status == "LOST"
        assert found[number].unreadable <= 1  # a kill may tear the line being written, whose points the ring has too


def test_a_kill_in_a_call_that_holds_the_interpreter_loses_no_point(store: Path) -> None:
    """Points logged just before a call in which no thread of ours can run survive the kill in it."""
    then = "if step == 499: __import__('re').match('(a+)+$', 'a' * 60 + 'b')"
    ended = program(store, KILLED.format(times=3, then=then, pause=0.3))
    assert [len(steps(run, "loss")) for run in runs(store)] == list(map(int, ended.stdout.split())) == [500] * 3


# ---- children of multiprocessing's, which leave by os._exit


CHILD = """
    import multiprocessing

    def target(end):
        run = autolog.start_run(run_name="own")
        for step in range(1_000):
            autolog.log_metric("loss", 0.5 * step, step=step)
            run.stream().add((run.run_id, "streamed", step, 0.5 * step, time.time_ns()))
        exec(end)

    if __name__ == "__main__":
        child = multiprocessing.get_context({method!r}).Process(target=target, args=({end!r},))
        child.start()
        child.join()
        sys.exit(child.exitcode)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize(
    ("end", "code", "status"),
    [
        ("pass", 0, "FINISHED"),
        ("1 / 0", 1, "FAILED"),
        ("sys.exit(0)", 0, "FINISHED"),
        ("sys.exit(3)", 3, "FAILED"),
        ("raise KeyboardInterrupt", 1, "KILLED"),
    ],
)
def test_a_child_of_multiprocessing_ends_its_run(store: Path, method: str, end: str, code: int, status: str) -> None:
    """However its target ends, and whichever way it was started: the run ends likewise, and has all its points."""
    program(store, CHILD.format(method=method, end=end), check=code)
    run = only(store)
    assert run.status == status
    assert steps(run, "loss") == steps(run, "streamed") == list(range(1_000))
    assert (run.error is None) == (end == "pass")


def test_a_child_leaves_its_parents_run_open(store: Path) -> None:
    """What it logs to the run of its parent, and what its finalizers log, is there; the run ends with the parent."""
    body = """
        import multiprocessing, multiprocessing.util

        def target():
            multiprocessing.util.Finalize(None, autolog.log_metric, ("late", 1.0), exitpriority=0)
            run = autolog.active_run()
            for step in range(1_000):
                run.stream().add((run.run_id, "loss", step, 0.5 * step, time.time_ns()))

        with autolog.start_run():
            child = multiprocessing.get_context("fork").Process(target=target)
            child.start()
            child.join()
            autolog.log_param("open", autolog.active_run() is not None)
    """
    program(store, body)
    run = only(store)
    assert (run.status, run.params, run.metrics["late"]) == ("FINISHED", {"open": True}, 1.0)
    assert steps(run, "loss") == list(range(1_000))


def test_a_program_without_multiprocessing_stays_without(store: Path) -> None:
    """Neither a run nor a fork imports it."""
    body = """
        with autolog.start_run():
            if os.fork() == 0:
                autolog.log_metric("loss", 1.0)
                sys.exit("multiprocessing.util" in sys.modules)
        sys.exit(os.waitstatus_to_exitcode(os.wait()[1]) or "multiprocessing.util" in sys.modules)
    """
    program(store, body)
    assert only(store).metrics == {"loss": 1.0}


# ---- forked


FORKS = """
    def without_our_thread():
        alive = [each.name for each in threading.enumerate() if each.name == "autolog-writer"]
        seen.extend(alive)
    seen = []
    os.register_at_fork(before=without_our_thread)  # before autolog's own, which then comes first at a fork
    run = autolog.start_run()
    ended = threading.Event()
    def log():
        step = 0
        while not ended.is_set() or step < 2000:
            run.log_metric("thread", 1.0, step=step)
            if step % 50 == 0:
                run.log_params({f"thread {step}": step})
            if step % 500 == 0:
                time.sleep(0.001)
            step += 1
        run.log_params({"steps": step})
    thread = threading.Thread(target=log)
    thread.start()
    for number in range(200):
        for step in range(10):
            autolog.log_metric("main", 2.0, step=10 * number + step)
        pid = os.fork()
        if pid == 0:
            autolog.log_metric("child", 3.0, step=number)
            autolog.log_params({f"child {number}": number})
            run.log_metrics({"main of child": 4.0}, step=number)
            if number % 20 == 0:
                with autolog.start_run(nested=True, run_name="own"):
                    for step in range(200):
                        autolog.log_metric("own", 5.0, step=step)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert status == 0
    ended.set()
    thread.join()
    autolog.end_run()
    assert not seen, seen
"""


def test_two_hundred_forks_under_load_lose_and_double_nothing(store: Path) -> None:
    """Forked while two threads log, children add to its run or begin their own; no thread of ours lives at a fork."""
    program(store, FORKS)
    parents = [run for run in runs(store) if run.parent_run_id is None]
    (run,) = parents
    assert (run.status, run.notes) == ("FINISHED", [])
    assert steps(run, "main") == list(range(2000))
    assert steps(run, "child") == steps(run, "main of child") == list(range(200))
    assert steps(run, "thread") == list(range(run.params["steps"]))
    assert {key: run.params[key] for key in run.params if key.startswith("child")} == {
        f"child {number}": number for number in range(200)
    }
    assert run.earlier_params == {}
    children = run.children()
    assert [child.status for child in children] == ["FINISHED"] * 10
    assert all(steps(child, "own") == list(range(200)) for child in children)


def test_a_run_that_ended_before_a_fork_takes_facts_from_both_sides(store: Path) -> None:
    """A child that logs to a run of its parent's past writes to its own journal, never into its parent's ring."""
    program(
        store,
        """
        with autolog.start_run(run_name="old") as old:
            for step in range(200):
                old.log_metric("loss", 1.0, step=step)
        with autolog.start_run(run_name="between"):
            autolog.log_metric("loss", 1.0)
        with autolog.start_run(run_name="new") as new:
            for step in range(200):
                new.log_metric("loss", 1.0, step=step)
            if os.fork() == 0:
                for step in range(200, 400):
                    old.log_metric("loss", 1.0, step=step)
                    new.log_metric("child", 1.0, step=step)
                os._exit(0)
            for step in range(200, 400):
                old.log_metric("more", 1.0, step=step)
                new.log_metric("loss", 1.0, step=step)
            os.wait()
        """,
    )
    old, _, new = runs(store)
    assert steps(old, "loss") == list(range(400))
    assert steps(old, "more") == steps(new, "child") == list(range(200, 400))
    assert steps(new, "loss") == list(range(400))


# ---- spawned, threads, tasks


def test_spawned_processes_keep_their_own_runs(store: Path) -> None:
    """Each process that multiprocessing spawns records its own run, beside that of the program."""
    program(
        store,
        """
        import multiprocessing

        def work(number):
            with autolog.start_run(run_name=f"child {number}"):
                for step in range(100):
                    autolog.log_metric("loss", float(number), step=step)

        if __name__ == "__main__":
            with autolog.start_run(run_name="program"):
                processes = [multiprocessing.get_context("spawn").Process(target=work, args=(n,)) for n in range(2)]
                for each in processes:
                    each.start()
                for each in processes:
                    each.join()
                    assert each.exitcode == 0
                autolog.log_param("a", 1)
        """,
    )
    found = {run.run_name: run for run in runs(store)}
    assert set(found) == {"program", "child 0", "child 1"}
    assert {run.status for run in found.values()} == {"FINISHED"}
    for number in range(2):
        assert found[f"child {number}"].history("loss")[-1][:2] == (99, float(number))
        assert steps(found[f"child {number}"], "loss") == list(range(100))
    assert found["program"].metrics == {}


def test_eight_threads_log_to_one_run(store: Path) -> None:
    """Threads without a run of their own log to the only one there is, each of them every point once."""
    autolog.enable(backend=str(store), silent=True)

    def work(thread: int) -> None:
        for step in range(500):
            autolog.log_metric("shared", float(thread), step=step)

    with autolog.start_run():
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = Counter((step, value) for step, value, _ in only(store).history("shared"))
    assert found == Counter((step, float(thread)) for step in range(500) for thread in range(8))


def test_each_thread_has_a_run_of_its_own(store: Path) -> None:
    """A run begun in a thread takes that thread's facts only."""
    autolog.enable(backend=str(store), silent=True)
    together = threading.Barrier(4)

    def work(thread: int) -> None:
        with autolog.start_run(run_name=str(thread)):
            together.wait()
            for step in range(100):
                autolog.log_metric("loss", float(thread), step=step)
            autolog.log_param("thread", thread)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {run.run_name: run for run in runs(store)}
    assert {name: run.params["thread"] for name, run in found.items()} == {str(n): n for n in range(4)}
    for name, run in found.items():
        assert [(step, value) for step, value, _ in run.history("loss")] == [(s, float(str(name))) for s in range(100)]


def test_each_task_has_a_run_of_its_own(store: Path) -> None:
    """Asyncio tasks that take turns on one thread keep their runs apart."""
    autolog.enable(backend=str(store), silent=True)

    async def work(task: int) -> None:
        with autolog.start_run(run_name=str(task)):
            for step in range(20):
                autolog.log_metric("loss", float(task), step=step)
                await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*map(work, range(5)))

    asyncio.run(main())
    found = {run.run_name: run.history("loss") for run in runs(store)}
    assert {name: [point[:2] for point in points] for name, points in found.items()} == {
        str(task): [(step, float(task)) for step in range(20)] for task in range(5)
    }


# ---- ends


LOG = "for step in range(300): autolog.log_metric('loss', 1.0, step=step)\nautolog.log_param('a', 1)\n"


@pytest.mark.parametrize(
    "body, code, status",
    [
        ("autolog.start_run()\n" + LOG + "os._exit(3)", 3, "LOST"),
        ("autolog.start_run()\n" + LOG + "os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", -15, "LOST"),
        (
            "run = autolog.start_run()\ndef end():\n    " + LOG.replace("\n", "\n    ") + "sys.exit(5)\n"
            "thread = threading.Thread(target=end); thread.start(); thread.join()",
            0,
            "FINISHED",
        ),
        ("autolog.start_run()\n" + LOG + "import atexit; atexit.register(lambda: 1 / 0)", 0, "FINISHED"),
        ("with autolog.start_run():\n    " + LOG.replace("\n", "\n    ") + "1 / 0", 1, "FAILED"),
        ("with autolog.start_run():\n    " + LOG.replace("\n", "\n    ") + "raise KeyboardInterrupt", -2, "KILLED"),
    ],
    ids=["os._exit", "SIGTERM", "sys.exit in a thread", "exception at exit", "exception", "KeyboardInterrupt"],
)
def test_however_a_program_ends_its_facts_are_there(store: Path, body: str, code: int, status: str) -> None:
    """The exit code is the program's own, all points and params are there, and the status says how it ended."""
    program(store, body, check=code)
    run = only(store)
    assert (run.status, run.params, steps(run, "loss")) == (status, {"a": 1}, list(range(300)))


def test_daemon_threads_that_log_to_the_last_moment_lose_nothing(store: Path) -> None:
    """What a daemon thread had logged when the interpreter ended is there, with no gap."""
    program(
        store,
        """
        run = autolog.start_run()
        def log(name):
            with open(name, "wb", buffering=0) as logged:
                for step in range(10_000_000):
                    run.log_metric(name, 1.0, step=step)
                    logged.write(b"1")
        for name in "ab":
            threading.Thread(target=log, args=(name,), daemon=True).start()
        time.sleep(0.3)
        """,
    )
    run = only(store)
    for name in "ab":
        logged = (store.parent / name).stat().st_size
        assert logged > 64
        assert steps(run, name)[:logged] == list(range(logged))


# ---- one run, several processes


def test_two_processes_write_to_one_run(store: Path) -> None:
    """A process that resumes a run while another still logs to it adds to it, and ends only its own session."""
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run() as run:
        for step in range(200):
            autolog.log_metric("loss", 1.0, step=step)
        program(
            store,
            f"""
            with autolog.start_run(run_id={run.run_id!r}):
                for step in range(200):
                    autolog.log_metric("other", 2.0, step=step)
                    autolog.log_metric("loss", 2.0, step=1000 + step)
            """,
        )
        for step in range(200, 400):
            autolog.log_metric("loss", 1.0, step=step)
        autolog.log_param("last", True)
    found = only(store)
    assert steps(found, "loss") == [*range(400), *range(1000, 1200)]
    assert steps(found, "other") == list(range(200))
    assert (found.status, found.params) == ("FINISHED", {"last": True})


# ---- alive or not


def header(age: float) -> bytes:
    """Give the beginning of a journal of another host, whose last word was `age` seconds ago."""
    now = time.time_ns() // 1000 - int(age * 1e6)
    said = {**process.identity(), "host": "elsewhere", "format": 1}
    events = [
        Event("ab" * 16, "journal", now, "1a", 0, said),
        Event("ab" * 16, "started", now, "1a", 1, {"session": "s"}),
    ]
    return b"".join(map(encode_line, events))


@pytest.mark.parametrize("age, status", [(25, "RUNNING"), (31, "LOST")])
def test_a_run_of_another_host_lives_for_three_beats(store: Path, age: float, status: str) -> None:
    """Where the process cannot be asked for, the time of its last word decides."""
    (store / ("ab" * 16)).mkdir(parents=True)
    (store / ("ab" * 16) / "1a.jsonl").write_bytes(header(age))
    assert only(store).status == status


def test_a_live_run_of_another_host_beats(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as beats come a run of another host is RUNNING; three promised beats after the last it is LOST."""
    here = process.identity()
    monkeypatch.setattr(process, "identity", lambda: {**here, "host": "elsewhere"})
    monkeypatch.setattr(process, "BEAT", 0.4)
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run():
        time.sleep(2.0)
        assert only(store).status == "RUNNING"
        process._thread.hold(time.monotonic() + 5)
        try:
            deadline = time.monotonic() + 10
            while only(store).status == "RUNNING" and time.monotonic() < deadline:
                time.sleep(0.05)
            assert only(store).status == "LOST"
        finally:
            process._thread.release()
    assert only(store).status == "FINISHED"


def test_a_process_that_its_parent_has_not_asked_about_is_gone(store: Path) -> None:
    """A killed writer is LOST at once, also while its number is still taken."""
    body = f"import autolog; autolog.enable(backend={str(store)!r}, silent=True); autolog.start_run()"
    body += "; print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", body], stdin=-1, stdout=-1, cwd=store.parent) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        assert only(store).status == "RUNNING"
        writer.kill()
        writer.stdout.read()
        deadline = time.monotonic() + 10
        while only(store).status == "RUNNING" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert only(store).status == "LOST"


# ---- many runs at a time


MANY = """
    import resource
    import numpy as np
    from sklearn.linear_model import SGDClassifier
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    rows, labels = np.random.RandomState(0).rand(20, 3), np.arange(20) % 2
    models = [SGDClassifier(alpha=1.0 + number) for number in range(400)]
    for step in range(2):
        for model in models:
            model.partial_fit(rows, labels, classes=[0, 1])
        files = [open(os.devnull) for _ in range(150)]
        print(len(files))
        del files
"""


def test_many_open_runs_leave_the_program_its_files(store: Path) -> None:
    """With 400 runs going on where 256 files may be open, the program can open its own, and no run lacks anything."""
    ended = program(store, MANY)
    assert ended.stdout == "150\n150\n"
    assert "cannot write" not in ended.stderr
    found = runs(store)
    assert sorted(run.params["alpha"] for run in found) == [1.0 + number for number in range(400)]
    assert {run.status for run in found} == {"FINISHED"}
    whole = {(tuple(steps(run, "partial_fit_seconds")), run.unreadable, tuple(run.notes)) for run in found}
    assert whole == {((0, 1), 0, ())}


def test_a_folder_deleted_while_its_file_is_let_go_of_begins_anew(store: Path) -> None:
    """What comes to such a run later is kept, and a note says that the rest is gone; the other runs lack nothing."""
    program(
        store,
        """
        import shutil
        def begin(number):
            run = autolog.start_run(run_name=str(number))
            run.log_params({"before": number})
            begun.append(run)
        begun = []
        for number in range(100):
            thread = threading.Thread(target=begin, args=(number,))  # where no run is active
            thread.start()
            thread.join()
        assert len(os.listdir("/proc/self/fd")) < 90
        shutil.rmtree(begun[0].folder)
        for run in begun:
            run.log_params({"after": 2})
            run.log_metrics({"loss": 1.0})
        """,
    )
    found = {int(run.run_name or -1): run for run in runs(store)}
    assert found[0].params == {"after": 2}
    assert found[0].notes == ["the run's folder was deleted while it ran; what it held is gone"]
    assert all(found[number].params == {"before": number, "after": 2} for number in range(1, 100))
    assert {(*run.metrics.items(), run.unreadable) for run in found.values()} == {(("loss", 1.0), 0)}


# ---- time and idleness


def test_a_clock_that_jumps_back_does_not_change_the_order(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a writer wrote later counts as later, whatever its clock says."""
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run():
        autolog.log_param("a", 1)
        now = time.time_ns()
        monkeypatch.setattr(clock, "now", lambda: now - 3_600_000_000_000)
        autolog.log_param("a", 2)
        autolog.set_tag("t", "later")
    run = only(store)
    assert (run.params["a"], run.earlier_params, run.status) == (2, {"a": [1]}, "FINISHED")


def test_what_comes_to_a_run_later_counts_as_later(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed session, late facts and a deletion win though this clock is an hour behind the one of the record."""
    now = time.time_ns()
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run() as run:
        autolog.log_params({"a": 1, "b": 1})
        autolog.log_metric("loss", 1.0)
    process.close()
    monkeypatch.setattr(clock, "now", lambda: now - 3_600_000_000_000)
    with autolog.start_run(run_id=run.run_id):
        autolog.log_param("a", 2)
        autolog.log_metric("loss", 2.0)
        raised = only(store)
    process.close()
    found = only(store)
    assert (raised.status, found.status, found.params["a"], found.metrics) == ("RUNNING", "FINISHED", 2, {"loss": 2.0})
    assert found.end_time is not None and found.end_time >= found.start_time
    autolog.log_param("b", 2, run_id=run.run_id)
    process.close()
    assert only(store).params == {"a": 2, "b": 2}
    autolog.delete_run(run.run_id)
    assert JournalStore(str(store), LocalFiles(store)).runs() == []


def test_a_thread_with_nothing_to_do_sleeps(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second after the last point of an open run the thread stops looking; the next point wakes it again."""
    autolog.enable(backend=str(store), silent=True)
    looks: list[None] = []
    tend = process._tend
    monkeypatch.setattr(process, "_tend", lambda *args: (looks.append(None), tend(*args)))
    with autolog.start_run():
        for step in range(200):
            autolog.log_metric("loss", 1.0, step=step)
        time.sleep(2.0)
        before = len(looks)
        time.sleep(1.0)
        assert len(looks) - before <= 2
        autolog.log_metric("loss", 1.0, step=200)
        deadline = time.monotonic() + 10
        while len(looks) - before <= 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(looks) - before > 2
    assert steps(only(store), "loss") == list(range(201))


def test_no_thread_that_logs_ever_syncs(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """fsync is called, and by the writing thread alone."""
    callers: set[str] = set()
    fsync = process.os.fsync
    monkeypatch.setattr(process.os, "fsync", lambda file: (callers.add(threading.current_thread().name), fsync(file)))
    monkeypatch.setattr(process, "_SYNC", 0.05)
    autolog.enable(backend=str(store), silent=True)
    with autolog.start_run():
        deadline = time.monotonic() + 10
        while not callers and time.monotonic() < deadline:
            autolog.log_metric("loss", 1.0)
            time.sleep(0.01)
        autolog.log_param("a", 1)
    assert callers == {"autolog-writer"}

"""The load of the machine while runs last."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("psutil")

import psutil

import autolog
from autolog.recording.system import cgroups, sampler
from autolog.recording.system.machine import Machine
from autolog.testing import all_runs, only_run, series
from elsewhere import python
from waiting import wait_until

CPU, MEMORY, NETWORK = (
    f"system/{name}"
    for name in ("cpu_utilization_percentage", "system_memory_usage_megabytes", "network_receive_megabytes")
)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch, store: Path) -> Iterator[None]:
    """Record the load, a sample every hundredth of a second."""
    monkeypatch.setattr(sampler, "_EVERY", 0.01)
    autolog.enable(backend=store, silent=True, log_system_metrics=True)
    yield


def samples(run_id: str) -> list[tuple[int, float]]:
    """What a run has of its processors' load by now."""
    run = autolog.get_run(run_id)
    return series(run, CPU) if CPU in run.metrics else []


@pytest.mark.usefixtures("often")
def test_a_run_has_series_of_the_machines_load() -> None:
    """Each reading is a series of the run, with the sample's number as its step, and of a size that can be."""
    with autolog.start_run() as run:
        wait_until(lambda: len(samples(run.run_id)) >= 5)
    found = only_run()
    assert {CPU, MEMORY, NETWORK, "system/disk_usage_percentage"} <= set(found.metrics)
    steps = [step for step, _ in series(found, CPU)]
    assert steps == list(range(len(steps)))
    assert 0 < found.metrics["system/system_memory_usage_percentage"] < 100
    assert all(value >= 0 for name, value in found.metrics.items() if name.startswith("system/"))
    received = [value for _, value in series(found, NETWORK)]
    assert received == sorted(received)
    assert received[0] < psutil.net_io_counters().bytes_recv / 1e6 or received[0] == 0.0


@pytest.mark.usefixtures("often")
def test_samples_stop_with_the_run() -> None:
    """A run that has ended gets no more, while another still does."""
    with autolog.start_run(run_name="first") as first:
        wait_until(lambda: samples(first.run_id))
    time.sleep(0.1)
    ended_with = samples(first.run_id)
    with autolog.start_run(run_name="second") as second:
        wait_until(lambda: len(samples(second.run_id)) >= 3)
    assert samples(first.run_id) == ended_with


@pytest.mark.usefixtures("often")
def test_only_top_level_runs_are_watched() -> None:
    """What a machine does while a child runs is on the run around it."""
    with autolog.start_run() as run, autolog.start_run(nested=True, run_name="child"):
        wait_until(lambda: samples(run.run_id))
    (child,) = [each for each in all_runs() if each.run_name == "child"]
    assert child.metrics == {}


@pytest.mark.usefixtures("often")
def test_a_pause_is_not_watched(store: Path) -> None:
    """A run that records nothing has no samples either."""
    with autolog.paused(), autolog.start_run():
        time.sleep(0.05)
    assert not store.exists()


def test_off_there_is_neither_a_thread_nor_an_import(store: Path) -> None:
    """A program that does not ask for it pays nothing."""
    done = python(
        "import autolog, sys, threading, json\n"
        "autolog.enable()\n"
        "with autolog.start_run(): pass\n"
        "names = [name for name in sys.modules if 'psutil' in name or 'pynvml' in name or 'recording.system' in name]\n"
        "print(json.dumps([names, [each.name for each in threading.enumerate() if 'system' in each.name]]))",
        AUTOLOG_BACKEND=str(store),
    )
    assert json.loads(done.stdout) == [[], []], done.stderr


def test_without_psutil_the_run_says_so(store: Path) -> None:
    """The program goes on, and the note names the extra."""
    done = python(
        "import sys; sys.modules['psutil'] = None\n"
        "import autolog\n"
        "with autolog.start_run(): autolog.log_metric('m', 1.0)\n",
        AUTOLOG_BACKEND=str(store),
        AUTOLOG_LOG_SYSTEM_METRICS="1",
    )
    assert done.returncode == 0
    run = only_run(store)
    assert run.metrics == {"m": 1.0}
    (note,) = run.notes
    assert note.startswith("session.system failed")
    assert "autolog-ml[system]" in note


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forks_do_not_put_samples_off(store: Path) -> None:
    """A program that forks more often than samples are taken has them all the same, and its children add none."""
    program = f"""
import os, time, autolog
from autolog.recording.system import sampler
sampler._EVERY = 0.3
autolog.enable(backend={str(store)!r}, silent=True, log_system_metrics=True)
with autolog.start_run() as run:
    end = time.monotonic() + 20
    while time.monotonic() < end and autolog.get_run(run.run_id).metrics.get({NETWORK!r}) is None:
        if not (child := os.fork()):
            time.sleep(0.1)
            os._exit(0)
        os.waitpid(child, 0)
"""
    done = python(program)
    assert done.returncode == 0, done.stderr
    steps = [step for step, _ in series(only_run(store), CPU)]
    assert steps == list(range(len(steps)))


def test_a_busy_processor_is_seen(tmp_path: Path) -> None:
    """The load of a loop that rests is less than that of one that does not."""
    machine = Machine(psutil, tmp_path)
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass
    busy = machine.read()["cpu_utilization_percentage"]
    assert 0 < busy <= 100
    limit = cgroups.cpu()
    processors = limit.count if limit else len(os.sched_getaffinity(0))
    assert busy > 50 / processors


def test_a_disk_that_is_gone_is_left_out(tmp_path: Path) -> None:
    """The rest is read all the same."""
    read = Machine(psutil, tmp_path / "gone").read()
    assert "system_memory_usage_megabytes" in read
    assert not any(name.startswith("disk") for name in read)


@pytest.mark.usefixtures("often")
def test_the_thread_ends_with_the_process() -> None:
    """Nothing of ours runs on after the end."""
    from autolog import session

    def ours() -> set[threading.Thread]:
        return {each for each in threading.enumerate() if each.name == "autolog-system"} - before

    before: set[threading.Thread] = set()
    before = ours()
    autolog.start_run()
    wait_until(ours)
    session.get().end()
    assert not ours()


# ---- control groups, from folders as the kernel lays them out


def group(folder: Path, **files: str) -> None:
    """Make a group; `_max` and the like stand for the dot of a file's name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def named(tmp_path: Path, text: str) -> Path:
    """The file that names this process's group."""
    own = tmp_path / "own"
    own.write_text(text)
    return own


def test_version_2_the_tightest_limit_counts(tmp_path: Path) -> None:
    """A group without limits inside one that has them is limited; caches that would be given back are not used."""
    root, own = tmp_path / "root", named(tmp_path, "0::/outer/inner\n")
    group(root / "outer/inner", memory__max="max\n", memory__current="70\n", cpu__max="max 100000\n")
    group(root / "outer", memory__max="1000\n", memory__current="600\n", memory__stat="anon 1\ninactive_file 100\n")
    group(root / "outer", cpu__max="150000 100000\n", cpu__stat="usage_usec 2500000\nuser_usec 1\n")
    assert cgroups.memory(root, own) == cgroups.Memory(1000, 500)
    assert cgroups.cpu(root, own) == cgroups.Cpu(1.5, 2.5)


def test_version_1_by_controller(tmp_path: Path) -> None:
    """Each controller has a folder; the number that stands for no limit is none."""
    root = tmp_path / "root"
    own = named(tmp_path, "4:memory:/job\n2:cpu,cpuacct:/job\n0::/\n")
    group(root / "memory/job", memory__limit_in_bytes="1000", memory__usage_in_bytes="300")
    group(root / "memory/job", memory__stat="total_inactive_file 50\n")
    group(root / "memory", memory__limit_in_bytes="9223372036854771712", memory__usage_in_bytes="9")
    group(root / "cpu/job", cpu__cfs_quota_us="50000", cpu__cfs_period_us="100000", cpuacct__usage="3000000000")
    group(root / "cpu", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000", cpuacct__usage="1")
    assert cgroups.memory(root, own) == cgroups.Memory(1000, 250)
    assert cgroups.cpu(root, own) == cgroups.Cpu(0.5, 3.0)


@pytest.mark.parametrize("text", ["", "garbage\n", "0::/elsewhere\n", "0::/../..\n", "x:y\n\n::\n"])
def test_where_nothing_is_limited_nothing_is_said(tmp_path: Path, text: str) -> None:
    """Another system, a group that is not seen from here, a file of another kind."""
    root = tmp_path / "root"
    group(root, memory__max="nonsense", cpu__max="nonsense")
    assert cgroups.memory(root, named(tmp_path, text)) is None
    assert cgroups.cpu(root, named(tmp_path, text)) is None
    assert cgroups.cpu(root, tmp_path / "absent") is None


def test_this_machine_is_read() -> None:
    """Whatever limits there are here, what is used is within them."""
    limit = cgroups.memory()
    assert limit is None or 0 <= limit.used <= limit.limit
    assert sys.platform != "linux" or Path("/proc/self/cgroup").exists() or cgroups.cpu() is None

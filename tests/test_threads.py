"""Threads, asyncio tasks and copied contexts: each has its own runs, and facts find the run they belong to."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest
from sklearn.dummy import DummyRegressor

import autolog
from autolog.recording.environment import script_name
from autolog.recording.runs import ActiveRun
from autolog.testing import all_runs, in_thread

pytestmark = pytest.mark.usefixtures("recording")


def test_runs_of_two_threads_do_not_mix() -> None:
    """Each thread has its own active run, and while both are open a third thread's facts go to neither."""
    ready, done = threading.Barrier(3, timeout=20), threading.Barrier(3, timeout=20)

    def work(name: str) -> None:
        with autolog.start_run(run_name=name):
            ready.wait()
            autolog.log_param("who", name)
            done.wait()

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    ready.wait()
    in_thread(lambda: autolog.log_param("who", "c"))
    done.wait()
    for thread in threads:
        thread.join()
    runs = {run.run_name: run.params["who"] for run in all_runs()}
    assert runs == {"a": "a", "b": "b", script_name(): "c"}


def test_a_thread_without_context_logs_to_the_only_run() -> None:
    """While exactly one run is open in the process, a plain thread's facts are its."""
    with autolog.start_run() as run:
        assert in_thread(autolog.active_run) is run
        in_thread(lambda: autolog.log_metric("m", 1.0))
        nested = in_thread(lambda: autolog.start_run(nested=True))
        assert nested.parent_run_id == run.run_id
        nested.end()
    assert autolog.get_run(run.run_id).metrics == {"m": 1.0}


def test_asyncio_tasks_inherit_and_keep_their_runs() -> None:
    """A task logs to the run that was active where it was made, to its own inside, and begins one when that ended."""

    async def child() -> ActiveRun:
        with autolog.start_run(nested=True) as run:
            await asyncio.sleep(0)
            autolog.log_metric("m", 1.0)
        autolog.log_metric("back", 1.0)
        return run

    async def late(go: asyncio.Event) -> ActiveRun:
        await go.wait()
        assert autolog.active_run() is None
        autolog.log_metric("late", 1.0)
        with autolog.start_run() as run:
            return run

    async def main() -> tuple[Any, ...]:
        go = asyncio.Event()
        with autolog.start_run() as outer:
            straggler = asyncio.create_task(late(go))
            children = await asyncio.gather(child(), child())
            autolog.log_metric("m", 0.0)
        go.set()
        return outer, children, await straggler

    outer, children, late_run = asyncio.run(main())
    found = autolog.get_run(outer.run_id)
    assert found.metrics == {"m": 0.0, "back": 1.0, "late": 1.0}
    assert {each.run_id for each in found.children()} == {each.run_id for each in children}
    assert late_run.parent_run_id is None


def test_a_copied_context_keeps_its_run() -> None:
    """`contextvars.copy_context` carries the run into another thread, and what begins there stays there."""
    with autolog.start_run() as run:
        copied = contextvars.copy_context()
        with autolog.start_run(nested=True) as other:
            in_thread(lambda: copied.run(autolog.log_metric, "m", 1.0))
            in_thread(lambda: copied.run(autolog.start_run, nested=True, run_name="there"))
            assert autolog.active_run() is other
    assert autolog.get_run(run.run_id).metrics == {"m": 1.0}


def test_fits_at_once_in_threads_are_complete_runs() -> None:
    """Four threads that fit at the same time give four runs, each with all its facts."""
    ready = threading.Barrier(4, timeout=20)

    def work(number: int) -> None:
        ready.wait()
        DummyRegressor(strategy="constant", constant=float(number)).fit([[0.0], [1.0]], [0.0, 1.0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = all_runs()
    assert sorted(run.params["constant"] for run in found) == [0.0, 1.0, 2.0, 3.0]
    for run in found:
        assert (run.status, run.parent_run_id, len(run.inputs), len(run.models)) == ("FINISHED", None, 1, 1)

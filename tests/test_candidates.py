"""Candidates are written by whoever runs them: seen while the search goes on, kept when a process is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn")
import joblib

import autolog
from autolog.recording.candidates import candidate, kept_splits, log_split, unwritten
from autolog.store.run import Run

SLOW = """
import os, sys, time
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
class Slow(ClassifierMixin, BaseEstimator):
    def __init__(self, depth=0, folder="", die=False):
        self.depth, self.folder, self.die = depth, folder, die
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        if self.die:
            os.kill(os.getpid(), 9)
        while self.folder and not os.path.exists(os.path.join(self.folder, f"go{self.depth}")):
            time.sleep(0.01)
        return self
    def predict(self, X):
        return np.full(len(X), self.classes_[0])
"""
SEARCH = """
import json, os, sys
sys.path.insert(0, os.getcwd())
import numpy as np
from sklearn.model_selection import GridSearchCV
from slow import Slow
import autolog
X, y = np.arange(40.0).reshape(-1, 1), np.arange(40) % 2
autolog.enable(backend="runs", silent=True)
"""


def start(folder: Path, code: str, **options: Any) -> subprocess.Popen[str]:
    """Start a program that finds `slow` beside it, in a process group of its own."""
    (folder / "slow.py").write_text(SLOW)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(
        [sys.executable, "-c", SEARCH + code], cwd=folder, start_new_session=True, **pipes, **options
    )


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Give what starts a program, whose group is killed after the test."""
    processes: list[subprocess.Popen[str]] = []

    def begin(code: str) -> subprocess.Popen[str]:
        processes.append(start(tmp_path, code))
        return processes[-1]

    yield begin
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def searches(folder: Path) -> list[Run]:
    if not (folder / "runs").exists():
        return []
    found = autolog.search_runs(output_format="list", store=folder / "runs")
    return [run for run in found if run.parent_run_id is None]


def state(folder: Path) -> list[tuple[str, int]]:
    """Give status and number of splits of each candidate."""
    (run,) = searches(folder) or [None]
    children = sorted(run.children(), key=lambda child: str(child.run_name)) if run is not None else []
    return [(child.status, len(child.splits)) for child in children]


def wait_for(folder: Path, expected: Callable[[list[tuple[str, int]]], bool]) -> list[tuple[str, int]]:
    deadline = time.monotonic() + 120  # a busy machine starts workers slowly
    while not expected(found := state(folder)):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("jobs", [1, 2])
def test_another_process_sees_splits_come_in_and_kill_9_keeps_them(
    jobs: int, tmp_path: Path, started: Callable[[str], subprocess.Popen[str]]
) -> None:
    """What has finished is FINISHED while the rest runs; after the kill the rest is LOST, every split still there."""
    process = started(f"GridSearchCV(Slow(folder='.'), {{'depth': [0, 1, 2]}}, cv=2, n_jobs={jobs}).fit(X, y)")
    wait_for(tmp_path, lambda found: len(found) == 1 if jobs == 1 else len(found) >= 1)
    assert set(state(tmp_path)) == {("RUNNING", 0)}
    (tmp_path / "go0").touch()
    wait_for(tmp_path, lambda found: found[:2] == [("FINISHED", 2), ("RUNNING", 0)])
    (run,) = searches(tmp_path)
    assert run.status == "RUNNING"
    assert "mean_test_score" in run.children()[0].metrics
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(tmp_path, lambda found: {status for status, _ in found} == {"FINISHED", "LOST"})
    assert searches(tmp_path)[0].status == "LOST"
    assert state(tmp_path)[:2] == [("FINISHED", 2), ("LOST", 0)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_kills_what_has_not_finished(
    jobs: int, tmp_path: Path, started: Callable[[str], subprocess.Popen[str]]
) -> None:
    """The search and its unfinished candidates are KILLED, others stay FINISHED; the program ends by the signal."""
    process = started(f"GridSearchCV(Slow(folder='.'), {{'depth': [0, 1, 2]}}, cv=2, n_jobs={jobs}).fit(X, y)")
    (tmp_path / "go0").touch()
    wait_for(tmp_path, lambda found: found[:2] == [("FINISHED", 2), ("RUNNING", 0)])
    os.killpg(process.pid, signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=60)[1]
    assert process.returncode == -signal.SIGINT
    assert searches(tmp_path)[0].status == "KILLED"
    found = state(tmp_path)
    assert found[0] == ("FINISHED", 2)
    assert {status for status, _ in found[1:]} == {"KILLED"}


def test_a_killed_worker_is_the_users_error(tmp_path: Path, started: Callable[[str], subprocess.Popen[str]]) -> None:
    """What joblib raises goes on unchanged; the search failed with it."""
    process = started("GridSearchCV(Slow(), {'die': [True]}, cv=2, n_jobs=2).fit(X, y)")
    said = process.communicate(timeout=60)[1]
    assert "TerminatedWorkerError" in said
    assert "autolog" not in said
    assert process.returncode == 1
    (run,) = searches(tmp_path)
    assert run.status == "FAILED"
    assert run.error is not None
    assert "TerminatedWorkerError" in run.error["type"]
    assert {status for status, _ in state(tmp_path)} <= {"KILLED"}


WITHOUT = """
import joblib
from sklearn.model_selection import cross_validate
class Finder:
    def __init__(self, finders):
        self.finders = finders
    def find_spec(self, name, path=None, target=None):
        if not name.startswith("autolog"):
            return next(filter(None, (finder.find_spec(name, path, target) for finder in self.finders)), None)
def block():
    assert loaded() == []
    sys.meta_path[:] = [Finder(sys.meta_path[:])]
def loaded():
    return sorted(name for name in sys.modules if name.startswith("autolog"))
"""


@pytest.mark.skipif(not hasattr(joblib, "parallel_config"), reason="joblib before 1.3 starts no workers as it is told")
def test_where_autolog_is_not_installed_the_bare_task_runs(
    tmp_path: Path, started: Callable[[str], subprocess.Popen[str]]
) -> None:
    """Workers that lack it give the same results; the children are written at the end, and the run says so."""
    code = (
        WITHOUT
        + """
with joblib.parallel_config("loky", n_jobs=2, initializer=block):
    search = GridSearchCV(Slow(), {"depth": [0, 1]}, cv=2, return_train_score=True).fit(X, y)
    scores = cross_validate(Slow(), X, y, cv=2)
    autolog.disable()
    there = joblib.Parallel()(joblib.delayed(loaded)() for _ in range(4))
print(json.dumps([there, search.cv_results_["split1_test_score"].tolist(), scores["test_score"].tolist()]))
"""
    )
    out, said = started(code).communicate(timeout=120)
    assert said == ""
    there, scores, folds = json.loads(out)
    assert there == [[]] * 4
    validated, search = searches(tmp_path)
    assert [child.metrics["split_test_score"] for child in search.children()] == scores
    assert [child.status for child in search.children()] == ["FINISHED"] * 2
    assert [len(child.splits) for child in search.children()] == [2, 2]
    assert "split_train_score" in search.children()[0].metrics
    assert sorted(child.metrics["test_score"] for child in validated.children()) == sorted(folds)
    for run in (search, validated):
        assert len([note for note in run.notes if "where they ran, nothing could be" in note]) == 1


DASK = """
import joblib, logging
from dask.distributed import Client, LocalCluster
from sklearn.model_selection import cross_val_score
if __name__ == "__main__":
    results = []
    for processes in (True, False):
        with LocalCluster(processes=processes, n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
            with Client(cluster), joblib.parallel_config("dask"):
                search = GridSearchCV(Slow(), {"depth": [0, 1, 2]}, cv=2).fit(X, y)
                results.append(search.cv_results_["split1_test_score"].tolist())
                cross_val_score(Slow(), X, y, cv=3)
    print(json.dumps(results))
"""


def test_a_search_on_dask_is_whole(tmp_path: Path, started: Callable[[str], subprocess.Popen[str]]) -> None:
    """With workers that are processes, and with threads: no split is missing where it ran, none is twice."""
    pytest.importorskip("distributed")
    out, said = started(DASK).communicate(timeout=120)
    assert out, said
    found = searches(tmp_path)
    assert [run.run_name for run in found] == ["cross_val_score", "GridSearchCV"] * 2
    for run, scores in zip(reversed(found[1::2]), json.loads(out), strict=True):
        children = sorted(run.children(), key=lambda child: str(child.run_name))
        assert [child.metrics["split_test_score"] for child in children] == scores
    for run in found:
        assert [note for note in run.notes if "where they ran" in note] == []
        assert [child.status for child in run.children()] == ["FINISHED"] * 3


# ---- the parts


@pytest.fixture
def parent(store: Path) -> Iterator[Any]:
    autolog.enable(backend=store, silent=True)
    with autolog.start_run() as run:
        yield run


def test_a_candidate_is_one_run_however_often_it_is_begun(parent: Any) -> None:
    """By its number; its params are asked for once, and its id follows from the parent's and its number."""
    asked: list[int] = []

    def params() -> dict[str, int]:
        asked.append(1)
        return {"depth": 3}

    for split in (1, 0):
        log_split(candidate(parent, 7, "candidate 7", params, splits=2, tags={"round": 1}), split, {"split_a": split})
    (child,) = autolog.get_run(parent.run_id).children()
    assert (asked, child.params, child.tags["round"], child.status) == ([1], {"depth": 3}, 1, "FINISHED")
    assert child.run_id == parent.child(7, "").run_id != parent.child(8, "").run_id
    assert [(step, value) for step, value, _ in child.history("split_a")] == [(0, 0.0), (1, 1.0)]
    assert (child.metrics["mean_a"], child.metrics["std_a"]) == (0.5, 0.5)


def test_what_no_process_has_written_is_known(parent: Any) -> None:
    """Splits of this process, and of another that wrote into the same folder."""
    run = candidate(parent, 0, "candidate 0", dict)
    log_split(run, 0, {})
    if (child := os.fork()) == 0:
        try:
            log_split(candidate(parent, 1, "candidate 1", dict), 1, {})
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert unwritten(parent, [(0, 0), (0, 1), (1, 0), (1, 1)]) == [(0, 1), (1, 0)]


def test_what_a_search_was_told_itself_is_given_back_by_candidate_and_split(parent: Any) -> None:
    """By whichever process; with errors, and with infinite and missing numbers; what candidates have is left out."""
    error = {"type": "a.B", "message": "B: no", "traceback": "here"}
    log_split(parent, 0, {"a": float("inf"), "b": float("nan")}, candidate=3, params={"depth": 1})
    log_split(candidate(parent, 3, "candidate 3", dict), 1, {"a": 1.0})
    if (child := os.fork()) == 0:
        try:
            log_split(parent, 1, {"a": 2.0}, error, candidate=4)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    kept = kept_splits(parent)
    assert set(kept) == {(3, 0), (4, 1)}
    assert str(kept[3, 0]["metrics"]) == "{'a': inf, 'b': nan}"
    assert kept[3, 0]["params"] == {"depth": 1}
    assert (kept[4, 1]["metrics"], kept[4, 1]["error"]) == ({"a": 2.0}, error)
    assert autolog.get_run(parent.run_id).error is None


def test_an_error_and_numbers_that_are_none_keep_their_form(parent: Any) -> None:
    """Infinite and missing numbers are read back as such; an error makes the candidate FAILED, without its secrets."""
    run = candidate(parent, 0, "candidate 0", dict, splits=1)
    error = {"type": "a.B", "message": "at https://me:secret@host/", "traceback": "here"}
    log_split(run, 0, {"a": float("nan"), "b": float("inf"), "c": True}, error, n_test_samples=3)
    (child,) = autolog.get_run(parent.run_id).children()
    assert str(child.splits[0]["metrics"]) == "{'a': nan, 'b': inf, 'c': 1.0}"
    assert child.splits[0]["n_test_samples"] == 3
    assert child.status == "FAILED"
    assert "secret" not in str(child.error)

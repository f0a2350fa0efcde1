"""What is made after a fit, on a thread of ours: from copies, in order, and not lost with the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import autolog
from autolog import session
from autolog.recording import afterwards

pytest.importorskip("sklearn")
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import confusion_matrix

X, Y = load_iris(return_X_y=True)


class Notes:
    """Takes notes."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def note(self, text: str) -> None:
        self.taken.append(text)


@pytest.fixture
def busy() -> Any:
    """Keep the thread busy until the test lets it go on."""
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        go_on.wait(10)

    afterwards.do("hold", Notes(), "nothing", hold)
    assert begun.wait(10)
    yield go_on
    go_on.set()
    afterwards.wait(10)


def charts(run_id: str) -> dict[str, dict[str, Any]]:
    """Give the charts of a fit by their kinds."""
    path = autolog.get_run(run_id).artifact_path("charts/training.json")
    return {chart["kind"]: chart for chart in json.loads(path.read_text())["charts"]}


def test_what_the_user_changes_after_a_fit_is_not_in_its_charts(store: Path, busy: threading.Event) -> None:
    """The charts of a fit show the truth as it was, though they are made after the user has changed it in place."""
    autolog.enable(backend=store, silent=True)
    labels, targets = Y.copy(), X[:, 0].copy()
    model = LogisticRegression(max_iter=500).fit(X, labels)
    classified = autolog.last_run().run_id
    expected = confusion_matrix(labels, model.predict(X))
    line = LinearRegression().fit(X[:, 1:], targets)
    median = float(np.quantile(targets - line.predict(X[:, 1:]), 0.5))
    regressed = autolog.last_run().run_id
    labels[:] = 0
    targets[:] = 0
    busy.set()
    counts = np.zeros((3, 3), int)
    for true, predicted, count in charts(classified)["confusion_matrix"]["data"]:
        counts[int(true), int(predicted)] = count
    assert (counts == expected).all()
    assert {row[1]: row[2] for row in charts(regressed)["residual_quantiles"]["data"]}[0.5] == pytest.approx(median)


def test_of_two_that_wait_under_one_key_the_later_is_done(busy: threading.Event) -> None:
    """Work that would make the same thing replaces what still waits; all else is done in order."""
    done: list[str] = []
    for key, what in (("a", "first"), ("b", "second"), ("a", "third")):
        afterwards.do(key, Notes(), what, done.append, what)
    busy.set()
    afterwards.wait(10)
    assert done == ["third", "second"]


def test_too_much_work_is_noted_and_not_kept(busy: threading.Event) -> None:
    """Work beyond what the thread can keep up with is left out, and the run's notes say so."""
    notes, done = Notes(), []
    for number in range(afterwards._MOST + 3):
        afterwards.do(number, notes, f"chart {number}", done.append, number)
    busy.set()
    afterwards.wait(10)
    assert len(done) == afterwards._MOST
    assert len(notes.taken) == 3 and notes.taken[0].startswith("no chart ")


def test_what_is_not_done_in_time_is_noted(busy: threading.Event) -> None:
    """At the end of the process, what could not be done in time is said to be missing."""
    notes = Notes()
    afterwards.do("slow", notes, "chart", lambda: None)
    afterwards.finish(0)
    assert notes.taken == ["no chart: the process ended before it was made"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_leaves_the_parents_work_to_the_parent(busy: threading.Event) -> None:
    """A forked child finds nothing to do, and can do work of its own."""
    done: list[str] = []
    afterwards.do("parent", Notes(), "chart", done.append, "parent")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        afterwards.do("child", Notes(), "chart", done.append, "child")
        afterwards.wait(10)
        os.write(writing, ",".join(done).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        assert said.read() == "child"
    os.waitpid(child, 0)
    busy.set()
    afterwards.wait(10)
    assert done == ["parent"]


def test_a_worker_does_it_at_once(busy: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was set up by a task does the work before the task returns, since it may be ended then."""
    monkeypatch.setattr(session.get(), "_adopted", {"enabled": True})
    busy.set()
    done: list[int] = []
    for number in range(20):
        afterwards.do(number, Notes(), "chart", done.append, number)
        afterwards._working.acquire()  # held while a piece is being done
        afterwards._working.release()
    assert done == list(range(20))


def test_the_end_of_a_process_waits_for_charts(tmp_path: Path) -> None:
    """A program that ends right after its fit has the charts of it."""
    program = (
        "import autolog; autolog.enable(silent=True)\n"
        "from sklearn.datasets import load_iris\n"
        "from sklearn.naive_bayes import GaussianNB\n"
        "GaussianNB().fit(*load_iris(return_X_y=True))\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=60)
    (run,) = autolog.search_runs(store=tmp_path / "autolog-runs", output_format="list")
    assert "charts/training.json" in run.artifacts and run.notes == []

"""In a real Jupyter kernel: what one cell begins, the next ones go on with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autolog.testing import all_runs

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")
pytestmark = pytest.mark.filterwarnings("ignore")  # jupyter's own, about event loops and sockets

SETUP = """
import autolog, os
autolog.enable()
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
"""


class Notebook:
    """A kernel, cell by cell."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.errors: list[str] = []

    def run(self, *cells: str) -> None:
        for source in cells:
            cell = nbformat.v4.new_code_cell(source)
            self._client.nb.cells.append(cell)
            try:
                self._client.execute_cell(cell, len(self._client.nb.cells) - 1)
            except nbclient.exceptions.CellExecutionError as error:
                self.errors.append(error.ename)

    def stop(self, *, kill: bool = False) -> None:
        """End the kernel as the user's shutdown or restart does, or without asking it."""
        nbclient.util.run_sync(self._client.km.shutdown_kernel)(now=kill)


@pytest.fixture
def notebook(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    monkeypatch.setenv("AUTOLOG_BACKEND", str(store))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    client = nbclient.NotebookClient(nbformat.v4.new_notebook(), timeout=60, kernel_name="python3")
    with client.setup_kernel(cwd=os.fspath(tmp_path)):
        yield Notebook(client)


def test_cells_share_their_runs(notebook: Notebook, store: Path) -> None:
    """A fit in one cell takes metrics from a later one, a run may span cells, and an error in a cell harms neither."""
    notebook.run(
        SETUP,
        "model = LogisticRegression().fit(X, y)",
        "predicted = model.predict(X)",
        "accuracy_score(y, predicted)",
        "autolog.log_param('by_hand', 1)",
        "LogisticRegression(C=-1.0).fit(X, y)",
        "run = autolog.start_run(run_name='across')",
        "autolog.log_metric('a', 1.0)",
        "LogisticRegression().fit(X, y)",
        "child = autolog.start_run(nested=True, run_name='child')",
        "autolog.log_metric('b', 2.0)",
        "autolog.end_run()",
        "autolog.start_run()",
        "raise KeyError('mine')",
        "autolog.log_metric('c', 3.0)",
        "autolog.end_run()",
        "assert autolog.active_run() is None",
        "with autolog.start_run(run_name='open'):\n    1 / 0",
        "left = autolog.start_run(run_name='left')",
    )
    assert notebook.errors == ["InvalidParameterError", "UsageError", "KeyError", "ZeroDivisionError"]
    assert [run.status for run in all_runs(store) if run.run_name == "left"] == ["RUNNING"]
    notebook.stop()
    fitted, failed, across, child, opened, left = all_runs(store)
    assert fitted.params["by_hand"] == 1
    assert any("accuracy_score" in name for name in fitted.metrics)
    assert (failed.run_name, failed.status) == ("LogisticRegression", "FAILED")
    assert (across.status, across.metrics["a"], across.metrics["c"]) == ("FINISHED", 1.0, 3.0)
    assert across.params["C"] == 1.0
    assert (child.parent_run_id, child.metrics, child.status) == (across.run_id, {"b": 2.0}, "FINISHED")
    assert (opened.status, opened.error["type"]) == ("FAILED", "builtins.ZeroDivisionError")
    assert left.status == "FINISHED"
    assert left.error is None
    assert {run.environment["script"] for run in (fitted, failed, across, opened, left)} == {"notebook"}
    assert "arguments" not in fitted.environment


def test_a_kernel_that_dies_leaves_its_run_lost(notebook: Notebook, store: Path) -> None:
    """A killed kernel's open run is LOST with all it logged; it is not waited for."""
    notebook.run(SETUP, "autolog.start_run(run_name='open'); autolog.log_metric('m', 1.0)")
    notebook.stop(kill=True)
    (run,) = all_runs(store)
    assert (run.status, run.metrics) == ("LOST", {"m": 1.0})

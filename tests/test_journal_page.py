"""The journal's page is enough to read journals: a decoder that was written from it finds what the store finds."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import autolog
import decoder
from autolog.journal.ring import CAPACITY
from autolog.testing import all_runs

SEARCH = """
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
X = np.random.default_rng(0).normal(size=(40, 3))
y = (X[:, 0] > 0).astype(int)
search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X, y)
accuracy_score(y, search.predict(X))
"""
ODD = """
import math
with autolog.start_run(run_name="größe", tags={"a": 1, "b": (1, 2)}, experiment="other") as run:
    autolog.log_params({"t": (1, [2.5, None]), "d": {1: "x", "$y": 2}, "i": -(1 << 2000), "big": 1 << 70, "$float": 1})
    autolog.log_params({"s": {1, 2}, "raw": b"\\x00", "c": complex(1, math.inf), "n": math.nan, "e": 5e-324})
    autolog.log_param("text", "\\ud800")
    for step, value in [(5, math.nan), (-(1 << 63), math.inf), ((1 << 63) - 1, -0.0), (5, 1.0), (5, 2.0)]:
        autolog.log_metric("odd @ name", value, step=step)
    autolog.set_tags({"b": "again", "gone": 1})
    autolog.delete_tag("gone")
    autolog.log_text("hello", "deep/a b.txt")
    autolog.log_input([[1, 2]], name="rows", context="train")
    with autolog.start_run(nested=True):
        autolog.log_metrics({"loss": 0.5, "auc": 0.25}, step=3)
with autolog.start_run(run_id=run.run_id):
    autolog.log_param("t", "in a second session")
try:
    with autolog.start_run(run_name="broken"):
        raise ValueError("no")
except ValueError:
    pass
"""
KILLED = """
import os, signal
with autolog.start_run(run_name="killed"):
    for step in range(100_000):
        autolog.log_metric("loss", step * 0.5, step=step)
        if step % 7 == 0:
            autolog.log_metric("other", -step, step=step)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def record(folder: Path, program: str) -> None:
    """Record into a folder, in another process."""
    begin = f"import autolog\nautolog.enable(backend={str(folder)!r}, silent=True)\n"
    subprocess.run([sys.executable, "-c", begin + program], check=False)


def decoded(folder: Path) -> dict[str, dict[str, Any]]:
    return {run: facts for tree in folder.iterdir() for run, facts in decoder.runs(tree).items()}


def points(found: list[tuple[int, float, float]]) -> list[tuple[int, str, float]]:
    """Points that can be compared, NaN with NaN."""
    return [(step, float(value).hex(), time) for step, value, time in found]


def agree(facts: dict[str, Any], run: autolog.Run) -> None:
    """The decoder and the store say the same of a run."""
    assert (facts["run_name"], facts["experiment"]) == (run.run_name, run.experiment)
    assert facts["parent"] == run.parent_run_id
    assert facts["start"] == round(run.start_time.timestamp() * 1e6)
    assert facts["status"] == (run.status if run.status not in ("LOST", "RUNNING") else None)
    assert repr(facts["params"]) == repr(run.params)
    assert facts["tags"] == run.tags
    assert facts["inputs"] == [(each["name"], each["digest"], each["context"]) for each in run.inputs]
    assert facts["artifacts"] == {path: each["sha256"] for path, each in run.artifacts.items()}
    assert facts["notes"] == run.notes
    assert facts["splits"] == sorted(run.splits, key=lambda split: split["split"])
    for key, series in facts["series"].items():
        assert points([(s, v, t / 1e6) for s, v, t in series]) == points(run.history(key))


@pytest.mark.parametrize("program", [SEARCH, ODD, KILLED], ids=["a search", "odd values", "killed"])
def test_the_decoder_finds_what_the_store_finds(program: str, tmp_path: Path) -> None:
    """Runs, children, values, series, splits, and what a killed process left in its ring."""
    record(tmp_path / "runs", program)
    runs = all_runs(tmp_path / "runs")
    found = decoded(tmp_path / "runs")
    assert set(found) == {run.run_id for run in runs} != set()
    for run in runs:
        agree(found[run.run_id], run)


def test_a_ring_is_left_and_read(tmp_path: Path) -> None:
    """A killed process loses no point; the ring alone has as many of them as it has slots, the last ones."""
    record(tmp_path / "runs", KILLED)
    (tree,) = (tmp_path / "runs").iterdir()
    whole = decoder.runs(tree)[tree.name]["series"]
    assert [len(whole[key]) for key in ("loss", "other")] == [100_000, 14_286]
    (path,) = tree.glob("*.jsonl")
    path.write_bytes(b"".join(line for line in path.read_bytes().splitlines(True) if b'"kind":"points"' not in line))
    last = decoder.runs(tree)[tree.name]["series"]
    assert sum(map(len, last.values())) == CAPACITY
    assert last["loss"] == whole["loss"][-len(last["loss"]) :]


def test_segments_are_read_as_the_file_is(tmp_path: Path) -> None:
    """Pieces of a journal that overlap, written as the page says, are the journal; to the store, and to the decoder."""
    record(tmp_path / "runs", ODD)
    shutil.copytree(tmp_path / "runs", tmp_path / "pieces")
    for path in (tmp_path / "pieces").glob("*/*.jsonl"):
        lines = path.read_bytes()
        path.with_suffix("").mkdir()
        for begin, end in ((0, 700), (500, len(lines))):
            piece = lines[begin:end]
            (path.with_suffix("") / f"{begin:020d}-{len(piece)}.jsonl.gz").write_bytes(gzip.compress(piece))
        path.unlink()
    assert repr(decoded(tmp_path / "pieces")) == repr(decoded(tmp_path / "runs"))
    for run in all_runs(tmp_path / "pieces"):
        agree(decoded(tmp_path / "pieces")[run.run_id], run)


def test_damage_costs_the_line(tmp_path: Path) -> None:
    """A line with a flipped bit is nothing to either; all others are there."""
    record(tmp_path / "runs", ODD)
    path = next(path for path in (tmp_path / "runs").glob("*/*.jsonl") if b"odd @ name" in path.read_bytes())
    lines = path.read_bytes().split(b"\n")
    place = next(index for index, line in enumerate(lines) if b'"kind":"points"' in line)
    lines[place] = lines[place].replace(b'"kind":"points"', b'"kind":"pointz"')
    path.write_bytes(b"\n".join(lines))
    (run,) = [run for run in all_runs(tmp_path / "runs") if run.run_name == "größe"]
    found = decoded(tmp_path / "runs")[run.run_id]
    assert found["series"].keys() == run.metrics.keys()
    assert run.unreadable == 1


def test_the_id_of_a_candidate_follows_from_its_parent(tmp_path: Path) -> None:
    """By the formula of the page."""
    record(tmp_path / "runs", SEARCH)
    runs = all_runs(tmp_path / "runs")
    (parent,) = [run.run_id for run in runs if run.parent_run_id is None]
    lines = [line for path in (tmp_path / "runs").glob("*/*.jsonl") for line in path.read_text().splitlines()]
    starts = [json.loads(line) for line in lines if '"kind":"started"' in line]
    (session,) = [start["data"]["session"] for start in starts if start["run"] == parent]
    assert {decoder.candidate(parent, session, number) for number in range(2)} == {
        run.run_id for run in runs if run.parent_run_id == parent
    }

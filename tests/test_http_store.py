"""A server as a store: what was recorded reads back from there as from the folder it was recorded in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autolog
from autolog.exceptions import ModelError, RunNotFoundError, UsageError
from autolog.store.run import Run
from autolog.testing import all_runs
from autolog_http import asking
from autolog_http.client import ServerError
from mlflow_server import free_port

EXPERIMENT = "read back"

RECORD = """
import datetime, math, os, signal, sys
import autolog
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

autolog.enable(backend=sys.argv[1], experiment=sys.argv[2], silent=True)
data = np.random.RandomState(0).rand(60, 3)
GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(data, data.sum(1) > 1.5)
with autolog.start_run(run_name="typed", tags={"team": "red", "size": 5}):
    autolog.log_params({"text": "1.0", "number": 1.0, "int": 1, "true": True, "True": "True", "none": None})
    autolog.log_params({"nan": math.nan, "list": [1, "2"], "tuple": (1, 2), "date": datetime.date(2026, 1, 1)})
    autolog.log_params({"a name!": "x", "long": "y" * 9000})
    autolog.log_params({"again": 1})
    autolog.log_params({"again": 2})
    for step in range(20):
        autolog.log_metric("loss", 1 / (step + 1), step=step)
        autolog.log_metric("same", 0.5, step=0)
    autolog.log_metrics({"inf": math.inf, "nan": math.nan, "negative": -2.5, "ndcg@10": 0.25})
    autolog.set_tags({"gone": "x", "mood": "good", "typed": (1, 2)})
    autolog.log_text("hello", "notes/a b.txt")
with autolog.start_run():
    autolog.log_params({"large": list(range(20_000)), "number": 2})
with autolog.start_run(run_name="nameless", tags={"": "no name"}):
    autolog.log_params({"": 1, "a@b": 2})
try:
    with autolog.start_run(run_name="failed"):
        autolog.log_metric("loss", 0.5)
        raise ValueError("on purpose")
except ValueError:
    pass
with autolog.start_run(run_name="lost"):
    with autolog.start_run(run_name="inner", nested=True):
        autolog.log_metric("loss", 0.25)
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Both(NamedTuple):
    """The same runs in a folder and at a server."""

    folder: Path
    uri: str

    def run(self, name: str) -> tuple[Run, Run]:
        """Give a run by its name, from either."""
        (here,) = (run for run in all_runs(self.folder) if run.run_name == name)
        return here, autolog.get_run(here.run_id, store=self.uri)

    def listed(self, filter_string: str = "") -> tuple[dict[str, Run], dict[str, Run]]:
        """Give the runs that a filter finds in either, by id."""
        asked: Any = {"filter_string": filter_string, "experiment_names": [EXPERIMENT], "output_format": "list"}
        here, there = (autolog.search_runs(**asked, store=each) for each in (self.folder, self.uri))
        return {run.run_id: run for run in here}, {run.run_id: run for run in there}


@pytest.fixture(scope="module")
def both(mlflow_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """Runs of all kinds, recorded into a folder and delivered to a server."""
    folder = tmp_path_factory.mktemp("read back") / "runs"
    recorded = subprocess.run([sys.executable, "-c", RECORD, folder, EXPERIMENT], capture_output=True, text=True)
    assert recorded.returncode == -9, recorded.stderr
    command = [sys.executable, "-m", "autolog", "sync", folder, "--to", mlflow_uri]
    subprocess.run(command, check=True, capture_output=True)
    return Both(folder, mlflow_uri)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


# ---- the same runs


def test_each_run_is_as_it_was_recorded(both: Both) -> None:
    """Every field of every run, series point for point, is what the folder says."""
    for here in all_runs(both.folder):
        there = autolog.get_run(here.run_id, store=both.uri)
        for field in (each.name for each in fields(Run) if not each.name.startswith("_")):
            assert repr(getattr(there, field)) == repr(getattr(here, field)), field
        assert [repr(there.history(key)) for key in there.metrics] == [repr(here.history(key)) for key in here.metrics]
        assert [child.run_id for child in there.children()] == [child.run_id for child in here.children()]


def test_a_list_says_what_a_search_looks_at(both: Both) -> None:
    """Names, times, status, typed params and tags, and metrics of a list are those that were recorded."""
    here, there = both.listed()
    assert here.keys() == there.keys()
    for run_id, run in here.items():
        other = there[run_id]
        for field in ("run_name", "experiment", "parent_run_id", "status", "start_time", "end_time", "duration"):
            assert getattr(other, field) == getattr(run, field), field
        for field in ("params", "tags", "metrics"):
            assert _by_name(getattr(other, field)) == _by_name(getattr(run, field)), field


def _by_name(values: Any) -> dict[str, str]:
    return {name: f"{type(value)} {value!r}" for name, value in values.items()}


def test_what_a_list_leaves_to_be_looked_up(both: Both) -> None:
    """Series, artifacts, models and children of a listed run are those of the run."""
    here, there = both.listed()
    for run_id, run in there.items():
        assert dict(run.artifacts) == here[run_id].artifacts
        assert list(run.models) == here[run_id].models
        assert [repr(run.history(key)) for key in sorted(run.metrics)] == [
            repr(here[run_id].history(key)) for key in sorted(here[run_id].metrics)
        ]
        assert {child.run_id for child in run.children()} == {child.run_id for child in here[run_id].children()}


def test_files_and_large_values(both: Both) -> None:
    """They are downloaded, and are what was recorded."""
    _, there = both.run("typed")
    assert there.artifact_path("notes/a b.txt").read_text() == "hello"
    (large,) = (run for run in all_runs(both.folder) if "large" in run.params)
    for run in (autolog.get_run(large.run_id, store=both.uri), both.listed()[1][large.run_id]):
        assert run.whole(run.params["large"]) == list(range(20_000))


def test_an_artifact_that_was_changed(both: Both, cache: Path) -> None:
    """A local copy that is not what was recorded is downloaded again."""
    _, there = both.run("typed")
    copy = there.artifact_path("notes/a b.txt")
    copy.write_text("evil")
    assert there.artifact_path("notes/a b.txt").read_text() == "hello"


def test_models_load(both: Both) -> None:
    """A model of ours is read from the server as from the folder, and predicts the same."""
    (run,) = (run for run in all_runs(both.folder) if run.run_name == "GridSearchCV")
    models = [autolog.load_model(f"runs:/{run.run_id}/model", store=each, trusted=True) for each in both]
    rows = [[0.1, 0.2, 0.3], [0.9, 0.8, 0.7]]
    assert models[0].predict_proba(rows).tolist() == models[1].predict_proba(rows).tolist()


def test_the_command_line_reads_from_a_server(both: Both) -> None:
    """`autolog runs` and `autolog show` take the address; what they say is what they say of the folder."""
    here, _ = both.run("typed")
    said = [_command("show", here.run_id[:12], "--json", "--store", each) for each in both]
    assert json.loads(said[0]) == json.loads(said[1])
    asked = ("runs", "--json", "--filter", f"experiment = '{EXPERIMENT}'", "--store")
    listed = [json.loads(_command(*asked, each))["runs"] for each in both]
    assert listed[0] == listed[1] != []


def _command(*arguments: object) -> str:
    command = [sys.executable, "-m", "autolog", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- filters

names = st.sampled_from(
    [
        f"params.{name}"
        for name in ("text", "number", "int", "true", "True", "none", "nan", "list", "`a name!`", "again")
    ]
    + [f"metrics.{name}" for name in ("loss", "inf", "nan", "negative", "`ndcg@10`", "best_cv_score", "absent")]
    + [f"tags.{name}" for name in ("team", "size", "typed", "mood", "absent")]
    + ["status", "run_name", "duration", "parent_run_id", "start_time"]
)
numbers = ["1", "1.0", "0.5", "-2.5", "0", "inf", "nan", "1790000000000"]
texts = ["'1.0'", "'1'", "'True'", "'None'", "'red'", "'LOST'", "'KILLED'", "'FAILED'", "'typed'", "'(1, 2)'", "'%e%'"]


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    name = draw(names)
    kind = draw(st.sampled_from(["compare", "null", "like", "in"]))
    is_number = name.startswith("metrics.") or name in ("duration", "start_time")
    values = st.sampled_from(numbers if is_number else [*numbers, *texts])
    if kind == "null":
        return f"{name} IS {draw(st.sampled_from(['NULL', 'NOT NULL']))}"
    if kind == "in":
        return f"{name} {draw(st.sampled_from(['IN', 'NOT IN']))} ({draw(values)}, {draw(values)})"
    if kind == "like" and not is_number:
        return f"{name} {draw(st.sampled_from(['LIKE', 'NOT LIKE', 'ILIKE']))} {draw(st.sampled_from(texts))}"
    return f"{name} {draw(st.sampled_from(['=', '!=', '<', '<=', '>', '>=']))} {draw(values)}"


@pytest.fixture(scope="module")
def found(both: Both) -> tuple[dict[str, Run], dict[str, Run]]:
    """All runs, of the folder and of the server."""
    return both.listed()


@given(st.lists(comparisons(), min_size=1, max_size=3), st.sampled_from([" and ", " or ", " and not "]))
@settings(max_examples=400, deadline=None)
def test_a_filter_finds_the_same(found: tuple[dict[str, Run], dict[str, Run]], parts: list[str], joined: str) -> None:
    """Whatever is asked for, the runs found at the server are those found in the folder."""
    from autolog.store.filters import parse_filter

    wanted = parse_filter(joined.join(parts))
    here, there = ({run_id for run_id, run in runs.items() if wanted.matches(run)} for runs in found)
    assert there == here


def test_a_search_orders_the_same(both: Both) -> None:
    """An order sorts the runs of a server as those of a folder."""
    asked: Any = {"order_by": ["metrics.loss DESC", "params.number", "run_id"], "experiment_names": [EXPERIMENT]}
    tables = [autolog.search_runs(**asked, store=each) for each in both]
    assert list(tables[0]["run_id"]) == list(tables[1]["run_id"])
    assert set(tables[0].columns) == set(tables[1].columns)


# ---- other runs


class Theirs:
    """Makes a run that autolog knows nothing of, as MLflow's own client would ask for it.

    Args:
        uri: the server's.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self.experiment = f"theirs {uuid.uuid4().hex}"
        self._id = self.ask("experiments/create", name=self.experiment)["experiment_id"]

    def ask(self, path: str, **fields: Any) -> Any:
        said = httpx.post(f"{self._uri}/api/2.0/mlflow/{path}", json=fields, timeout=60)
        assert said.is_success, said.text
        return said.json()

    def run(self, name: str, **tags: str) -> str:
        listed = [{"key": key.replace("_", ".", 1), "value": value} for key, value in tags.items()]
        said = self.ask("runs/create", experiment_id=self._id, run_name=name, start_time=1_790_000_000_123, tags=listed)
        return str(said["run"]["info"]["run_id"])

    def model(self, run_id: str) -> None:
        said = self.ask("logged-models", experiment_id=self._id, name="model", source_run_id=run_id)
        model_id = said["model"]["info"]["model_id"]
        self.ask("runs/outputs", run_id=run_id, models=[{"model_id": model_id, "step": 0}])


@pytest.fixture
def theirs(mlflow_uri: str) -> Theirs:
    """Somebody else, who uses the same server."""
    return Theirs(mlflow_uri)


def test_runs_that_are_not_ours(mlflow_uri: str, theirs: Theirs) -> None:
    """They read with MLflow's id; params are the texts that MLflow keeps; series come page by page."""
    run_id = theirs.run("theirs", team="blue")
    params = [{"key": "C", "value": "1.0"}, {"key": "flag", "value": "True"}]
    theirs.ask("runs/log-batch", run_id=run_id, params=params)
    for start in (1000, 0, 2000):
        steps = range(start, start + 1000)
        points = [{"key": "loss", "value": 1 / (step + 1), "step": step, "timestamp": step} for step in steps]
        theirs.ask("runs/log-batch", run_id=run_id, metrics=points)
    theirs.ask("runs/update", run_id=run_id, status="FINISHED", end_time=1_790_000_001_000)
    below = theirs.run("below", mlflow_parentRunId=run_id)
    run = autolog.get_run(run_id, store=mlflow_uri)
    assert (run.run_id, run.run_name, run.experiment) == (run_id, "theirs", theirs.experiment)
    assert (run.status, run.duration) == ("FINISHED", 0.877)
    assert (run.params, run.tags) == ({"C": "1.0", "flag": "True"}, {"team": "blue"})
    assert [(step, value) for step, value, _ in run.history("loss")] == [(step, 1 / (step + 1)) for step in range(3000)]
    steps, values, times = run.columns("loss")
    assert list(zip(steps, values, [time / 1e6 for time in times], strict=True)) == run.history("loss")
    assert run.thinned("loss", 10).buckets[-1].last == 1 / 3000
    (child,) = run.children()
    assert (child.run_id, child.parent_run_id, child.status) == (below, run_id, "RUNNING")
    wanted = "params.C = '1.0' and tags.team = 'blue' and status = 'FINISHED'"
    asked: Any = {"experiment_names": [theirs.experiment], "output_format": "list"}
    found = autolog.search_runs(filter_string=wanted, store=mlflow_uri, **asked)
    assert [each.run_id for each in found] == [run_id]


def test_models_of_others_are_named_and_not_loaded(mlflow_uri: str, theirs: Theirs) -> None:
    """A model that MLflow has saved is loaded by MLflow; the error says how."""
    run_id = theirs.run("theirs")
    theirs.model(run_id)
    assert [model["name"] for model in autolog.get_run(run_id, store=mlflow_uri).models] == ["model"]
    with pytest.raises(ModelError, match=rf"mlflow\.pyfunc\.load_model\('runs:/{run_id}/model'\)"):
        autolog.load_model(f"runs:/{run_id}/model", store=mlflow_uri)


def test_a_run_that_was_changed_at_the_server(both: Both, theirs: Theirs) -> None:
    """What somebody says of a run of ours in MLflow later is what the list says, not what we had said before."""
    here, _ = both.listed()
    (lost,) = (run_id for run_id, run in here.items() if run.run_name == "inner")
    known = theirs.ask("experiments/search", max_results=100, filter=f"name = '{EXPERIMENT}'")["experiments"]
    asked = {"experiment_ids": [known[0]["experiment_id"]], "filter": f"tags.`autolog.run_id` = '{lost}'"}
    at_server = theirs.ask("runs/search", **asked)["runs"][0]["info"]
    theirs.ask("runs/update", run_id=at_server["run_id"], status="FAILED")
    try:
        assert both.listed()[1][lost].status == "FAILED"
    finally:
        theirs.ask("runs/update", run_id=at_server["run_id"], status=at_server["status"])


def test_a_run_that_goes_on(mlflow_uri: str, store: Path) -> None:
    """What has arrived of it so far is read: typed params, points, and the note that there will be more."""
    autolog.enable(backend=[str(store), mlflow_uri], experiment="goes on", silent=True)
    with autolog.start_run(run_name="going") as run:
        autolog.log_params({"C": 1.0, "text": "1.0"})
        autolog.log_metric("loss", float("inf"), step=3)
        for courier in autolog.session.get().recorder._couriers.values():
            courier.catch_up(60)
        there = autolog.get_run(run.run_id, store=mlflow_uri)
        assert (there.status, there.params, there.metrics) == (
            "RUNNING",
            {"C": 1.0, "text": "1.0"},
            {"loss": float("inf")},
        )
        assert [point[:2] for point in there.history("loss")] == [(3, float("inf"))]
        assert any("once the whole run is at the server" in note for note in there.notes)


def test_pages(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs and points come whole though a page has few of them."""
    monkeypatch.setattr(asking, "_PAGE", 2)
    here, there = both.listed()
    assert here.keys() == there.keys()


def test_what_a_server_does_not_do(both: Both) -> None:
    """What is not there, what cannot be done from here, and a server that is away are errors that say so."""
    here, _ = both.run("typed")
    with pytest.raises(RunNotFoundError, match="no run 'ffff' at http"):
        autolog.get_run("ffff", store=both.uri)
    with pytest.raises(RunNotFoundError, match="no run"):
        autolog.get_run("' OR 1 = 1", store=both.uri)
    with pytest.raises(UsageError, match="cannot be deleted from here"):
        autolog.delete_run(here.run_id, store=both.uri)
    with pytest.raises(UsageError, match="use MLflow's own page"):
        autolog.session.get().open_store(both.uri).remove(here.run_id)
    with pytest.raises(ServerError, match="cannot be reached"):
        autolog.search_runs(store=f"http://127.0.0.1:{free_port()}")

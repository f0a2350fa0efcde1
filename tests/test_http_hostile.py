"""Reading from a server that nobody vouches for: an error or a note, never a crash, a hang, or a file elsewhere."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autolog
from autolog.exceptions import AutologError, ModelError, RunNotFoundError, UsageError
from autolog_http import asking, exact
from autolog_http.client import ServerError
from autolog_http.converting import as_run
from autolog_http.reading import read_point, read_run
from scripted_server import scripted_server

RUN = "ab" * 16
INFO = {"run_id": RUN, "experiment_id": "0", "run_name": "a", "status": "FINISHED", "start_time": 1, "end_time": 2}

OWN = ("run_id", "tree", "typed", "typed_tags", "rewritten", "names")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("9" * 5000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def or_anything(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return usual | json_values


def pairs(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(["a", "mlflow.parentRunId", *(f"autolog.{name}" for name in OWN)]) | st.text()
    return or_anything(
        st.lists(
            or_anything(st.fixed_dictionaries({"key": or_anything(keys), "value": or_anything(values)})), max_size=4
        )
    )


typed = st.sampled_from(
    ["artifact", "{", "[]", '{"a":{"$int":"zz"}}', '{"a":{"$file":1}}', '{"a":1e400}', "[" * 9000, '{"a":{"$tuple":1}}']
)
runs = st.fixed_dictionaries(
    {
        "info": or_anything(st.fixed_dictionaries({name: or_anything(st.just(each)) for name, each in INFO.items()})),
        "data": or_anything(
            st.fixed_dictionaries(
                {
                    "params": pairs(st.text()),
                    "tags": pairs(typed | st.just(RUN)),
                    "metrics": pairs(st.floats() | st.sampled_from(["NaN", "Infinity", "1e999", "x"])),
                }
            )
        ),
        "inputs": or_anything(
            st.fixed_dictionaries({"dataset_inputs": or_anything(st.lists(json_values, max_size=2))})
        ),
        "outputs": or_anything(
            st.fixed_dictionaries({"model_outputs": or_anything(st.lists(json_values, max_size=2))})
        ),
    }
)


@given(runs)
@settings(max_examples=300, deadline=None)
def test_a_run_of_any_form_is_read_or_passed_over(said: dict[str, Any]) -> None:
    """Whatever a server says of a run, it is a run of the right types, or none at all."""
    read = read_run(said)
    if read is None:
        return
    run = as_run(read, "experiment", None, lambda name, key: [], None)
    assert run.run_id and run.experiment == "experiment"
    assert run.status in ("RUNNING", "FINISHED", "FAILED", "KILLED", "LOST")
    assert all(type(value) is float for value in run.metrics.values())
    assert all(isinstance(name, str) for values in (run.params, run.tags) for name in values)
    assert run.start_time is None or run.start_time.tzinfo is not None


@given(json_values | st.fixed_dictionaries(dict.fromkeys(("step", "value", "timestamp"), json_values)))
@settings(max_examples=200, deadline=None)
def test_a_point_of_any_form_is_read_or_passed_over(said: Any) -> None:
    """A point is a step, a value and a time, or nothing."""
    found = read_point(said) if isinstance(said, dict) else None
    assert found is None or list(map(type, found)) == [int, float, float]


# ---- servers


class Server:
    """The answers of a server with one run; a test changes them."""

    def __init__(self) -> None:
        self.tags = {"autolog.run_id": RUN, "autolog.tree": RUN}
        self.files: dict[str, bytes] = {}
        self.said: dict[str, Any] = {}
        self.asked: list[str] = []

    def __call__(self, path: str, fields: dict[str, Any]) -> Any:
        self.asked.append(path)
        if path in self.said:
            said = self.said[path]
            return said(fields) if callable(said) else said
        if path == "mlflow/experiments/search":
            return {"experiments": [{"experiment_id": "0", "name": "Default"}]}
        if path == "mlflow/runs/search":
            return {"runs": [self.run]}
        if path == "mlflow/runs/get":
            return {"run": self.run}
        if path == "mlflow/artifacts/list":
            below = fields.get("path")
            found = [each for each in self.files if not below or each.startswith(f"{below}/")]
            return {"files": [{"path": each, "file_size": len(self.files[each])} for each in found]}
        return self.files.get(path.removeprefix("mlflow-artifacts/artifacts/0/"))

    @property
    def run(self) -> dict[str, Any]:
        tags = [{"key": key, "value": value} for key, value in self.tags.items()]
        return {"info": {**INFO, "artifact_uri": "mlflow-artifacts:/0"}, "data": {"tags": tags}}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server() -> Server:
    """A server with one run, of which its tags say that it is ours."""
    return Server()


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """Its address."""
    with scripted_server(server) as url:
        yield url


def test_pages_without_end(server: Server, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that names a next page for ever is left after some; one that names the same again, at once."""
    monkeypatch.setattr(asking, "_MOST_PAGES", 30)
    numbers = iter(range(10_000))
    server.said["mlflow/runs/search"] = lambda fields: {"runs": [], "next_page_token": str(next(numbers))}
    with pytest.raises(ServerError, match="no end"):
        autolog.search_runs(store=url)
    server.said["mlflow/runs/search"] = {"runs": [server.run], "next_page_token": "again"}
    server.asked.clear()
    assert len(autolog.search_runs(store=url)) == 1
    assert server.asked.count("mlflow/runs/search") == 2


def test_answers_that_are_no_answers(server: Server, url: str) -> None:
    """What is no JSON is an error that asks whether this is an MLflow server; wrong forms are nothing."""
    for said in ([], {"experiments": 7}, {"experiments": [7, {"experiment_id": 9}]}):
        server.said["mlflow/experiments/search"] = said if said else {"experiments": None}
        server.said["mlflow/runs/search"] = {"runs": {"a": 1}}
        assert len(autolog.search_runs(store=url)) == 0
    server.said["mlflow/experiments/search"] = b"<html>"
    with pytest.raises(ServerError, match="MLflow server"):
        autolog.search_runs(store=url)


@pytest.mark.parametrize(
    "name", ["../out", "/etc/passwd", "a/../../out", "..\\out", "C:out", "a\0b", "x" * 400, "", "."]
)
def test_names_that_lead_out(server: Server, url: str, cache: Path, name: str) -> None:
    """They are no artifacts of the run, and asked for by name all the same they are refused; no file is written."""
    server.files = {name: b"evil", "good.txt": b"good"}
    run = autolog.get_run(RUN, store=url)
    assert list(run.artifacts) == ["good.txt"]
    assert run.artifact_path("good.txt").read_bytes() == b"good"
    with pytest.raises(UsageError):
        run._reader.file(RUN, name)
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["good.txt"]


def test_folders_inside_themselves(server: Server, url: str) -> None:
    """A folder that lists itself, or one outside it, is looked at once."""
    loop = [{"path": "a", "is_dir": True}, {"path": "a/b", "is_dir": True}, {"path": "c", "is_dir": True}]
    server.said["mlflow/artifacts/list"] = {"files": loop}
    assert dict(autolog.get_run(RUN, store=url).artifacts) == {}
    assert server.asked.count("mlflow/artifacts/list") < 10


@pytest.mark.parametrize(
    "data",
    [b"no gzip", gzip.compress(b"x" * 3_000_000), gzip.compress(b"{}\n\0\n[[[["), gzip.compress(b"x")[:-9], b""],
    ids=["no gzip", "too large", "no journal", "cut", "empty"],
)
def test_a_record_that_is_none(
    server: Server, url: str, data: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged or huge copy of a journal costs what it would have said: the run is what MLflow says of it."""
    monkeypatch.setattr(exact, "_LARGEST", 1_000_000)
    server.files = {f"autolog/journal/{RUN}.jsonl.gz": data}
    run = autolog.get_run(RUN, store=url)
    assert (run.run_id, run.status) == (RUN, "FINISHED")
    assert "the record of run" in caplog.text


def test_a_record_of_other_runs(server: Server, url: str, store: Path) -> None:
    """A copy of a journal that speaks of other runs says nothing of this one."""
    autolog.enable(backend=store, silent=True)
    with autolog.start_run() as other:
        pass
    (journal,) = (store / other.run_id).glob("*.jsonl")
    server.files = {f"autolog/journal/{journal.stem}.jsonl.gz": gzip.compress(journal.read_bytes())}
    run = autolog.get_run(RUN, store=url)
    assert run.notes[0].startswith("MLflow has no words")
    with pytest.raises(RunNotFoundError):
        autolog.get_run(other.run_id, store=url)


def test_models_that_would_run_code(server: Server, url: str) -> None:
    """A model in MLflow's format is never loaded; the error says what does."""
    server.tags = {"mlflow.log-model.history": json.dumps([{"artifact_path": "model"}])}
    server.files = {"model/model.pkl": b"evil"}
    (model,) = autolog.get_run(RUN, store=url).models
    assert model["format"] == "mlflow"
    with pytest.raises(ModelError, match=r"mlflow\.pyfunc\.load_model\('runs:/abab"):
        autolog.load_model(f"runs:/{RUN}/model", store=url, trusted=True)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "mlflow/experiments/search",
                "mlflow/runs/search",
                "mlflow/artifacts/list",
                "mlflow/runs/get",
                "mlflow/metrics/get-history",
            ]
        ),
        json_values,
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_answers_of_any_form(server: Server, url: str, said: dict[str, Any]) -> None:
    """Whatever a server answers, reading ends, with runs or with an error of ours."""
    server.said = said
    store = autolog.session.get().open_store(url)
    try:
        for run in store.runs():
            dict(run.artifacts), list(run.models), [run.history(key) for key in run.metrics], store.children(run.run_id)
    except AutologError:
        pass

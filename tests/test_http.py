"""Delivery to a real MLflow server."""

from __future__ import annotations

import gzip
import json
import logging
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import autolog
import postgres
from at_mlflow import artifact, comparable, deliver, histories, history, recorded, run_at, runs_at, texts
from autolog.delivery.cursors import Cursors
from autolog.journal.events import Event, encode_line
from autolog_http.client import Client, ServerError
from autolog_http.destination import MLflowBackend
from faulty_proxy import Answer, Exchange, faulty_proxy, says
from mlflow_server import mlflow_python, running


@pytest.fixture
def experiment(store: Path, request: pytest.FixtureRequest) -> str:
    """Record into the test's folder, into an experiment of its own."""
    name = f"{request.node.name}"
    autolog.enable(backend=store, experiment=name, silent=True, log_system_metrics=False)
    return name


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the requests by path."""
    counted: Counter[str] = Counter()
    make = Client._bytes

    def counting(self: Client, method: str, path: str, *more: Any, **fields: Any) -> Iterator[bytes]:
        counted[path.removeprefix("/api/2.0/mlflow/")] += 1
        return make(self, method, path, *more, **fields)

    monkeypatch.setattr(Client, "_bytes", counting)
    return counted


@pytest.fixture
def client(mlflow_uri: str) -> Iterator[Client]:
    """A connection to the server."""
    with closing(Client(mlflow_uri)) as client:
        yield client


@pytest.fixture
def backends(mlflow_uri: str) -> Iterator[list[MLflowBackend]]:
    """Two that deliver to the server, and know nothing of each other."""
    with closing(MLflowBackend(mlflow_uri)) as one, closing(MLflowBackend(mlflow_uri)) as other:
        yield [one, other]


def forget(folder: Path) -> None:
    """Have nobody know what was delivered."""
    for path in folder.glob("*/.sent/*"):
        path.unlink()


def milliseconds(moment: Any) -> int:
    return int(moment.timestamp() * 1_000_000) // 1000


def log_equal_points(run: Any) -> None:
    """Log points of which several have one step, one value and one millisecond."""
    for value in (1.0, 1.0, 1.0, float("inf"), float("inf"), float("nan"), float("nan"), -0.0, 0.0, 2.0):
        for step in (0, 1, 0):
            autolog.log_metric("equal", value, step=step)


# ---- what arrives


def test_a_run_arrives_with_what_it_says(store: Path, experiment: str, mlflow_uri: str) -> None:
    """Times, status, params, tags, every point of every metric, and the bytes of artifacts are those recorded."""
    with autolog.start_run(run_name="mine", tags={"team": "blue"}) as run:
        autolog.log_params({"depth": 3, "rate": 0.1, "name": "x"})
        for step in range(2500):
            autolog.log_metric("loss", 1 / (step + 1), step=step)
        autolog.log_text("hello", "notes/a b.txt")
    deliver(store, mlflow_uri)
    local = autolog.get_run(run.run_id)
    there = run_at(mlflow_uri, local)
    assert there["info"]["run_name"] == "mine"
    assert there["info"]["status"] == "FINISHED"
    assert int(there["info"]["start_time"]) == milliseconds(local.start_time)
    assert int(there["info"]["end_time"]) == milliseconds(local.end_time)
    assert texts(there, "params") == {"depth": "3", "rate": "0.1", "name": "x"}
    assert texts(there, "tags")["team"] == "blue"
    assert texts(there, "tags")["autolog.tree"] == run.run_id
    assert histories(mlflow_uri, there) == recorded(local)
    assert artifact(mlflow_uri, there, "notes/a b.txt") == b"hello"


def test_a_search_arrives_whole(store: Path, experiment: str, mlflow_uri: str) -> None:
    """Each candidate is a child run with its params, its splits' metrics, their means, its status and times."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1.0]}, cv=2).fit(X, y)
    deliver(store, mlflow_uri)
    there = runs_at(mlflow_uri, experiment)
    local = {run.run_id: run for run in autolog.search_runs(experiment_names=[experiment], output_format="list")}
    assert there.keys() == local.keys()
    (parent,) = (run for run in local.values() if run.parent_run_id is None)
    for run_id, run in local.items():
        assert histories(mlflow_uri, there[run_id]) == recorded(run)
        assert texts(there[run_id], "params").keys() == run.params.keys()
        assert there[run_id]["info"]["status"] == run.status
        assert int(there[run_id]["info"]["end_time"]) == milliseconds(run.end_time)
        if run is not parent:
            assert texts(there[run_id], "tags")["mlflow.parentRunId"] == there[parent.run_id]["info"]["run_id"]
    inputs = there[parent.run_id]["inputs"]["dataset_inputs"]
    assert [each["dataset"]["digest"] for each in inputs] == [parent.inputs[0]["digest"]]
    assert inputs[0]["tags"] == [{"key": "mlflow.data.context", "value": "train"}]


def test_a_search_takes_few_requests(store: Path, experiment: str, mlflow_uri: str, requests: Counter[str]) -> None:
    """A run costs three requests: it is begun, told of, and ended; one more says the environment, if that came late."""
    X, y = load_iris(return_X_y=True)
    GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 0.2, 0.5, 1.0, 2.0]}, cv=2).fit(X, y)
    deliver(store, mlflow_uri)
    assert requests["runs/create"] == requests["runs/update"] == 6
    assert requests["runs/log-batch"] in {6, 7}
    deliver(store, mlflow_uri)
    assert requests["runs/create"] == 6


@pytest.mark.filterwarnings("ignore:.*:sklearn.exceptions.FitFailedWarning", "ignore:One or more of the test scores")
def test_a_candidate_that_failed_is_told_of_once(
    store: Path, experiment: str, mlflow_uri: str, requests: Counter[str]
) -> None:
    """Its scores are NaN, which is sent once; it is FAILED, and its note says why."""
    X, y = load_iris(return_X_y=True)
    GridSearchCV(LogisticRegression(max_iter=200), {"C": [-1.0, 1.0]}, cv=2).fit(X, y)
    deliver(store, mlflow_uri)
    assert requests["runs/log-batch"] in {3, 4}  # the environment may have come late
    (failed,) = (each for each in runs_at(mlflow_uri, experiment).values() if each["info"]["status"] == "FAILED")
    local = autolog.get_run(texts(failed, "tags")["autolog.run_id"])
    assert histories(mlflow_uri, failed) == recorded(local)
    assert str(local.error["type"]) in texts(failed, "tags")["mlflow.note.content"]


def test_mlflows_own_client_finds_runs(store: Path, experiment: str, mlflow_uri: str) -> None:
    """`mlflow.search_runs` finds a run by a param and a metric, and nests children below it."""
    with autolog.start_run(run_name="outer"):
        autolog.log_param("depth", 3)
        autolog.log_metric("auc", 0.9)
        with autolog.start_run(run_name="inner", nested=True):
            autolog.log_metric("auc", 0.1)
    deliver(store, mlflow_uri)
    program = """
import mlflow, sys
place = {"experiment_names": [sys.argv[1]]}
found = mlflow.search_runs(**place, filter_string="params.depth = '3' and metrics.auc > 0.5")
print(*found["tags.mlflow.runName"])
children = mlflow.search_runs(**place, filter_string=f"tags.mlflow.parentRunId = '{found.run_id[0]}'")
print(*children["tags.mlflow.runName"])
"""
    assert mlflow_python(mlflow_uri, program, experiment).split() == ["outer", "inner"]


def test_a_run_is_there_while_it_goes_on(store: Path, mlflow_uri: str) -> None:
    """A server shows a run, its params and its points before it has ended."""
    name = "goes on"
    autolog.enable(backend=[store, mlflow_uri], experiment=name, silent=True)
    with autolog.start_run() as run:
        autolog.log_param("depth", 3)
        autolog.log_metric("loss", 0.5)
        there: dict[str, Any] = {}
        for _ in range(200):
            try:
                there = runs_at(mlflow_uri, name)[run.run_id]
            except (ServerError, KeyError):
                there = {}
            if there and there["data"].get("metrics"):
                break
            time.sleep(0.1)
        assert there["info"]["status"] == "RUNNING"
        assert texts(there, "params") == {"depth": "3"}
    autolog.disable()


def test_a_killed_run_is_killed_there(store: Path, mlflow_uri: str) -> None:
    """A run whose process has gone is KILLED at the server, and has ended; its points are there."""
    program = """
import autolog, os, sys
autolog.enable(backend=sys.argv[1], experiment="killed", silent=True)
autolog.start_run()
for step in range(100):
    autolog.log_metric("loss", step, step=step)
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program, str(store)], check=False, timeout=100)
    deliver(store, mlflow_uri)
    (there,) = runs_at(mlflow_uri, "killed").values()
    assert there["info"]["status"] == "KILLED"
    points = history(mlflow_uri, there, "loss")
    assert [step for step, _, _ in points] == list(range(100))
    assert int(there["info"]["end_time"]) >= int(there["info"]["start_time"])


def test_the_exact_record_goes_along(store: Path, experiment: str, mlflow_uri: str) -> None:
    """The journals lie among the artifacts, byte by byte, and so do values too large for a line."""
    with autolog.start_run() as run:
        autolog.log_param("large", "x" * 100_000)
    deliver(store, mlflow_uri)
    there = run_at(mlflow_uri, autolog.get_run(run.run_id))
    (journal,) = (store / run.run_id).glob("*.jsonl")
    packed = artifact(mlflow_uri, there, f"autolog/journal/{journal.name}.gz")
    assert gzip.decompress(packed) == journal.read_bytes()
    (value,) = (store / run.run_id / "values").iterdir()
    assert artifact(mlflow_uri, there, f"autolog/journal/values/{value.name}") == value.read_bytes()


def test_tags_by_which_a_server_knows_a_run_are_its_own(
    store: Path, experiment: str, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name, parent and id at the server are the run's, and the user's tags of such names are in the exact record."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(store / "cache"))
    taken = {"mlflow.runName": "hijack", "mlflow.parentRunId": "abc", "autolog.run_id": "0" * 32, "autolog.typed": "x"}
    with autolog.start_run(run_name="above", tags={**taken, "autolog.mine": "kept"}) as above:  # noqa: SIM117
        with autolog.start_run(run_name="below", nested=True, tags=taken) as below:
            pass
    deliver(store, mlflow_uri)
    there = runs_at(mlflow_uri, experiment)
    assert [there[each.run_id]["info"]["run_name"] for each in (above, below)] == ["above", "below"]
    assert "mlflow.parentRunId" not in texts(there[above.run_id], "tags")
    assert texts(there[below.run_id], "tags")["mlflow.parentRunId"] == there[above.run_id]["info"]["run_id"]
    asked: Any = {"store": mlflow_uri, "experiment_names": [experiment], "output_format": "list"}
    assert [each.tags for each in autolog.search_runs(filter_string="run_name = 'above'", **asked)] == [
        {"autolog.mine": "kept"}
    ]
    for each in (above, below):
        assert autolog.get_run(each.run_id, store=mlflow_uri).tags.items() >= taken.items()


# ---- exactly once


def test_equal_points_are_all_kept(store: Path, experiment: str, mlflow_uri: str) -> None:
    """Points equal in step, value and millisecond are all there; infinities and NaNs as the server keeps them."""
    with autolog.start_run() as run:
        log_equal_points(run)
    deliver(store, mlflow_uri)
    local = autolog.get_run(run.run_id)
    points = history(mlflow_uri, run_at(mlflow_uri, local), "equal")
    assert sorted(point[:2] for point in points) == sorted(
        (step, comparable(value)) for step, value, _ in local.history("equal")
    )


@pytest.mark.parametrize("batch_bytes", [700, 1 << 20])
def test_sending_again_changes_nothing(
    store: Path, experiment: str, mlflow_uri: str, batch_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent a second time, in other batches and by others who remember nothing, leaves all as it was."""
    X, y = load_iris(return_X_y=True)
    GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1.0]}, cv=2).fit(X, y)
    with autolog.start_run() as run:
        log_equal_points(run)
    deliver(store, mlflow_uri)
    before = {run_id: histories(mlflow_uri, each) for run_id, each in runs_at(mlflow_uri, experiment).items()}
    forget(store)
    monkeypatch.setattr(MLflowBackend, "batch_bytes", batch_bytes)
    assert {sent.state for sent in deliver(store, mlflow_uri)} == {"sent"}
    after = {run_id: histories(mlflow_uri, each) for run_id, each in runs_at(mlflow_uri, experiment).items()}
    assert before == after
    assert len(before) == 4


def test_another_process_goes_on(store: Path, experiment: str, mlflow_uri: str, backends: list[MLflowBackend]) -> None:
    """Two who deliver one run in turns, each remembering only its own part, send each point once."""
    with autolog.start_run() as run:
        for backend in (*backends, *backends):
            log_equal_points(run)
            time.sleep(0.2)  # the points are on their way to the journal
            _deliver_with(backend, store / run.run_id, mlflow_uri)
    deliver(store, mlflow_uri)
    local = autolog.get_run(run.run_id)
    points = history(mlflow_uri, run_at(mlflow_uri, local), "equal")
    assert len(points) == len(local.history("equal")) == 120


def _deliver_with(backend: MLflowBackend, folder: Path, uri: str) -> None:
    """Deliver what there is by a backend that is kept open."""
    from autolog.delivery.route import Route

    class Open:
        hurries = False

        def opens(self, *, ended: bool) -> bool:
            return True

        def passed(self, batch: Any, *, ended: bool) -> None:
            pass

    Route(folder, uri, backend).advance(Open())


# ---- what MLflow does not take


def test_names_that_mlflow_refuses_are_renamed(store: Path, experiment: str, mlflow_uri: str) -> None:
    """Metrics, params and tags of any name arrive, told apart, and a tag has the names as they were."""
    names = ["map@50", "map#50", "a//b", "../x", "", "x" * 300, "größe", "ok/name"]
    with autolog.start_run() as run:
        autolog.log_metrics({name: float(number) for number, name in enumerate(names)})
        autolog.log_params({name: number for number, name in enumerate(names) if name})
    deliver(store, mlflow_uri)
    there = run_at(mlflow_uri, autolog.get_run(run.run_id))
    values = sorted(each["value"] for each in there["data"]["metrics"])
    assert values == [float(number) for number in range(len(autolog.get_run(run.run_id).metrics))]
    assert texts(there, "params")["größe"] == "6"
    original = json.loads(texts(there, "tags")["autolog.names"])
    assert set(original.values()) == set(names) - {"", "größe", "ok/name"}
    assert {texts(there, "params")[sent] for sent in original} == {"0", "1", "2", "3", "5"}


def test_long_values_are_cut_there_only(store: Path, experiment: str, mlflow_uri: str) -> None:
    """A param beyond MLflow's limit ends in an ellipsis; what its text does not say is in a tag, or said to be whole
    in the record."""
    with autolog.start_run() as run:
        autolog.log_params({"long": "y" * 7000, "nul": "a\0b", "list": [1, 2.5], "text": "1"})
    deliver(store, mlflow_uri)
    there = run_at(mlflow_uri, autolog.get_run(run.run_id))
    assert texts(there, "params")["long"] == "y" * 5999 + "…"
    assert json.loads(texts(there, "tags")["autolog.typed"]) == {
        "long": "y" * 7000,
        "nul": "a\0b",
        "list": [1, 2.5],
        "text": "1",
    }


def test_a_param_given_anew_keeps_its_first_value(store: Path, experiment: str, mlflow_uri: str) -> None:
    """A server refuses to change a param: it keeps the first, also when it hears of both at once, and a tag tells."""
    with autolog.start_run() as run:
        autolog.log_param("depth", 3)
        autolog.log_param("depth", 4)
        autolog.log_param("other", 1)
    (sent,) = deliver(store, mlflow_uri)
    there = run_at(mlflow_uri, autolog.get_run(run.run_id))
    assert sent.state == "sent"
    assert texts(there, "params") == {"depth": "3", "other": "1"}
    assert json.loads(texts(there, "tags")["autolog.rewritten"]) == {"depth": "4"}
    assert json.loads(texts(there, "tags")["autolog.typed"]) == {"depth": 4}


def test_what_is_refused_is_kept_aside(
    store: Path, experiment: str, mlflow_uri: str, client: Client, backends: list[MLflowBackend]
) -> None:
    """A param that somebody else has set meanwhile is told of in a line; all else of its request arrives."""
    with autolog.start_run() as run:
        autolog.log_param("first", 1)
        _deliver_with(backends[0], store / run.run_id, mlflow_uri)
        mine = runs_at(mlflow_uri, experiment)[run.run_id]["info"]["run_id"]
        client.post("mlflow/runs/log-parameter", run_id=mine, key="depth", value="theirs")
        autolog.log_params({"depth": 3, "rate": 0.1})
        autolog.set_tag("team", "blue")
        _deliver_with(backends[0], store / run.run_id, mlflow_uri)
    there = runs_at(mlflow_uri, experiment)[run.run_id]
    assert texts(there, "params") == {"first": "1", "rate": "0.1", "depth": "theirs"}
    assert texts(there, "tags")["team"] == "blue"
    (line,) = Cursors(store / run.run_id, mlflow_uri).aside.read_text().splitlines()
    assert json.loads(line)["reason"].startswith("param depth: ")


@pytest.mark.parametrize("name", ["a\nb.txt", "pc%41t.txt", "c?", "a\x01b", "d;", "h#.txt"])
def test_an_artifact_that_would_get_another_name_is_kept_aside(
    store: Path, experiment: str, mlflow_uri: str, name: str
) -> None:
    """It is told of in a line, and all else of the run arrives; who comes later finds nothing left to say."""
    with autolog.start_run() as run:
        autolog.log_text("x", name)
        autolog.log_text("y", "100% sure?.txt")
    assert [each.state for each in deliver(store, mlflow_uri)] == ["sent"]
    there = runs_at(mlflow_uri, experiment)[run.run_id]
    assert artifact(mlflow_uri, there, "100% sure?.txt") == b"y"
    assert there["info"]["status"] == "FINISHED"
    (line,) = Cursors(store / run.run_id, mlflow_uri).aside.read_text().splitlines()
    assert json.loads(line)["reason"].startswith(f"artifact {name} of run ")
    assert deliver(store, mlflow_uri) == []
    with closing(Client(mlflow_uri)) as client:
        asked = client.get("mlflow/artifacts/list", run_id=there["info"]["run_id"])
    assert {each["path"] for each in asked["files"]} <= {"autolog", "environment", "100% sure?.txt"}


def test_an_artifact_that_a_router_does_not_pass_on_is_kept_aside(
    store: Path, experiment: str, mlflow_uri: str
) -> None:
    """Its 404 is no answer of MLflow's, which may be away; that it answers all else tells that it is not."""
    with autolog.start_run() as run:
        autolog.log_text("x", "unwelcome.txt")
        autolog.log_text("y", "welcome.txt")
    with faulty_proxy(mlflow_uri) as proxy:
        proxy.fail(says(404), among="unwelcome")
        assert [each.state for each in deliver(store, proxy.url)] == ["sent"]
    there = runs_at(mlflow_uri, experiment)[run.run_id]
    assert artifact(mlflow_uri, there, "welcome.txt") == b"y"
    assert there["info"]["status"] == "FINISHED"
    (line,) = Cursors(store / run.run_id, proxy.url).aside.read_text().splitlines()
    assert "unwelcome.txt" in json.loads(line)["reason"]


def test_a_run_deleted_at_the_server_stays_so(
    store: Path, experiment: str, mlflow_uri: str, client: Client, backends: list[MLflowBackend]
) -> None:
    """What comes for a run that was deleted there is refused in one line, and makes no second run."""
    with autolog.start_run() as run:
        autolog.log_param("first", 1)
        _deliver_with(backends[0], store / run.run_id, mlflow_uri)
        mine = runs_at(mlflow_uri, experiment)[run.run_id]["info"]["run_id"]
        client.post("mlflow/runs/delete", run_id=mine)
        autolog.log_params({"depth": 3, "rate": 0.1})
        _deliver_with(backends[1], store / run.run_id, mlflow_uri)
    assert runs_at(mlflow_uri, experiment) == {}
    (line,) = Cursors(store / run.run_id, mlflow_uri).aside.read_text().splitlines()
    assert "deleted" in json.loads(line)["reason"]


def test_a_failed_run_says_why(store: Path, experiment: str, mlflow_uri: str) -> None:
    """The exception that ended a run is its note there."""
    with pytest.raises(ZeroDivisionError), autolog.start_run() as run:
        _ = 1 / 0
    deliver(store, mlflow_uri)
    there = run_at(mlflow_uri, autolog.get_run(run.run_id))
    assert there["info"]["status"] == "FAILED"
    assert "ZeroDivisionError" in texts(there, "tags")["mlflow.note.content"]


def test_a_tag_that_was_removed_is_removed_there(
    store: Path, experiment: str, mlflow_uri: str, backends: list[MLflowBackend]
) -> None:
    """A tag that a run no longer has goes at the server too."""
    with autolog.start_run() as run:
        autolog.set_tag("team", "blue")
        _deliver_with(backends[0], store / run.run_id, mlflow_uri)
        assert texts(runs_at(mlflow_uri, experiment)[run.run_id], "tags")["team"] == "blue"
        autolog.delete_tag("team")
    deliver(store, mlflow_uri)
    assert "team" not in texts(runs_at(mlflow_uri, experiment)[run.run_id], "tags")


def test_a_tag_that_somebody_removed_there_holds_up_nothing(
    store: Path, experiment: str, mlflow_uri: str, client: Client, backends: list[MLflowBackend]
) -> None:
    """A tag that is gone at the server before it goes here leaves nothing to refuse, and the run ends there."""
    with autolog.start_run() as run:
        autolog.set_tags({"team": "blue", "mood": "good"})
        _deliver_with(backends[0], store / run.run_id, mlflow_uri)
        mine = runs_at(mlflow_uri, experiment)[run.run_id]["info"]["run_id"]
        client.post("mlflow/runs/delete-tag", run_id=mine, key="team")
        autolog.delete_tag("team")
        autolog.delete_tag("mood")
    _deliver_with(backends[0], store / run.run_id, mlflow_uri)
    there = runs_at(mlflow_uri, experiment)[run.run_id]
    assert texts(there, "tags").keys().isdisjoint({"team", "mood"})
    assert there["info"]["status"] == "FINISHED"
    assert not Cursors(store / run.run_id, mlflow_uri).aside.exists()


def test_a_dataset_that_is_refused_costs_itself(store: Path, experiment: str, mlflow_uri: str) -> None:
    """The other datasets of its run arrive, and so does the run's end."""

    def refuse_one(exchange: Exchange) -> None:
        body = exchange.body()
        exchange.rfile = BytesIO(body)
        refusal = Answer(400, [], b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}')
        exchange.answer(refusal if b"unwelcome" in body else exchange.ask())
        exchange.abort()

    with autolog.start_run() as run:
        for name in ("one", "unwelcome", "two"):
            autolog.log_input([[1.0, 2.0]], name=name)
    with faulty_proxy(mlflow_uri) as proxy:
        proxy.fail(refuse_one, among="log-inputs")
        deliver(store, proxy.url)
    there = runs_at(mlflow_uri, experiment)[run.run_id]
    assert {each["dataset"]["name"] for each in there["inputs"]["dataset_inputs"]} == {"one", "two"}
    assert there["info"]["status"] == "FINISHED"
    (line,) = Cursors(store / run.run_id, proxy.url).aside.read_text().splitlines()
    assert json.loads(line)["reason"].startswith("dataset unwelcome: ")


def test_what_no_writer_writes_costs_itself(store: Path, mlflow_uri: str) -> None:
    """Events that say what none of ours do are kept aside or passed over; the run and its sound facts arrive."""
    run_id, name = "ab" * 16, "not ours"
    odd: list[Any] = [5, None, [1], {"a": []}, "text"]
    facts: list[tuple[str, dict[str, Any]]] = [("started", {"run_name": "odd", "experiment": name, "parent": run_id})]
    facts += [("params", {"params": {"sound": 1}}), ("finished", {"session": "None", "status": "FINISHED"})]
    for each in odd:
        facts += [("params", {"params": each}), ("points", {"series": each}), ("points", {"series": {"x": each}})]
        facts += [("tags", {"tags": each, "removed": each}), ("signature", {"inputs": each, "outputs": each})]
        facts += [("dataset", {"name": each, "digest": each, "columns": each, "shape": each, "target": each})]
        facts += [("model", {"name": each, "path": "m.txt", "format": kind, "state": each}) for kind in FORMATS]
        facts += [("split", {"split": each, "metrics": each}), ("environment", {"user": each, "script": each})]
    folder = store / run_id
    (folder / f"files/{run_id}").mkdir(parents=True)
    (folder / f"files/{run_id}/m.txt").write_text("no model")
    lines = (encode_line(Event(run_id, kind, 10**15, "cd", seq, data)) for seq, (kind, data) in enumerate(facts))
    (folder / "cd.jsonl").write_bytes(b"".join(lines))
    (sent,) = deliver(store, mlflow_uri)
    assert sent.state == "sent"
    (there,) = runs_at(mlflow_uri, name).values()
    assert texts(there, "params")["sound"] == "1"
    assert there["info"]["status"] == "FINISHED"


FORMATS = ("pickle", "skops", "xgboost-ubj", "lightgbm-text", "torch-safetensors", "another")


@pytest.mark.slow
@pytest.mark.skipif(not postgres.is_here(), reason="PostgreSQL is not installed")
def test_postgresql_takes_it_all(store: Path, experiment: str, tmp_path: Path) -> None:
    """A stricter database takes the same: long names and texts, NULs, lone surrogates, points of all kinds, twice."""
    with autolog.start_run(run_name="n" * 400, tags={"odd \ud800 \0": "x\0\ud800" * 9000}) as run:
        log_equal_points(run)
        autolog.log_params({"nul": "a\0b", "lone": "\ud800", "long": "é" * 9000, "map@50": -0.0})
        autolog.log_metrics({"great": 1.7e308, "infinite": float("inf"), "none": float("nan")}, step=-(1 << 40))
    with postgres.running() as database, running(tmp_path / "server", database=_by_psycopg2(database)) as uri:
        for _ in range(2):
            assert {sent.state for sent in deliver(store, uri)} == {"sent"}
            forget(store)
        local = autolog.get_run(run.run_id)
        there = run_at(uri, local)
        points = histories(uri, there)
    assert not list(store.glob("*/.sent/*.refused.jsonl"))
    assert {name: len(each) for name, each in points.items()} == {
        name: len(local.history(name)) for name in local.metrics
    }
    assert len(texts(there, "params")) == 4


def _by_psycopg2(uri: str) -> str:
    """Say to SQLAlchemy what MLflow's environment has."""
    return uri.replace("postgresql:", "postgresql+psycopg2:")


# ---- the client


@pytest.mark.parametrize("uri", ["http://", "http://host:port", "https://ann:hidden@host:0", "http://[", "http:path"])
def test_an_address_that_is_none_is_refused(uri: str) -> None:
    """At the door, and without what may be a password."""
    with pytest.raises(autolog.exceptions.UsageError) as raised:
        Client(uri)
    assert "hidden" not in str(raised.value)


class Asked(BaseHTTPRequestHandler):
    """Answers as it is told, and remembers who asked."""

    status = 200
    headers_sent: ClassVar[dict[str, str]] = {}
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization", ""))
        self.send_response(self.status)
        for name, value in self.headers_sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def asked() -> Iterator[str]:
    """The address of a server that answers as `Asked` says."""
    Asked.seen, Asked.status, Asked.headers_sent = [], 200, {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def ask(uri: str) -> None:
    with closing(Client(uri)) as client:
        client.get("x")


def test_who_asks_is_said(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address comes before MLflow's variables, user and password before a token."""
    ask(f"http://{asked}")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret-token")
    ask(f"http://{asked}")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pw")
    ask(f"http://{asked}")
    ask(f"http://bob:p%40ss@{asked}")
    assert Asked.seen == ["", "Bearer secret-token", "Basic YW5uOnB3", "Basic Ym9iOnBAc3M="]


def test_what_a_server_answers_is_told_apart(asked: str) -> None:
    """A status says whether to try again, `Retry-After` when; whoever is not let in may be later."""
    Asked.status, Asked.headers_sent = 429, {"Retry-After": "7"}
    with pytest.raises(ServerError) as raised:
        ask(f"http://bob:hidden@{asked}")
    assert (raised.value.is_temporary, raised.value.after) == (True, 7.0)
    assert "hidden" not in str(raised.value)
    Asked.status = 403
    with pytest.raises(ServerError) as raised:
        ask(f"http://{asked}")
    assert raised.value.status == 403


def test_a_server_that_is_away_is_tried_again(store: Path, experiment: str) -> None:
    """Nobody listening is a reason to try later, told without a password."""
    with autolog.start_run() as run:
        pass
    from autolog.delivery.batches import batches, journals

    (journal,) = journals(store / run.run_id)
    (batch,) = batches(store / run.run_id, journal, {}, 1 << 20)
    with closing(MLflowBackend("http://ann:hidden@127.0.0.1:1")) as backend:
        said = backend.deliver(batch)
    assert said.state == "retry"
    assert said.reason
    assert "hidden" not in said.reason


def test_the_users_log_has_none_of_our_requests(asked: str, caplog: pytest.LogCaptureFixture) -> None:
    """httpx tells of each request; of ours it does not, of the user's it does."""
    import httpx

    with caplog.at_level(logging.DEBUG):
        ask(f"http://{asked}")
        assert caplog.text == ""
        httpx.get(f"http://{asked}")
        assert "HTTP Request" in caplog.text


IMPORTING = """
import sys
from autolog_http.client import Client

client = Client(sys.argv[1])
opened = client._http
before = set(sys.modules)
client.get("mlflow/experiments/get-by-name", experiment_name="Default")
print(*set(sys.modules) - before)
"""


def test_a_request_imports_nothing(mlflow_uri: str) -> None:
    """A fork does not wait for one, and would leave the child with a module that is imported by halves."""
    done = subprocess.run([sys.executable, "-c", IMPORTING, mlflow_uri], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("\n", "")


SENDING = """
import os, sys, threading
from autolog.scratch import scratch

folders, begun, sent = [], threading.Event(), threading.Event()

def send():
    with scratch() as folder:
        folders.append(folder)
        begun.set()
        sent.wait()

thread = threading.Thread(target=send)
thread.start()
begun.wait()
child = os.fork()
if child == 0:
    sys.exit()
os.waitpid(child, 0)
print(folders[0].is_dir())
sent.set()
thread.join()
print(folders[0].exists())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no forks")
def test_what_is_being_sent_outlives_a_forked_child() -> None:
    """Its folder does not go when a child ends that was forked meanwhile, but when it has been sent."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SENDING], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True", "False"], done.stderr

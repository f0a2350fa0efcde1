"""The server of `autolog ui`: what it tells of what real trainings left, whom it lets in, and what it survives."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx")
import httpx
import uvicorn

import autolog
import object_stores
from autolog import session
from autolog.cli import main
from autolog.journal.events import Event, encode_line
from autolog.store.index import store as indexed
from autolog.store.index.database import path_for
from autolog.testing.recorded import top_runs
from autolog.ui.api import DOCUMENTS
from autolog.ui.app import application
from autolog.ui.files import FILES
from autolog.ui.safety import Door, hosts_of

TRAINING = """
import sys, warnings
import autolog, torch
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("ignore")
autolog.enable(backend=sys.argv[1], silent=True, log_training_metrics=True)  # whatever they cost
rows, labels = load_breast_cancer(return_X_y=True)
make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels)
grid = {"C": [0.1, 1.0, 10.0], "fit_intercept": [True, False]}
GridSearchCV(LogisticRegression(solver="liblinear"), grid, cv=3).fit(rows, labels)

model = torch.nn.Linear(30, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
data = torch.utils.data.TensorDataset(torch.tensor(rows, dtype=torch.float32) / 100, torch.tensor(labels))
for epoch in range(3):
    for batch, target in torch.utils.data.DataLoader(data, batch_size=64):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(batch), target).backward()
        optimizer.step()
del model
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a pipeline, a search over two params, and a PyTorch loop."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "train.py").write_text(TRAINING)
    done = subprocess.run([sys.executable, "train.py", "runs"], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder / "runs"


@contextlib.contextmanager
def served(store: Path | str, host: str = "127.0.0.1", token: str | None = None) -> Iterator[httpx.Client]:
    """A server over a store at a port of its own, as if it were bound to that host, and its client."""
    app = application(session.get().open_store(store), Door(hosts_of(host), token))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=[[listening]])
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=60) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def client(trained: Path) -> Iterator[httpx.Client]:
    """A client of a server over the trained store."""
    with served(trained) as client:
        yield client


def got(client: httpx.Client, path: str, status: int = 200, **asked: Any) -> Any:
    """What is answered, read strictly: NaN and Infinity are no JSON."""
    answer = client.get(f"/api{path}", params=asked or None)
    assert answer.status_code == status, answer.text
    return json.loads(answer.text, parse_constant=pytest.fail)


def run_of(client: httpx.Client, name: str) -> str:
    """The id of the top-level run of that name."""
    (row,) = [row for row in got(client, "/runs")["runs"] if row["name"] == name]
    return str(row["id"])


# ---- lists


def test_a_store_says_what_is_in_it(client: httpx.Client, trained: Path) -> None:
    """The page begins with the experiments and how many runs there are in each."""
    about = got(client, "/store")
    assert about["uri"] == str(trained)
    assert about["experiments"] == [{"name": "default", "runs": 3}]
    assert about["statuses"] == {"FINISHED": 3}


def test_top_level_runs_are_listed_newest_first_with_what_their_children_amount_to(client: httpx.Client) -> None:
    """A search is one row, which says how many candidates it has and which is the best of them."""
    page = got(client, "/runs")
    assert (page["total"], page["offset"]) == (3, 0)
    assert [row["name"] for row in page["runs"]] == ["Linear", "GridSearchCV", "Pipeline"]
    search = page["runs"][1]
    assert search["children"] == {"total": 6, "ended": 6, "failed": 0}
    assert search["best"]["metric"] == "mean_test_score"
    assert search["best"]["value"] == pytest.approx(search["metrics"]["best_cv_score"])
    assert page["runs"][0]["children"]["total"] == 0
    assert page["runs"][0]["best"] is None
    assert search["duration"] == pytest.approx(search["end"] - search["start"], abs=1e-3)


def test_children_are_listed_in_an_order_that_is_asked_for(client: httpx.Client) -> None:
    """The rows below a search come by their parent's id, sorted by several names."""
    parent = run_of(client, "GridSearchCV")
    page = got(client, "/runs", parent=parent, order="params.C DESC, params.fit_intercept")
    params = [(row["params"]["C"], row["params"]["fit_intercept"]) for row in page["runs"]]
    assert params == [(C, fits) for C in (10.0, 1.0, 0.1) for fits in (False, True)]
    assert {row["parent"] for row in page["runs"]} == {parent}


def test_a_window_of_a_list_knows_the_whole(client: httpx.Client) -> None:
    """What scrolls asks for windows, each of which says how long the list is."""
    whole = got(client, "/runs", parent="any")["runs"]
    parts = [got(client, "/runs", parent="any", offset=offset, limit=4) for offset in (0, 4, 8)]
    assert [len(part["runs"]) for part in parts] == [4, 4, 1]
    assert {part["total"] for part in parts} == {9}
    assert [row["id"] for part in parts for row in part["runs"]] == [row["id"] for row in whole]


@pytest.mark.parametrize("wrong", [{"offset": "-1"}, {"limit": "many"}, {"offset": "9" * 30}])
def test_a_window_that_is_none_is_refused(client: httpx.Client, wrong: dict[str, str]) -> None:
    """The error names the parameter."""
    assert next(iter(wrong)) in got(client, "/runs", 400, **wrong)["error"]["message"]


def test_a_filter_finds_what_search_runs_finds(client: httpx.Client, trained: Path) -> None:
    """The filter language is that of `search_runs`; `or` at its top does not reach beyond the list asked for."""
    text = "params.C = 10 or params.C = 0.1"
    found = autolog.search_runs(filter_string=text, store=trained, output_format="list")
    page = got(client, "/runs", filter=text, parent=run_of(client, "GridSearchCV"))
    assert {row["id"] for row in page["runs"]} == {run.run_id for run in found}
    assert got(client, "/runs", filter=text)["total"] == 0
    assert got(client, "/runs", filter=" ")["total"] == 3


@pytest.mark.parametrize(
    ("asked", "position"),
    [
        ({"filter": "metrics.auc >"}, 13),
        ({"filter": "metrics.auc ~ 1"}, 12),
        ({"filter": "status = 'FINISHED') or (status = 'FAILED'"}, 19),
        ({"order": "start_time, metrics.`a,b` DOWN"}, 26),
    ],
)
def test_an_error_in_a_filter_or_an_order_points_at_its_place(
    client: httpx.Client, asked: dict[str, str], position: int
) -> None:
    """The position counts in what was typed, which the error has with it."""
    error = got(client, "/runs", 400, **asked)["error"]
    assert error["position"] == position
    assert error["text"] == next(iter(asked.values()))
    assert error["message"]


def test_columns_are_named_with_their_kind_and_how_many_runs_have_them(client: httpx.Client) -> None:
    """What can be chosen as a column, or completed in a filter, comes from the runs themselves."""
    columns = got(client, "/columns")
    params = {column["name"]: column for column in columns["params"]}
    assert params["C"] == {"name": "C", "runs": 6, "kind": "number"}
    assert params["fit_intercept"]["kind"] == "bool"
    assert {"mean_test_score", "rank_test_score"} <= {column["name"] for column in columns["metrics"]}
    assert got(client, "/columns", experiment="nobody's") == {"params": [], "metrics": [], "tags": []}


def test_a_spark_is_as_long_as_a_cell_needs(client: httpx.Client) -> None:
    """A row has a small curve where a metric is asked for that it has."""
    name = next(
        each["name"] for each in got(client, f"/runs/{run_of(client, 'Linear')}")["metrics"] if each["points"] > 2
    )
    sparks = {row["name"]: row["spark"] for row in got(client, "/runs", spark=name)["runs"]}
    assert 2 < len(sparks["Linear"]) <= 40
    assert sparks["Pipeline"] is None


def test_csv_has_what_is_found(client: httpx.Client) -> None:
    """A download has the columns that are asked for, or else all there are, for every run that is found."""
    asked = {"parent": "any", "columns": ["run_name", "status", "params.C"], "filter": "params.C > 1"}
    table = list(csv.reader(io.StringIO(client.get("/api/csv", params=asked).text)))
    assert table[0] == ["run_name", "status", "params.C"]
    assert [row[1:] for row in table[1:]] == [["FINISHED", "10.0"]] * 2
    whole = list(csv.DictReader(io.StringIO(client.get("/api/csv").text)))
    assert len(whole) == 3
    assert float(whole[1]["metrics.best_cv_score"]) > 0.5
    assert "nonsense" in got(client, "/csv", 400, columns="nonsense")["error"]["message"]


# ---- one run


def test_a_run_tells_everything_that_is_recorded_of_it(client: httpx.Client, trained: Path) -> None:
    """Params, data, signature, environment, model and files are those of the run as read."""
    run = next(run for run in top_runs(trained) if run.run_name == "Pipeline")
    told = got(client, f"/runs/{run.run_id}")
    assert told["row"]["name"] == "Pipeline"
    assert told["path"] == []
    assert told["params"]["logisticregression__C"] == 1.0
    assert told["inputs"][0]["shape"] == [569, 30]
    assert told["signature"]["inputs"]["shape"] == [-1, 30]
    assert told["environment"]["python_version"] == run.environment["python_version"]
    assert told["error"] is None
    (model,) = told["models"]
    assert model["size"] == run.models[0]["size"]
    assert f"runs:/{run.run_id}/model" in model["load"]
    assert {each["path"]: each["kind"] for each in told["artifacts"]}["charts/training.json"] == "json"
    metrics = {each["name"]: each for each in told["metrics"]}
    assert {name: each["last"] for name, each in metrics.items()} == run.metrics


def test_the_line_that_loads_a_model_does_so(client: httpx.Client, trained: Path) -> None:
    """What is there to be copied is Python that runs."""
    (model,) = got(client, f"/runs/{run_of(client, 'Pipeline')}")["models"]
    assert str(eval(model["load"], {"autolog": autolog})).startswith("Pipeline(")


def test_a_child_says_what_it_is_below(client: httpx.Client) -> None:
    """The way up from a candidate leads to its search."""
    parent = run_of(client, "GridSearchCV")
    child = got(client, "/runs", parent=parent)["runs"][0]
    assert got(client, f"/runs/{child['id']}")["path"] == [{"id": parent, "name": "GridSearchCV"}]


def test_charts_are_the_recorded_tables(client: httpx.Client) -> None:
    """Each chart that a run names gives its kind and its table."""
    run = run_of(client, "Pipeline")
    told = got(client, f"/runs/{run}")
    charts = {each["kind"]: got(client, f"/runs/{run}/chart/{each['name']}") for each in told["charts"]}
    assert {"confusion_matrix", "roc_curve", "precision_recall_curve", "calibration_curve"} <= set(charts)
    assert sum(charts["confusion_matrix"]["data"]["columns"]["count"]) == 569
    assert charts["roc_curve"]["data"]["areas"][0] > 0.9
    assert told["has_diagram"]
    got(client, f"/runs/{run}/chart/nothing", 404)


def test_a_diagram_is_a_page_that_runs_nothing(client: httpx.Client) -> None:
    """The estimator's diagram comes as HTML for a sandboxed frame; a run without one says so."""
    page = client.get(f"/api/runs/{run_of(client, 'Pipeline')}/diagram")
    assert "StandardScaler" in page.text
    assert page.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    got(client, f"/runs/{run_of(client, 'Linear')}/diagram", 404)


def test_runs_side_by_side(client: httpx.Client) -> None:
    """Of two candidates it is known what differs, and what each has."""
    rows = got(client, "/runs", parent=run_of(client, "GridSearchCV"), order="params.C, params.fit_intercept")["runs"]
    chosen = [rows[0]["id"], rows[-1]["id"]]
    compared = got(client, "/compare", id=chosen)
    assert [row["id"] for row in compared["runs"]] == chosen
    assert compared["differing"] == ["C", "fit_intercept"]
    assert compared["params"]["C"] == [0.1, 10.0]
    assert all(len(values) == 2 for values in compared["metrics"].values())


def test_a_heat_map_of_a_search_over_two_params(client: httpx.Client, trained: Path) -> None:
    """Each cell is the mean of its candidates' scores, whichever the order of their values."""
    parent = run_of(client, "GridSearchCV")
    heat = got(client, "/heatmap", parent=parent, x="C", y="fit_intercept", metric="mean_test_score")
    assert (heat["x"], heat["y"]) == ([0.1, 1.0, 10.0], [False, True])
    assert heat["counts"] == [[1, 1, 1], [1, 1, 1]]
    scores = {
        (run.params["fit_intercept"], run.params["C"]): run.metrics["mean_test_score"]
        for run in autolog.get_run(parent, store=trained).children()
    }
    assert heat["cells"] == [[scores[y, x] for x in heat["x"]] for y in heat["y"]]
    assert "metric" in got(client, "/heatmap", 400, parent=parent, x="C", y="C")["error"]["message"]


@pytest.mark.parametrize("path", ["/runs/{}", "/runs/{}/series?key=a", "/runs/{}/diagram", "/compare?id={}"])
def test_a_run_that_is_not_there_is_not_found(client: httpx.Client, path: str) -> None:
    """The answer says which run is missing, and where."""
    assert "f" * 32 in got(client, path.format("f" * 32), 404)["error"]["message"]


# ---- points and files


@pytest.fixture
def logged(store: Path) -> Path:
    """A store with one run of curves and files of every kind."""
    autolog.enable(backend=store, silent=True)
    with autolog.start_run(run_name="logged"):
        for step in range(5000):
            autolog.log_metric("peak", 1000.0 if step == 1234 else step / 5000, step=step)
        for step, value in enumerate([1.0, math.nan, 3.0, math.inf]):
            autolog.log_metric("gaps", value, step=step)
        autolog.log_text("a,b\n1,2\n3,4\n", "table.csv")
        autolog.log_text("name\n" + "x\n" * 1000, "long.csv")
        autolog.log_table({"a": [1, 2], "b": ["x", math.nan]}, "table.json")
        autolog.log_dict({"deep": [1, {"b": None}]}, "plain.json")
        autolog.log_text("<script>alert(1)</script>", "page.html")
        autolog.log_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "picture.svg")
        autolog.log_text("words " * 100_000, "words.txt")
        Path("bytes.bin").write_bytes(b"\0\1\2")
        autolog.log_artifact("bytes.bin")
    autolog.disable()
    return store


@pytest.fixture
def files(logged: Path) -> Iterator[tuple[httpx.Client, str]]:
    """A client of a server over that store, and the run's address."""
    with served(logged) as client:
        yield client, f"/runs/{run_of(client, 'logged')}"


def test_a_short_series_is_told_point_by_point(files: tuple[httpx.Client, str]) -> None:
    """Every point has a place of its own; NaN is a gap, infinity a word."""
    client, run = files
    (curve,) = got(client, f"{run}/series", key="gaps")["series"]
    assert curve["exact"]
    assert curve["x"] == [0, 1, 2, 3]
    assert curve["last"] == curve["low"] == curve["high"] == [1.0, None, 3.0, "Infinity"]
    assert curve["gaps"] == [1]


def test_no_peak_of_a_long_series_is_lost(files: tuple[httpx.Client, str]) -> None:
    """Each bucket has its least, greatest and last value, and there are no more buckets than were asked for."""
    client, run = files
    (curve,) = got(client, f"{run}/series", key="peak", buckets=100)["series"]
    assert not curve["exact"]
    assert curve["points"] == 5000
    assert 50 <= len(curve["x"]) <= 100
    assert max(curve["high"]) == 1000.0
    assert curve["low"][0] == 0.0
    assert curve["last"][-1] == 4999 / 5000


def test_the_edges_of_buckets_stay_as_one_looks_closer(files: tuple[httpx.Client, str]) -> None:
    """A window shows the single points where they are few, and else the buckets that any other window has there."""
    client, run = files
    (whole,) = got(client, f"{run}/series", key="peak", buckets=80)["series"]
    (half,) = got(client, f"{run}/series", key="peak", buckets=40, **{"from": 2560, "to": 4999})["series"]
    assert set(half["x"]) <= set(whole["x"])
    (close,) = got(client, f"{run}/series", key="peak", **{"from": 1230, "to": 1239})["series"]
    assert close["exact"]
    assert close["x"] == list(range(1230, 1240))
    assert close["high"][4] == 1000.0


def test_a_series_over_time_ascends(files: tuple[httpx.Client, str]) -> None:
    """The x of a curve over time is in seconds since the epoch."""
    client, run = files
    (curve,) = got(client, f"{run}/series", key="peak", x="time")["series"]
    assert curve["x"] == sorted(curve["x"])
    assert abs(curve["x"][0] - time.time()) < 3600
    assert max(curve["high"]) == 1000.0
    assert "nothing" in got(client, f"{run}/series", 400, key="nothing")["error"]["message"]
    assert "from" in got(client, f"{run}/series", 400, key="peak", **{"from": "x"})["error"]["message"]


def test_a_series_over_epochs_grows_from_the_end_of_one_to_that_of_the_next(client: httpx.Client) -> None:
    """Each step lies within the epoch that it was part of; what has no epochs is drawn over its steps."""
    run = f"/runs/{run_of(client, 'Linear')}/series"
    steps, ends = (got(client, run, key=key, x="epoch")["series"][0]["x"] for key in ("loss", "loss_epoch"))
    assert ends == [0, 1, 2]
    batches = len(steps) // 3
    assert steps == sorted(steps)
    for epoch in range(3):
        assert all(epoch - 1 <= x <= epoch for x in steps[epoch * batches : (epoch + 1) * batches])
    search = f"/runs/{run_of(client, 'GridSearchCV')}/series"
    (alone,) = got(client, search, key="training_accuracy", x="epoch")["series"]
    assert alone["x"] == [0]


def test_previews_by_kind(files: tuple[httpx.Client, str]) -> None:
    """Tables, documents and texts come as such, a long one with its beginning, and bytes only with their size."""
    client, run = files
    seen = {name: got(client, f"{run}/preview/{name}") for name in ("table.csv", "table.json", "plain.json")}
    assert (seen["table.csv"]["columns"], seen["table.csv"]["rows"]) == (["a", "b"], [["1", "2"], ["3", "4"]])
    assert seen["table.csv"]["total"] == 2
    assert seen["table.json"]["kind"] == "table"
    assert seen["table.json"]["columns"] == ["a", "b"]
    assert seen["plain.json"] == {"kind": "json", "value": {"deep": [1, {"b": None}]}}
    long, words = got(client, f"{run}/preview/long.csv"), got(client, f"{run}/preview/words.txt")
    assert long["truncated"]
    assert words["truncated"]
    assert "words words" in words["text"]
    assert got(client, f"{run}/preview/bytes.bin") == {"kind": "other", "size": 3}


def test_an_artifact_is_given_to_be_kept(files: tuple[httpx.Client, str]) -> None:
    """Whatever it holds, it is a download, of no type that a browser would guess at, and inert where it is opened."""
    client, run = files
    for name in ("bytes.bin", "page.html", "picture.svg", "table.csv"):
        answer = client.get(f"/api{run}/artifact/{name}")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get(f"/api{run}/artifact/bytes.bin").content == b"\0\1\2"


def test_pages_and_pictures_are_shown_where_nothing_in_them_runs(files: tuple[httpx.Client, str]) -> None:
    """What a preview points at is inert, and nothing but HTML is given as a page."""
    client, run = files
    for name in ("page.html", "picture.svg"):
        answer = client.get(got(client, f"{run}/preview/{name}")["src"])
        assert answer.status_code == 200
        assert "script-src" not in answer.headers["content-security-policy"]
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "words.txt" in got(client, f"{run}/frame/words.txt", 400)["error"]["message"]


# ---- wherever the runs lie


@pytest.fixture(params=["bucket", "server"])
def elsewhere(
    request: pytest.FixtureRequest, tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The address of a bucket, and that of an MLflow server, which the trained runs were delivered to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(trained, tmp_path / "runs")
    with contextlib.ExitStack() as ending:
        if request.param == "server":
            uri = request.getfixturevalue("mlflow_uri")
        else:
            bucket = ending.enter_context(object_stores.running(object_stores.Moto, tmp_path))
            object_stores.use(bucket, monkeypatch)
            bucket.make_bucket("runs")
            uri = bucket.uri("runs/team")
        assert main(["sync", str(tmp_path / "runs"), "--to", uri]) == 0
        yield uri


def test_the_page_is_the_same_wherever_the_runs_lie(client: httpx.Client, elsewhere: str) -> None:
    """Lists, runs, curves, charts and files of a bucket and of a server are those of the folder."""
    with served(elsewhere) as other:
        for run in (run_of(client, "Linear"), search := run_of(client, "GridSearchCV")):
            ours, theirs = got(client, f"/runs/{run}"), got(other, f"/runs/{run}")
            names = ("params", "notes", "signature", "metrics", "charts", "artifacts", "path", "splits")
            assert {name: theirs[name] for name in names} == {name: ours[name] for name in names}
            assert {**theirs["row"], "tags": {}} == {**ours["row"], "tags": {}}
            keys = {"key": [each["name"] for each in ours["metrics"]]}
            assert got(other, f"/runs/{run}/series", **keys) == got(client, f"/runs/{run}/series", **keys)
        chart = f"/runs/{search}/chart/training_confusion_matrix"
        assert got(other, chart) == got(client, chart)
        artifact = f"/api/runs/{search}/artifact/cv_results.json"
        assert other.get(artifact).content == client.get(artifact).content
        asked = {"parent": search, "order": "metrics.mean_test_score DESC, params.C", "filter": "params.C > 0.5"}
        assert [row["id"] for row in got(other, "/runs", **asked)["runs"]] == [
            row["id"] for row in got(client, "/runs", **asked)["runs"]
        ]


def test_a_store_with_an_index_answers_as_one_without(
    client: httpx.Client, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large store is listed and found by its index, and the page cannot tell."""
    monkeypatch.setattr(indexed, "_LARGE", 0)
    shutil.copytree(trained, tmp_path / "runs")
    search = run_of(client, "GridSearchCV")
    with served(tmp_path / "runs") as large:
        for asked in (
            {"spark": "loss"},
            {"parent": search, "order": "params.C DESC, metrics.mean_test_score"},
            {"parent": "any", "filter": "params.C > 0.5 or status != 'FINISHED'", "offset": "1", "limit": "2"},
        ):
            assert got(large, "/runs", **asked) == got(client, "/runs", **asked)
        for path in ("/columns", f"/runs/{search}/series?key=best_cv_score", f"/compare?id={search}"):
            assert got(large, path) == got(client, path)
        assert got(large, "/store")["experiments"] == got(client, "/store")["experiments"]
    assert path_for(str(tmp_path / "runs")).exists()


# ---- live

WRITING = """
import sys, time, autolog
autolog.enable(backend=sys.argv[1], silent=True)
with autolog.start_run(run_name="live"):
    autolog.log_metric("loss", 1.0, step=0)
    sys.stdin.readline()
    autolog.log_metric("loss", 0.5, step=1)
    sys.stdin.readline()
"""


@pytest.fixture
def writer(store: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that writes to the store whenever it is told to."""
    store.mkdir()
    command = [sys.executable, "-c", WRITING, str(store)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def told(events: Iterator[str], until: Any) -> dict[str, Any]:
    """The data of the first event of which something holds."""
    for line in events:
        if line.startswith("data: "):
            data = json.loads(line.removeprefix("data: "))
            if until(data):
                return dict(data)
    raise AssertionError("the stream ended")


def awaited(client: httpx.Client, events: Iterator[str], run: str, until: Any) -> dict[str, Any]:
    """The row of a run as soon as something holds of it; it is asked for when an event tells of it."""
    while True:
        told(events, lambda data: run in data["ids"])
        row = got(client, f"/runs/{run}")["row"]
        if until(row):
            return dict(row)


def test_what_another_process_writes_is_told_while_it_does(store: Path, writer: subprocess.Popen[str]) -> None:
    """A new run, its points and its end each arrive by themselves, without a request."""
    assert writer.stdin is not None
    with served(store) as client, client.stream("GET", "/api/events", timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = answer.iter_lines()
        told(events, lambda data: data["total"] == 1)
        run = run_of(client, "live")
        writer.stdin.write("go on\n")
        writer.stdin.flush()
        row = awaited(client, events, run, lambda row: row["metrics"] == {"loss": 0.5})
        assert row["status"] == "RUNNING"
        writer.stdin.write("end\n")
        writer.stdin.flush()
        awaited(client, events, run, lambda row: row["status"] == "FINISHED")


def test_a_page_of_one_run_is_told_of_that_one(store: Path, writer: subprocess.Popen[str]) -> None:
    """Who looks at one run hears of it and of its children, and of no other."""
    autolog.enable(backend=store, silent=True)
    with (
        autolog.start_run(run_name="looked at") as run,
        served(store) as client,
        client.stream("GET", "/api/events", params={"parent": run.run_id}) as answer,
    ):
        events = answer.iter_lines()
        told(events, lambda data: data["total"] == 0)
        with autolog.start_run(run_name="below", nested=True) as child:
            data = told(events, lambda data: data["total"] == 1)
        assert child.run_id in data["ids"]
        assert set(data["ids"]) <= {run.run_id, child.run_id}


# ---- a store that means harm

MARKUP = "<img src=x onerror=alert(1)>\u202e\0\x1b[2J\udc80"
TREE = "0" * 32


@pytest.fixture
def hostile(store: Path) -> Iterator[httpx.Client]:
    """A server over a journal that somebody else wrote."""
    facts: list[tuple[str, dict[str, Any]]] = [
        ("journal", {"format": 1}),
        (
            "started",
            {"run_name": MARKUP, "experiment": MARKUP, "session": "s", "parent": None, "tags": {MARKUP: MARKUP}},
        ),
        ("params", {"params": {MARKUP: MARKUP, "huge": "x" * 1_000_000, "int": 10**400, "list": [[[]] * 100]}}),
        (
            "params",
            {"params": {"$float": {"$float": "nan"}, "set": {"$set": [1]}, "bad": {"$int": "zz"}, "none": None}},
        ),
        ("params", {"params": 7}),
        ("points", {"series": {"loss": {"n": 5, "step": 1, "value": "?", "time": []}, "x": 3}}),
        ("artifact", {"path": "../../../etc/passwd", "size": "big", "sha256": 5}),
        ("artifact", {"path": "/etc/passwd"}),
        ("artifact", {"path": MARKUP}),
        ("artifact", {"path": "charts/a.json"}),
        ("artifact", {"path": "environment/changes.diff"}),
        ("model", {"name": "../m", "modules": "many", "size": None, "path": "../../m"}),
        ("model", {"name": MARKUP}),
        ("dataset", {"name": MARKUP, "columns": 5}),
        ("signature", {"inputs": MARKUP}),
        ("environment", {"packages": MARKUP}),
        ("split", {"split": {"a": 1}, "metrics": 5}),
        ("note", {"text": MARKUP}),
        ("finished", {"session": "s", "status": MARKUP, "error": {"type": 5, "message": [MARKUP], "traceback": {}}}),
    ]
    folder = store / TREE
    (folder / "files" / TREE / "charts").mkdir(parents=True)
    (folder / "files" / TREE / "charts" / "a.json").write_text('{"charts": [{"kind": "roc_curve", "columns": 5}]}')
    events = [
        Event(TREE, kind, 1_700_000_000_000_000 + seq, "1" * 32, seq, data) for seq, (kind, data) in enumerate(facts)
    ]
    (folder / f"{'1' * 32}.jsonl").write_bytes(b"".join(map(encode_line, events)))
    with served(store) as client:
        yield client


def test_a_hostile_store_is_told_as_text(hostile: httpx.Client) -> None:
    """Markup, controls and half characters arrive as they are, in JSON; what is broken costs itself."""
    (row,) = got(hostile, "/runs", spark="loss")["runs"]
    assert row["name"] == MARKUP
    assert row["status"] == MARKUP
    assert row["params"]["huge"]["length"] == 1_000_000
    assert row["params"]["none"] is None
    told = got(hostile, f"/runs/{TREE}")
    assert told["params"][MARKUP] == MARKUP
    assert len(told["params"]["huge"]) == 1_000_000
    assert told["params"]["set"] == {"text": "{1}", "type": "set"}
    assert told["notes"]
    assert told["diff"] is None
    for path in ("/store", "/columns", "/compare?id=" + TREE, f"/runs?filter=params.huge = 'x'&order={'status,' * 50}"):
        assert got(hostile, path)


def test_csv_of_a_hostile_store_calculates_nothing(store: Path) -> None:
    """A text that a spreadsheet would take for a formula has an apostrophe before it; numbers are numbers."""
    autolog.enable(backend=store, silent=True)
    with autolog.start_run(run_name="=1+1"):
        autolog.log_params({"a": "@SUM(A1)", "b": -1, "c": "x\ny,z"})
    with served(store) as client:
        (row,) = csv.DictReader(io.StringIO(client.get("/api/csv").text))
    assert (row["run_name"], row["params.a"], row["params.b"], row["params.c"]) == (
        "'=1+1",
        "'@SUM(A1)",
        "-1",
        "x\ny,z",
    )


@pytest.mark.parametrize("kind", ["artifact", "preview", "frame"])
@pytest.mark.parametrize(
    "path",
    ["../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "%2Fetc%2Fpasswd", "a%00b", "..%5c..%5cx"],
)
def test_no_path_leads_out_of_a_run(hostile: httpx.Client, kind: str, path: str) -> None:
    """What a journal or an address names outside the run's folder is refused, not read."""
    answer = hostile.get(f"/api/runs/{TREE}/{kind}/{path}")
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text


def test_a_link_that_leads_out_of_a_run_is_refused(logged: Path) -> None:
    """A file of a run may be a link only to what lies in the run's folder."""
    (run,) = top_runs(logged)
    file = run.artifact_path("words.txt")
    file.unlink()
    file.symlink_to("/etc/passwd")
    with served(logged) as client:
        assert "link" in got(client, f"/runs/{run.run_id}/preview/words.txt", 400)["error"]["message"]


# ---- who is let in


@pytest.mark.parametrize("path", ["/", "/api/store", "/api/nothing", "/nothing.js", "/api/runs?filter=x", "/api/csv"])
def test_every_answer_has_the_headers(client: httpx.Client, path: str) -> None:
    """Pages, documents and errors alike may run, load and be framed by nothing foreign."""
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_only_reading_is_answered(client: httpx.Client, method: str) -> None:
    """Nothing can be changed, so nothing but GET is understood."""
    answer = client.request(method, "/api/store")
    assert answer.status_code == 405
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:7007", 200),
        ("LOCALHOST", 200),
        ("[::1]:7007", 200),
        ("127.0.0.1:1", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:7007", 421),
        ("localhost@evil.example", 421),
        ("192.168.0.1", 421),
        ("[", 421),
        ("", 421),
    ],
)
def test_a_server_is_asked_for_by_its_own_names(client: httpx.Client, host: str, status: int) -> None:
    """A foreign name that points here, as a rebinding attack has it, is not answered; a tunnel's port is."""
    assert client.get("/api/store", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/store", {"origin": "http://localhost:7007"}, 200),
        ("/api/store", {"origin": "http://localhost:8000"}, 403),
        ("/api/store", {"origin": "https://evil.example"}, 403),
        ("/api/store", {"origin": "null"}, 403),
        ("/api/store", {"sec-fetch-site": "same-origin"}, 200),
        ("/api/store", {"sec-fetch-site": "none"}, 200),
        ("/api/store", {"sec-fetch-site": "cross-site"}, 403),
        ("/api/store", {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, 403),
        ("/api/store", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
        ("/", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        ("/", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
    ],
)
def test_other_sites_may_link_to_the_page_and_nothing_else(
    client: httpx.Client, path: str, headers: dict[str, str], status: int
) -> None:
    """A request of another origin is refused, but for somebody who follows a link to the page."""
    assert client.get(path, headers={"host": "localhost:7007", **headers}).status_code == status


def test_beyond_this_machine_a_token_is_exchanged_for_a_cookie(trained: Path) -> None:
    """Without either nothing is answered; the token opens the page, and from then on the cookie is enough."""
    with served(trained, "0.0.0.0", "the token") as client:
        for path in ("/", "/api/store", "/?token=other", "/nothing.js"):
            assert client.get(path).status_code == 401
        answer = client.get("/", params={"token": "the token"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "httponly" in answer.headers["set-cookie"].lower()
        assert "samesite=strict" in answer.headers["set-cookie"].lower()
        assert "the token" not in answer.headers["set-cookie"]
        assert got(client, "/store")["statuses"] == {"FINISHED": 3}
        assert client.get("/api/store", headers={"host": "evil.example"}).status_code == 421
        assert client.get("/api/store", headers={"host": "192.168.0.1:7007"}).status_code == 200
        client.cookies.clear()
        assert client.get("/api/store", headers={"cookie": "autolog_0=x; autolog_7007=the token"}).status_code == 401


# ---- what is written of it


def test_every_address_is_documented() -> None:
    """The reference names each path that is answered."""
    reference = (Path(__file__).parents[1] / "docs/ui.md").read_text("utf-8")
    for path in (*DOCUMENTS, *FILES, "/events"):
        assert f"| `{path.replace(':path', '')}` |" in reference


# ---- the command


def test_the_command_prints_where_the_page_is_and_ends_when_interrupted(trained: Path) -> None:
    """The server listens when its address is printed, and an interrupt is its ordinary end, though a page looks on."""
    command = [sys.executable, "-m", "autolog", "ui", "--store", str(trained), "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        assert found is not None
        with httpx.Client(base_url=found[0], timeout=30) as client, client.stream("GET", "/api/events") as events:
            assert next(events.iter_lines()) == "event: hello"
            assert got(client, "/store")["uri"] == str(trained)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_port_that_is_taken_is_said(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A port that was asked for and is not free is an error with the next step."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["ui", "--store", str(trained), "--port", port, "--no-open"]) == 2
    said = capsys.readouterr().err
    assert port in said
    assert "--port" in said

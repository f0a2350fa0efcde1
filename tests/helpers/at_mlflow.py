"""What an MLflow server has of our runs, as its REST API tells it, and the same as a local store tells it."""

from __future__ import annotations

import math
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import autolog
from autolog.delivery import syncing
from autolog.testing import all_runs
from autolog_http.client import Client
from autolog_http.destination import MLflowBackend
from late import wait_for_environment

__all__ = [
    "artifact",
    "assert_all_there",
    "comparable",
    "deliver",
    "histories",
    "history",
    "recorded",
    "run_at",
    "runs_at",
    "texts",
]


def deliver(folder: Path, uri: str) -> list[syncing.Sent]:
    """Deliver what a folder of runs, or a run's, holds that a server lacks; the environment above all comes late."""
    wait_for_environment()
    return list(syncing.deliver(syncing.tasks(folder, uri), MLflowBackend, lambda size: None))


def runs_at(uri: str, experiment: str) -> dict[str, dict[str, Any]]:
    """Give all runs of an experiment by our ids; no two may have one."""
    with closing(Client(uri)) as client:
        place = client.get("mlflow/experiments/get-by-name", experiment_name=experiment)["experiment"]["experiment_id"]
        pages = list(client.pages("POST", "mlflow/runs/search", experiment_ids=[place], max_results=1000))
    found = [run for page in pages for run in page.get("runs", ())]
    by_id = {texts(run, "tags")["autolog.run_id"]: run for run in found}
    assert len(by_id) == len(found)
    return by_id


def run_at(uri: str, run: autolog.Run) -> dict[str, Any]:
    """Give one run."""
    return runs_at(uri, run.experiment)[run.run_id]


def texts(run: dict[str, Any], kind: str) -> dict[str, str]:
    """Give the params or tags of a run."""
    return {each["key"]: each["value"] for each in run["data"].get(kind, ())}


def history(uri: str, run: dict[str, Any], name: str) -> list[tuple[int, float, int]]:
    """Give each point of a metric at the server, as step, value and millisecond."""
    asked = {"run_id": run["info"]["run_id"], "metric_key": name, "max_results": 1000}
    with closing(Client(uri)) as client:
        pages = list(client.pages("GET", "mlflow/metrics/get-history", **asked))
    return sorted(
        (int(each.get("step", 0)), comparable(float(each["value"])), int(each["timestamp"]))
        for page in pages
        for each in page.get("metrics", ())
    )


def histories(uri: str, run: dict[str, Any]) -> dict[str, list[tuple[int, float, int]]]:
    """Give all metrics of a run at the server."""
    names = [each["key"] for each in run["data"].get("metrics", ())]
    return {name: history(uri, run, name) for name in names}


def recorded(run: autolog.Run) -> dict[str, list[tuple[int, float, int]]]:
    """Give all metrics of a run as recorded, where no two points of a series are one at a server."""
    found = {name: [_as_sent(point) for point in run.history(name)] for name in run.metrics}
    assert all(max(Counter(each).values()) == 1 for each in found.values())
    return {name: sorted(each) for name, each in found.items()}


def _as_sent(point: tuple[int, float, float]) -> tuple[int, float, int]:
    step, value, seconds = point
    return step, comparable(value), round(seconds * 1_000_000) // 1000


def comparable(value: float) -> float:
    """Give a value as a database keeps it; NaN as a number that no test logs."""
    largest = 1.7976931348623157e308
    return -12345.678 if math.isnan(value) else max(-largest, min(largest, value))


def artifact(uri: str, run: dict[str, Any], path: str) -> bytes:
    """Give the bytes of an artifact of a run at the server."""
    root = run["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    with closing(Client(uri)) as client:
        return b"".join(client.download(f"{root}/{path}", 1 << 24))


# ---- a whole store


def assert_all_there(uri: str, experiment: str, store: Path) -> None:
    """Every run recorded in a folder is at the server once, with every point, param and artifact once."""
    there = runs_at(uri, experiment)
    here = {run.run_id: run for run in all_runs(store)}
    assert there.keys() == here.keys() != set()
    for run_id, run in here.items():
        _assert_same(uri, there[run_id], run)


def _assert_same(uri: str, there: dict[str, Any], run: autolog.Run) -> None:
    assert there["info"]["status"] == {"LOST": "KILLED"}.get(run.status, run.status)
    assert texts(there, "params") == {key: str(value) for key, value in run.params.items()}
    found = histories(uri, there)
    assert found.keys() == run.metrics.keys()
    for key, points in found.items():
        _assert_same_points(points, sorted(map(_as_sent, run.history(key))))
    for path in run.artifacts:
        assert artifact(uri, there, path) == run.artifact_path(path).read_bytes()


def _assert_same_points(there: list[tuple[int, float, int]], here: list[tuple[int, float, int]]) -> None:
    """The same points in number, step and value; of equal ones the time may be moved by milliseconds."""
    assert [point[:2] for point in there] == [point[:2] for point in here]
    assert all(abs(one[2] - other[2]) < 50 for one, other in zip(there, here, strict=True))

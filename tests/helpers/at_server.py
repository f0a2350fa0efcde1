"""What an MLflow server holds, asked of its REST API, and compared with what was recorded."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import httpx

from autolog.store.run import Run
from autolog.testing import all_runs

__all__ = ["assert_all_there", "runs_at"]

_LARGEST = 1.7976931348623157e308  # what MLflow makes of infinity


def _ask(url: str, method: str, path: str, **arguments: Any) -> Any:
    said = httpx.request(method, f"{url}/api/2.0/mlflow/{path}", timeout=60, **arguments)
    said.raise_for_status()
    return said.json()


def runs_at(url: str, experiment: str) -> list[dict[str, Any]]:
    """Give the runs of an experiment, as MLflow says them; none where it has no such experiment."""
    known = _ask(url, "POST", "experiments/search", json={"max_results": 1000})["experiments"]
    ids = [each["experiment_id"] for each in known if each["name"] == experiment]
    said = _ask(url, "POST", "runs/search", json={"experiment_ids": ids, "max_results": 1000})
    return said.get("runs", [])  # type: ignore[no-any-return]


def _history(url: str, run: str, key: str) -> list[tuple[int, float, int]]:
    found: list[tuple[int, float, int]] = []
    token = ""
    while True:
        asked = {"run_id": run, "metric_key": key, "max_results": 1000, **({"page_token": token} if token else {})}
        said = _ask(url, "GET", "metrics/get-history", params=asked)
        found += [(int(each["step"]), float(each["value"]), int(each["timestamp"])) for each in said.get("metrics", ())]
        token = said.get("next_page_token", "")
        if not token:
            return sorted(found, key=lambda point: (point[0], point[2]))


def _artifact(url: str, run: str, path: str) -> bytes:
    said = httpx.get(f"{url}/get-artifact", params={"run_id": run, "path": path}, timeout=60)
    said.raise_for_status()
    return said.content


def assert_all_there(url: str, experiment: str, store: Path) -> None:
    """Every run recorded in a folder is at the server once, with every point, param and artifact once."""
    at_server = runs_at(url, experiment)
    ids = {_tags(each)["autolog.run_id"]: each for each in at_server}
    recorded = {run.run_id: run for run in all_runs(store)}
    assert len(at_server) == len(ids) > 0
    assert ids.keys() == recorded.keys()
    for run_id, run in recorded.items():
        _assert_same(url, ids[run_id], run)


def _tags(run: dict[str, Any]) -> dict[str, str]:
    return {each["key"]: each["value"] for each in run["data"].get("tags", ())}


def _assert_same(url: str, said: dict[str, Any], run: Run) -> None:
    at_server = said["info"]["run_id"]
    assert said["info"]["status"] == {"LOST": "KILLED"}.get(run.status, run.status)
    params = {each["key"]: each["value"] for each in said["data"].get("params", ())}
    assert params == {key: str(value) for key, value in run.params.items()}
    assert {each["key"] for each in said["data"].get("metrics", ())} == run.metrics.keys()
    for key in run.metrics:
        _assert_same_points(_history(url, at_server, key), run.history(key))
    for path in run.artifacts:
        assert _artifact(url, at_server, path) == run.artifact_path(path).read_bytes()


def _assert_same_points(there: list[tuple[int, float, int]], here: list[tuple[int, float, float]]) -> None:
    """The same points in number, step and value; of equal ones the time may be moved by milliseconds."""
    assert len(there) == len(here)
    for (step, value, moment), (own_step, own_value, own_moment) in zip(there, here, strict=True):
        assert step == own_step
        assert value == _finite(own_value) or (math.isnan(value) and math.isnan(own_value))
        assert abs(moment - own_moment * 1000) < 50


def _finite(value: float) -> float:
    return math.copysign(_LARGEST, value) if math.isinf(value) else value

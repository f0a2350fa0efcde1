"""What an MLflow server says of a run, read as far as it has the form that MLflow's protocol gives it.

The server may be anybody's: what has another form is passed over, and counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "ENDS",
    "ServerRun",
    "dicts",
    "is_id",
    "moment",
    "number",
    "parsed",
    "read_point",
    "read_run",
    "text",
    "whole",
]

ENDS: Final = ("FINISHED", "FAILED", "KILLED")
_ID: Final = re.compile(r"[0-9a-f]{1,64}\Z")
_LATEST: Final = 253_402_300_799_999  # milliseconds: the last year that Python's calendar has
_LEAST: Final = -62_135_596_800_000


@dataclass(frozen=True)
class ServerRun:
    """A run as its server has it.

    Args:
        mlflow_id: MLflow's id.
        run_id: ours where the run is ours, else MLflow's.
        experiment_id: the experiment's.
        name: the run's.
        status: in MLflow's words.
        started: in milliseconds since the epoch; None where the server does not say.
        ended: likewise.
        artifacts: the URI below which the artifacts lie.
        params: as texts.
        tags: as texts.
        metrics: the last value of each.
        inputs: the datasets, each with the tags of its use.
        models: the ids of the logged models.
        older_models: the names of the models that lie among the artifacts.
        mistakes: how many parts of it could not be understood.
    """

    mlflow_id: str
    run_id: str
    experiment_id: str
    name: str | None
    status: str
    started: int | None
    ended: int | None
    artifacts: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    inputs: tuple[Mapping[str, Any], ...]
    models: tuple[str, ...]
    older_models: tuple[str, ...]
    mistakes: int

    @property
    def is_ours(self) -> bool:
        """Say whether autolog has delivered it."""
        return "autolog.run_id" in self.tags

    @property
    def has_ended(self) -> bool:
        """Say whether it has a status that is an end."""
        return self.status in ENDS

    @property
    def parent(self) -> str | None:
        """MLflow's id of the run that it is a child of."""
        found = self.tags.get("mlflow.parentRunId", "")
        return found if is_id(found) else None

    @property
    def tree(self) -> str | None:
        """Our id of its top-level run, where it is ours."""
        found = self.tags.get("autolog.tree", "")
        return found if is_id(found) else None

    def told(self, name: str) -> Mapping[str, Any]:
        """Give what a tag of ours tells by name, as JSON of typed values; nothing where the run is not ours."""
        found = parsed(self.tags.get(name)) if self.is_ours else None
        return found if isinstance(found, dict) else {}


def read_run(said: Mapping[str, Any]) -> ServerRun | None:
    """Read what a server says of a run; None where it does not even say which run it is."""
    info, data = _part(said, "info"), _part(said, "data")
    mlflow_id = text(info.get("run_id"))
    if not is_id(mlflow_id):
        return None
    tags, bad_tags = _pairs(data.get("tags"), _value)
    params, bad_params = _pairs(data.get("params"), _value)
    metrics, bad_metrics = _pairs(data.get("metrics"), lambda each: number(each.get("value")))
    own = tags.get("autolog.run_id", "")
    if own and not is_id(own):
        del tags["autolog.run_id"]
    return ServerRun(
        mlflow_id,
        own if is_id(own) else mlflow_id,
        text(info.get("experiment_id")),
        text(info.get("run_name")) or tags.get("mlflow.runName"),
        text(info.get("status")),
        moment(info.get("start_time")),
        moment(info.get("end_time")),
        text(info.get("artifact_uri")),
        params,
        tags,
        metrics,
        tuple(map(_read_input, dicts(_part(said, "inputs").get("dataset_inputs")))),
        _texts(_part(said, "outputs").get("model_outputs"), "model_id"),
        _texts(parsed(tags.get("mlflow.log-model.history")), "artifact_path"),
        bad_tags + bad_params + bad_metrics,
    )


def read_point(said: Mapping[str, Any]) -> tuple[int, float, float] | None:
    """Read a point of a metric as (step, value, seconds); None where it is none."""
    step, value, time = whole(said.get("step", 0)), number(said.get("value")), whole(said.get("timestamp"))
    return None if step is None or value is None or time is None else (step, value, time / 1000)


def _read_input(said: Mapping[str, Any]) -> dict[str, Any]:
    dataset = {name: each for name, each in _part(said, "dataset").items() if isinstance(each, str)}
    return {**dataset, "tags": _pairs(said.get("tags"), _value)[0]}


# ---- forms


def is_id(said: str) -> bool:
    """Say whether a text can be a run's id, so that it may be part of a question."""
    return _ID.match(said) is not None


def _part(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return found if isinstance(found, dict) else {}


def dicts(said: Any) -> Iterator[dict[str, Any]]:
    """Give those of a list that are objects; none where it is no list."""
    return (each for each in said if isinstance(each, dict)) if isinstance(said, list) else iter(())


def _pairs(said: Any, value: Callable[[Mapping[str, Any]], Any]) -> tuple[dict[str, Any], int]:
    """Give the values by key, and how many of them could not be read."""
    listed = said if isinstance(said, list) else []
    found = {each["key"]: value(each) for each in dicts(listed) if isinstance(each.get("key"), str)}
    read = {key: each for key, each in found.items() if each is not None}
    return read, len(listed) - len(read)


def _texts(said: Any, name: str) -> tuple[str, ...]:
    return tuple(filter(None, (text(each.get(name)) for each in dicts(said))))


def parsed(said: str | None) -> Any:
    """Read JSON; None where there is none, or it cannot be read."""
    try:
        return json.loads(said or "null")
    except (ValueError, RecursionError):
        return None


def _value(each: Mapping[str, Any]) -> str | None:
    found = each.get("value", "")  # what is empty is left out of an answer
    return found if isinstance(found, str) else None


def text(said: Any) -> str:
    """Give a text; an empty one for anything else."""
    return said if isinstance(said, str) else ""


def number(said: Any) -> float | None:
    """Give a metric's value: JSON has no word for NaN and infinity, so these are texts."""
    if isinstance(said, bool) or not isinstance(said, (int, float, str)):
        return None
    try:
        return float(said)
    except (ValueError, OverflowError):
        return None


def whole(said: Any) -> int | None:
    """Give a whole number of 64 bits; some servers write it as a text."""
    if isinstance(said, bool) or not isinstance(said, (int, float, str)):
        return None
    try:
        found = int(said)
    except (ValueError, OverflowError):
        return None
    return found if -(1 << 63) <= found < 1 << 63 else None


def moment(said: Any) -> int | None:
    """Give a time in milliseconds since the epoch; None where there is none, or no calendar has it."""
    found = whole(said)
    return found if found and _LEAST <= found <= _LATEST else None

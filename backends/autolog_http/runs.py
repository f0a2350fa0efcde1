"""Runs at an MLflow server: found or begun, brought up to date and ended, in few requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from autolog_http import names
from autolog_http.client import Client, ServerError, part
from autolog_http.facts import OURS, TREE
from autolog_http.names import Limits

__all__ = ["Item", "Remote", "Runs", "is_refusal"]

Item: TypeAlias = "tuple[str, dict[str, Any]]"
"""One of `params`, `tags`, `metrics` and `datasets`, and what is to be added there."""
_Send: TypeAlias = "Callable[[Remote, Sequence[Item]], None]"

_MOST: Final[Mapping[str, int]] = {"params": 100, "tags": 100, "metrics": 1000}
_MOST_TOGETHER: Final = 1000
_LONGEST_EXPERIMENT: Final = 256  # characters, as databases have it
_LONGEST_USER: Final = 256
_RUNNING: Final = "RUNNING"


def is_refusal(error: ServerError) -> bool:
    """Say whether MLflow will never take what it was given; who is not let in now may be later."""
    is_of_request = error.status is not None and not error.is_temporary and error.status not in (401, 403)
    return is_of_request and (error.code != "" or error.status == 413)


@dataclass
class Remote:
    """A run at the server, as far as it is known there.

    Args:
        id: the server's.
        experiment: the server's id of its experiment.
        root: where its artifacts lie, as a URI.
        status: of MLflow's.
        end_time: in milliseconds; 0 where it has none.
        params: by name.
        tags: by name.
        inputs: name, digest and context of each dataset.
        splits: the points of its splits that were sent, as texts, in which a NaN is itself.
    """

    id: str
    experiment: str
    root: str
    status: str
    end_time: int = 0
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    inputs: set[tuple[str, ...]] = field(default_factory=set)
    splits: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Remote:
        """Read one as the server writes it."""
        info, data = part(said, "info"), said.get("data", {})
        params, tags = _texts(data.get("params", ())), _texts(data.get("tags", ()))
        end, status = int(info.get("end_time") or 0), info.get("status", _RUNNING)
        run_id, experiment = str(part(info, "run_id")), str(part(info, "experiment_id"))
        return cls(run_id, experiment, str(info.get("artifact_uri")), status, end, params, tags)


def _texts(said: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {part(each, "key"): each.get("value", "") for each in said}


class Runs:
    """The runs of one top-level run at a server.

    Args:
        client: reaches it.
        limits: the server's.
        tree: the id of the top-level run.
        aside: takes a line for each item that is refused.
    """

    def __init__(self, client: Client, limits: Limits, tree: str, aside: Callable[[str], None]) -> None:
        self.limits = limits
        self._client = client
        self._tree = tree
        self._aside = aside
        self._experiments: dict[str, str] = {}
        self._known: dict[str, Remote] = {}

    def get(self, run_id: str) -> Remote | None:
        """Give a run by our id, where it is known."""
        return self._known.get(run_id)

    # ---- finding and beginning

    def begin(self, run_id: str, experiment: str, start: int, tags: Mapping[str, str]) -> Remote:
        """Give a run, begun where the server does not have it.

        Args:
            run_id: ours.
            experiment: its name.
            start: in milliseconds.
            tags: those it begins with.
        """
        place = self._experiment(names.cut(experiment, _LONGEST_EXPERIMENT))
        if run_id not in self._known:
            self._known[run_id] = self._create(place, start, tags)
        return self._known[run_id]

    def _create(self, experiment: str, start: int, tags: Mapping[str, str]) -> Remote:
        said = self._client.post(
            "mlflow/runs/create",
            experiment_id=experiment,
            start_time=start,
            run_name=tags["mlflow.runName"],
            user_id=names.cut(tags.get("mlflow.user", ""), _LONGEST_USER),
            tags=[{"key": name, "value": value} for name, value in tags.items()],
        )
        return Remote.of(part(said, "run"))

    def _experiment(self, name: str) -> str:
        """Give an experiment's id, made where there is none; once it is known, all of the tree's runs in it are."""
        if name not in self._experiments:
            found = self._find_experiment(name) or self._make_experiment(name)
            for each in self._search(found):
                self._known.setdefault(each.tags.get(OURS, ""), each)
            self._experiments[name] = found
        return self._experiments[name]

    def _find_experiment(self, name: str) -> str | None:
        try:
            said = self._client.get("mlflow/experiments/get-by-name", experiment_name=name)
        except ServerError as error:
            if error.code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return str(part(said, "experiment", "experiment_id"))

    def _make_experiment(self, name: str) -> str:
        try:
            return str(part(self._client.post("mlflow/experiments/create", name=name), "experiment_id"))
        except ServerError as error:
            found = self._find_experiment(name) if error.code == "RESOURCE_ALREADY_EXISTS" else None
            if found is None:
                raise
            return found

    def _search(self, experiment: str) -> Iterator[Remote]:
        asked = {"experiment_ids": [experiment], "filter": f"tags.`{TREE}` = '{self._tree}'", "run_view_type": "ALL"}
        for page in self._client.pages("POST", "mlflow/runs/search", **asked, max_results=1000):
            yield from map(Remote.of, page.get("runs", ()))

    # ---- bringing up to date

    def update(
        self, remote: Remote, params: Mapping[str, str], tags: Mapping[str, str], metrics: Sequence[Any]
    ) -> None:
        """Send what the server lacks; a param that it has keeps its value.

        Args:
            remote: the run.
            params: all of them.
            tags: all of them.
            metrics: those to be added.
        """
        new = {name: value for name, value in params.items() if name not in remote.params}
        changed = {name: value for name, value in tags.items() if remote.tags.get(name) != value}
        items: list[Item] = [("params", {"key": name, "value": value}) for name, value in new.items()]
        items += [("tags", {"key": name, "value": value}) for name, value in changed.items()]
        items += [("metrics", metric) for metric in metrics]
        for each in _requests(items):
            self._in_parts(remote, each, self._log)
        remote.params.update(new)
        remote.tags.update(changed)

    def _in_parts(self, remote: Remote, items: Sequence[Item], send: _Send) -> None:
        """Send items in one request; where it is refused, in halves, until those are found that are not taken."""
        try:
            send(remote, items)
        except ServerError as error:
            if not is_refusal(error) or self._is_deleted(remote):
                raise
            if len(items) == 1:
                kind, item = items[0]
                self._aside(f"{kind[:-1]} {item.get('key') or item['dataset']['name']}: {error}")
                return
            for half in (items[: len(items) // 2], items[len(items) // 2 :]):
                self._in_parts(remote, half, send)

    def _log(self, remote: Remote, items: Sequence[Item]) -> None:
        grouped = {kind: [item for each, item in items if each == kind] for kind in _MOST}
        self._client.post("mlflow/runs/log-batch", run_id=remote.id, **grouped)

    def _log_inputs(self, remote: Remote, items: Sequence[Item]) -> None:
        self._client.post("mlflow/runs/log-inputs", run_id=remote.id, datasets=[dataset for _, dataset in items])

    def _is_deleted(self, remote: Remote) -> bool:
        said = self._client.get("mlflow/runs/get", run_id=remote.id)
        return bool(part(said, "run", "info").get("lifecycle_stage") == "deleted")

    def remove_tags(self, remote: Remote, gone: set[str]) -> None:
        """Remove tags that the server has; somebody may have done so meanwhile."""
        for name in gone & remote.tags.keys():
            try:
                self._client.post("mlflow/runs/delete-tag", run_id=remote.id, key=name)
            except ServerError as error:
                if error.code != "RESOURCE_DOES_NOT_EXIST" or self._is_deleted(remote):
                    raise
            del remote.tags[name]

    def add_inputs(self, remote: Remote, inputs: Mapping[tuple[str, ...], Mapping[str, Any]]) -> None:
        """Send the datasets that were not sent before; what the server has already stays as it is."""
        new = {key: each for key, each in inputs.items() if key not in remote.inputs}
        if new:
            self._in_parts(remote, [("datasets", dict(each)) for each in new.values()], self._log_inputs)
            remote.inputs.update(new)

    def set_status(self, remote: Remote, status: str, end: int | None) -> None:
        """Say how a run stands, where that is not what the server has."""
        end = end if status != _RUNNING and end is not None else remote.end_time
        if (status, end) != (remote.status, remote.end_time):
            self._client.post("mlflow/runs/update", run_id=remote.id, status=status, end_time=end)
            remote.status, remote.end_time = status, end


def _requests(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Cut items into as few requests as MLflow's limits allow."""
    together: list[Item] = []
    count = dict.fromkeys(_MOST, 0)
    for kind, item in items:
        if len(together) == _MOST_TOGETHER or count[kind] == _MOST[kind]:
            yield together
            together, count = [], dict.fromkeys(_MOST, 0)
        together.append((kind, item))
        count[kind] += 1
    if together:
        yield together

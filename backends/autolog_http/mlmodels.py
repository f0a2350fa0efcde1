"""Models at the server: logged models where it knows them, else folders among the run's artifacts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from autolog import guard
from autolog.scratch import scratch
from autolog.store.run import Run
from autolog_http import artifacts
from autolog_http.client import Client, part
from autolog_http.flavors import flavor_of
from autolog_http.mlfolder import Folder, folder_files, identity
from autolog_http.runs import Remote

__all__ = ["log"]

_TAG: Final = "autolog.model"
_UNFIT: Final = re.compile("[/:.%\"'\0-\x1f]")
_READY: Final = "LOGGED_MODEL_READY"


def log(
    client: Client, experiment: str | None, run: Run, remote: Remote, facts: Mapping[str, Any], source: Path
) -> None:
    """Give a model in MLflow's format; one that MLflow has no flavor for is left as it is.

    Args:
        client: reaches the server.
        experiment: the server's id of the run's experiment; None where it knows no logged models.
        run: the model's.
        remote: the same at the server.
        facts: of the model, as recorded.
        source: its file.
    """
    with scratch() as place:
        flavor = guard.refusable("no flavor can be made of it", flavor_of, facts, source, place)
        if flavor is not None:
            model = _Model(client, run, remote, facts)
            files = folder_files(run, facts, flavor, source)
            model.put(files) if experiment is None else model.log(experiment, files)


class _Model:
    """One model, as a server is told of it."""

    def __init__(self, client: Client, run: Run, remote: Remote, facts: Mapping[str, Any]) -> None:
        self._client = client
        self._remote = remote
        self._name = str(facts.get("name"))
        self._identity = identity(run, facts)

    def put(self, files: Folder) -> None:
        """Put its folder among the artifacts of its run."""
        self._put(f"{self._remote.root}/{self._name}", files, {})

    def log(self, experiment: str, files: Folder) -> None:
        """Log it as a model of its own, once: where it was begun before, it is gone on with."""
        model = self._find(experiment) or self._create(experiment)
        if part(model, "status") not in (_READY, 2):
            name = str(part(model, "model_id"))
            self._put(str(part(model, "artifact_uri")), files, {"model_id": name})
            self._link(name)
            self._client.patch(f"mlflow/logged-models/{name}", model_id=name, status=_READY)

    def _find(self, experiment: str) -> Mapping[str, Any] | None:
        wanted = f"tags.`{_TAG}` = '{self._identity}'"
        said = self._client.post(
            "mlflow/logged-models/search", experiment_ids=[experiment], filter=wanted, max_results=1
        )
        return next((part(each, "info") for each in said.get("models", ())), None)

    def _create(self, experiment: str) -> Mapping[str, Any]:
        tags = [{"key": _TAG, "value": self._identity}]
        name = _UNFIT.sub("_", self._name)
        asked = {"experiment_id": experiment, "name": name, "source_run_id": self._remote.id, "tags": tags}
        found: Mapping[str, Any] = part(self._client.post("mlflow/logged-models", **asked), "model", "info")
        return found

    def _link(self, model: str) -> None:
        """Say that the run gave the model; a server refuses to be told twice."""
        said = part(self._client.get("mlflow/runs/get", run_id=self._remote.id), "run").get("outputs", {})
        if model not in {each.get("model_id") for each in said.get("model_outputs", ())}:
            self._client.post("mlflow/runs/outputs", run_id=self._remote.id, models=[{"model_id": model, "step": 0}])

    def _put(self, root: str, files: Folder, known: Mapping[str, Any]) -> None:
        for path, file in files(run_id=self._remote.id, **known).items():
            artifacts.put(self._client, root, path, file)

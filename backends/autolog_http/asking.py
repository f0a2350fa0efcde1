"""What a store asks an MLflow server; whatever form the answers have, each question comes to an end."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

from autolog_http.client import Client, ServerError
from autolog_http.reading import ServerRun, dicts, is_id, read_point, read_run, text

__all__ = ["MLFLOW_MODEL", "Server"]

MLFLOW_MODEL: Final = "mlflow:"
"""What the path of a model begins with that is in MLflow's format, which is no file of ours."""

_PAGE: Final = 1000  # the most that a server gives
_EXPERIMENTS: Final = 100  # in one question
_MOST_PAGES: Final = 10_000


class Server:
    """An MLflow server that is read from.

    Args:
        client: of its protocol.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._experiments: dict[str, str] = {}

    # ---- experiments

    def experiment(self, experiment_id: str) -> str:
        """Give an experiment's name; its id where the server does not tell."""
        if experiment_id not in self._experiments:
            with contextlib.suppress(ServerError):
                self._learn([self.client.get("mlflow/experiments/get", experiment_id=experiment_id).get("experiment")])
        return self._experiments.get(experiment_id, experiment_id)

    def _all_experiments(self) -> list[str]:
        pages = self.pages("POST", "mlflow/experiments/search", view_type="ACTIVE_ONLY", max_results=_PAGE)
        return [each for page in pages for each in self._learn(page.get("experiments"))]

    def _learn(self, said: Any) -> Iterable[str]:
        names = {text(each.get("experiment_id")): text(each.get("name")) for each in dicts(said)}
        self._experiments.update(names)
        return names

    # ---- runs

    def search(
        self, wanted: str = "", view: Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL"] = "ACTIVE_ONLY"
    ) -> Iterator[ServerRun]:
        """Give the runs of all experiments.

        Args:
            wanted: a filter in the server's own language.
            view: which of them.
        """
        ids = iter(self._all_experiments())
        asked = {"filter": wanted, "run_view_type": view, "max_results": _PAGE}
        while some := list(itertools.islice(ids, _EXPERIMENTS)):
            for page in self.pages("POST", "mlflow/runs/search", experiment_ids=some, **asked):
                yield from filter(None, map(read_run, dicts(page.get("runs"))))

    def of_ours(self, run_id: str) -> ServerRun | None:
        """Give a run that autolog has delivered, by our id."""
        if not is_id(run_id):
            return None
        found = self.search(f"tags.`autolog.run_id` = '{run_id}'", "ALL")
        return next((each for each in found if each.run_id == run_id), None)

    def run(self, mlflow_id: str) -> ServerRun | None:
        """Give a run by MLflow's own id; None where the server has none."""
        if not is_id(mlflow_id):
            return None
        try:
            found = self.client.get("mlflow/runs/get", run_id=mlflow_id).get("run")
        except ServerError as error:
            if error.is_missing or error.code == "INVALID_PARAMETER_VALUE":
                return None
            raise
        read = read_run(found) if isinstance(found, dict) else None
        return read if read is not None and read.mlflow_id == mlflow_id else None

    def points(self, run: ServerRun, key: str) -> list[tuple[int, float, float]]:
        """Give the points of a metric as (step, value, seconds), in the order of steps and times."""
        asked = {"run_id": run.mlflow_id, "metric_key": key, "max_results": _PAGE}
        pages = self.pages("GET", "mlflow/metrics/get-history", **asked)
        found = [read_point(each) for page in pages for each in dicts(page.get("metrics"))]
        return sorted(filter(None, found), key=lambda point: (point[0], point[2]))

    def models(self, run: ServerRun) -> list[dict[str, Any]]:
        """Give the models that a run has in MLflow's format: their names, and where they lie."""
        names = (*map(self._model_name, run.models), *run.older_models)
        return [{"name": name, "path": f"{MLFLOW_MODEL}{name}", "format": "mlflow"} for name in dict.fromkeys(names)]

    def _model_name(self, model_id: str) -> str:
        said = self.client.get(f"mlflow/logged-models/{model_id}").get("model")
        return next((text(each.get("name")) for each in dicts([said and said.get("info")])), model_id)

    def pages(self, method: str, path: str, /, **fields: Any) -> Iterator[dict[str, Any]]:
        """Give the pages of an answer.

        Raises:
            ServerError: it did not answer, or there is no end of pages.
        """
        for number, page in enumerate(self.client.pages(method, path, **fields)):
            if number == _MOST_PAGES:
                raise ServerError(f"{method} {path}: the answer has no end; {_MOST_PAGES:,} pages were read", 413)
            yield page

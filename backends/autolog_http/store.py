"""An MLflow server as a store: runs that autolog has delivered, and others' too."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from autolog.exceptions import ModelError, RunNotFoundError, UsageError
from autolog.store.run import Run
from autolog.store.search import Found, Query, scan
from autolog.values import LargeValue
from autolog_http.asking import MLFLOW_MODEL, Server
from autolog_http.client import Client
from autolog_http.converting import as_recorded, as_run, is_whole
from autolog_http.downloads import Downloads
from autolog_http.exact import Record
from autolog_http.later import History, LaterMapping, LaterSequence
from autolog_http.reading import ServerRun

__all__ = ["ServerStore"]

_DEEPEST: Final = 100  # ancestors of a run
_GOOD_FOR: Final = 5.0  # times as long as a look at all runs took it is good, for who looks again and again
_COPIES: Final = "autolog/"  # artifacts that are no run's own: copies of the record
_Exact: TypeAlias = Callable[[], "Run | None"]


class ServerStore:
    """The runs of a server. One that autolog has delivered whole is read from its exact record.

    Args:
        client: of the server's protocol.
    """

    def __init__(self, client: Client) -> None:
        self.uri = client.uri
        self._server = Server(client)
        self._downloads = Downloads(self._server)
        self._record = Record(self._server, self._downloads)
        self._here = threading.local()
        self._seen: list[Run] = []
        self._good_until = 0.0

    # ---- runs

    def runs(self, *, deleted: bool = False) -> list[Run]:
        """Give all runs, in no order, as the server lists them; with `deleted` the deleted ones instead."""
        is_still = getattr(self._here, "is_still", False)
        return self._seen_lately() if is_still and not deleted else self._all(deleted=deleted)

    def find(self, query: Query) -> Found:
        """Give the runs that a filter finds, in order."""
        return scan(self.runs(), query)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Have all that is asked within, and for a while after, see the runs as the first question found them."""
        self._here.is_still = True
        try:
            yield
        finally:
            self._here.is_still = False

    def _seen_lately(self) -> list[Run]:
        began = time.monotonic()
        if began >= self._good_until:
            self._seen = self._all(deleted=False)
            ended = time.monotonic()
            self._good_until = ended + _GOOD_FOR * (ended - began)
        return self._seen

    def _all(self, *, deleted: bool) -> list[Run]:
        found = list(self._server.search(view="DELETED_ONLY" if deleted else "ACTIVE_ONLY"))
        ids = {said.mlflow_id: said.run_id for said in found}
        return [self._listed(said, ids) for said in {said.run_id: said for said in reversed(found)}.values()]

    def run(self, run_id: str) -> Run:
        """Give one run, by our id or by MLflow's own; also a deleted one.

        Raises:
            RunNotFoundError: there is none of that id.
        """
        said = self._find(run_id)
        return self._exact(said) or self._converted(said, {})

    def children(self, run_id: str) -> list[Run]:
        """Give a run's children, oldest first."""
        said = self._find(run_id)
        exact = self._exact(said)
        if exact is not None:
            return exact.children()
        ids = {said.mlflow_id: said.run_id}
        below = self._server.search(f"tags.`mlflow.parentRunId` = '{said.mlflow_id}'")
        runs = [self._converted(each, ids) for each in below if each.parent == said.mlflow_id]
        return sorted(runs, key=lambda run: (run.start_time is None, run.start_time, run.run_id))

    def tree(self, run_id: str) -> str:
        """Give the id of the top-level run that a run belongs to.

        Raises:
            RunNotFoundError: there is none of that id.
        """
        said = self._find(run_id)
        for _ in range(_DEEPEST):
            above = None if said.tree else self._server.run(said.parent or "")
            if above is None:
                break
            said = above
        return said.tree or said.run_id

    def latest(self, run_id: str) -> int:
        """Give the time of the last event in a run's tree, in microseconds since the epoch; errors as for `tree`.

        Of a run that the server has no whole record of, that is the latest that MLflow says of its top-level run.
        """
        said = self._find(self.tree(run_id))
        if self._exact(said) is not None:
            return self._record.latest(said.run_id)
        return max(said.started or 0, said.ended or 0) * 1000

    def remove(self, run_id: str) -> None:
        """Refuse: what a server has, it removes itself.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"nothing is removed from {self.uri} from here; use MLflow's own page, or `mlflow gc`")

    # ---- files

    def file(self, run_id: str, path: str) -> Path:
        """Give a local file with the bytes of an artifact or a model of a run.

        Raises:
            RunNotFoundError: the server does not have it.
            ModelError: it is a model in MLflow's format.
        """
        said = self._find(run_id)
        if path.startswith(MLFLOW_MODEL):
            uri = f"runs:/{said.mlflow_id}/{path.removeprefix(MLFLOW_MODEL)}"
            raise ModelError(f"{uri} is in MLflow's own format; load it with mlflow.pyfunc.load_model({uri!r})")
        return self._downloads.get(said, path) if self._exact(said) is None else self._record.file(run_id, path)

    def value(self, run_id: str, value: LargeValue) -> Any:
        """Give a value that is kept in a file of its own.

        Raises:
            RunNotFoundError: the file is missing or cannot be read, or is not the one that was recorded.
        """
        if self._exact(self._find(run_id)) is None:
            raise RunNotFoundError(f"run {run_id} is not whole at {self.uri} yet; {value.file} is read once it is")
        return self._record.value(run_id, value)

    # ---- how they are read

    def _find(self, run_id: str) -> ServerRun:
        found = self._server.of_ours(run_id) or self._server.run(run_id)
        if found is None:
            raise RunNotFoundError(f"no run {run_id!r} at {self.uri}; `autolog runs --store {self.uri}` lists them")
        return found

    def _exact(self, said: ServerRun) -> Run | None:
        return self._record.of(said) if said.is_ours else None

    def _listed(self, said: ServerRun, ids: Mapping[str, str]) -> Run:
        """Give a run of a list: quickly, where the server's own words tell all that a search looks at."""
        exact = None if is_whole(said) else self._exact(said)
        return exact or self._converted(said, ids)

    def _converted(self, said: ServerRun, ids: Mapping[str, str]) -> Run:
        """Give a run as the server tells it; what it has besides is read once somebody looks.

        Args:
            said: what it says.
            ids: our ids of runs that may be its parent, by MLflow's.
        """
        exact = cache(partial(self._exact, said))
        points = partial(self._points, said, exact)
        run = as_run(said, self._server.experiment(said.experiment_id), self._parent(said, ids), points, self)
        artifacts, models = partial(self._artifacts, said, exact), partial(self._models, said, exact)
        return replace(run, artifacts=LaterMapping(artifacts), models=LaterSequence(models))

    def _parent(self, said: ServerRun, ids: Mapping[str, str]) -> str | None:
        if said.parent is None or said.parent in ids:
            return ids.get(said.parent or "")
        above = self._server.run(said.parent)
        return said.parent if above is None else above.run_id

    def _points(self, said: ServerRun, exact: _Exact, name: str, key: str) -> History:
        whole = exact()
        return as_recorded(said, self._server.points(said, key)) if whole is None else whole.history(name)

    def _artifacts(self, said: ServerRun, exact: _Exact) -> Mapping[str, Mapping[str, Any]]:
        whole = exact()
        if whole is not None:
            return whole.artifacts
        sizes = self._downloads.sizes(said).items()
        own = [each for each in sizes if not (said.is_ours and each[0].startswith(_COPIES))]
        return {path: {"path": path, "size": size} for path, size in own}

    def _models(self, said: ServerRun, exact: _Exact) -> Sequence[Mapping[str, Any]]:
        whole = exact()
        return self._server.models(said) if whole is None else whole.models

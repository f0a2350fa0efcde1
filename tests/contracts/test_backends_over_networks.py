"""Our backends that speak over a network keep what backends promise, to real servers on loopback."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from autolog import session
from autolog.testing import BackendContract, Run
from object_stores import Moto, use


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """A server of buckets."""
    server = Moto(tmp_path_factory.mktemp("moto"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither read nor write what the user of this machine has."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


class TestS3(BackendContract):
    """A bucket."""

    @pytest.fixture
    def uri(self, moto: Moto, monkeypatch: pytest.MonkeyPatch) -> str:
        use(moto, monkeypatch)
        bucket = f"b-{uuid.uuid4().hex[:12]}"
        moto.make_bucket(bucket)
        return moto.uri(f"{bucket}/team")


@pytest.mark.slow
class TestHttp(BackendContract):
    """An MLflow server, which other tests write to as well."""

    @pytest.fixture
    def uri(self, mlflow_uri: str) -> str:
        self.before = super().arrived(mlflow_uri).keys()
        return mlflow_uri

    @pytest.fixture
    def away(self) -> str:
        return "http://127.0.0.1:1"

    def facts(self, run: Run) -> object:
        """A server keeps times in milliseconds, and takes no file of an odd name."""
        series = {key: [(step, value.hex()) for step, value, _ in run.history(key)] for key in run.metrics}
        params = {name: run.whole(value) for name, value in run.params.items()}
        return run.run_name, run.experiment, run.parent_run_id, run.status, params, series, run.tags

    def arrived(self, uri: str) -> dict[str, object]:
        runs = session.get().open_store(uri).runs()
        return {run.run_id: self.facts(run) for run in runs if run.run_id not in self.before}

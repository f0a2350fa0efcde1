"""Fixtures that many tests share, by short names; what begins and ends each test is the kit's: see pyproject.toml."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mlflow_server
from autolog.patching import Called, Patcher
from observers import Watch, nothing

pytest_plugins = ["pytester"]
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has what it starts in the background ignore it


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have tests see none, also where several processes run them, which are told how wide one is."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def store(autolog_store: Path) -> Path:
    """The folder that a test records into."""
    return autolog_store


@pytest.fixture
def recording(autolog_recording: str) -> None:
    """Record into the test's folder; for a whole file by `pytestmark = pytest.mark.usefixtures("recording")`."""


@pytest.fixture
def swallowed(autolog_guard: list[str]) -> list[str]:
    """The errors that autolog swallowed."""
    return autolog_guard


@pytest.fixture
def patcher() -> Iterator[Patcher]:
    """A patcher whose patches end with the test."""
    patcher = Patcher()
    yield patcher
    patcher.undo()


@pytest.fixture(params=["observed", "not observed"])
def observe(request: pytest.FixtureRequest) -> Callable[[Called], object]:
    """Have the test run twice: with an observer that follows each call, and with one that finds nothing to do."""
    return Watch() if request.param == "observed" else nothing


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real MLflow server, which all tests of a session share."""
    with mlflow_server.running(tmp_path_factory.mktemp("mlflow")) as uri:
        yield uri

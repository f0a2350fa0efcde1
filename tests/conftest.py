"""Fixtures that every test shares: a store of its own, and a process that is left as it was found."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import autolog
import mlflow_server
from autolog import guard, session
from autolog.capture import predictions
from autolog.journal import process
from autolog.patching import Called, Patcher
from autolog.recording import context
from observers import Watch, nothing


@pytest.fixture(autouse=True)
def clean_process(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Start each test without runs, settings of the machine, or patches, and end it so."""
    for name in ("AUTOLOG", "AUTOLOG_BACKEND", "AUTOLOG_EXPERIMENT", "AUTOLOG_SILENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "_session", None)
    guard._said.clear()
    yield
    if session._session is not None:
        autolog.disable()
        session._session._at_exit()
    context.explicit.clear()
    context.current.set(context.Context())
    context.last.set(None)
    context._last_of_main = None
    predictions._recent.set(())
    process.close()


class Swallowed(logging.Handler):
    """Collects the errors that autolog swallowed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.funcName in ("_report", "stop"):  # what guard.py and loader.py say of an error
            self.lines.append(record.getMessage())


@pytest.fixture(autouse=True)
def swallowed(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Fail a test in which autolog swallowed an error, unless it is marked `swallows`."""
    handler = Swallowed()
    guard.logger.addHandler(handler)
    yield handler.lines
    guard.logger.removeHandler(handler)
    if request.node.get_closest_marker("swallows") is None:
        assert handler.lines == []


@pytest.fixture
def recording(store: Path) -> None:
    """Record into the test's folder; for a whole file by `pytestmark = pytest.mark.usefixtures("recording")`."""
    autolog.enable(backend=store, silent=True)


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


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The folder that a test records into."""
    return tmp_path / "runs"


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real MLflow server, which all tests of a session share."""
    with mlflow_server.running(tmp_path_factory.mktemp("mlflow")) as uri:
        yield uri

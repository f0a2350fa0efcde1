"""The fixtures; pytest finds them by the entry point `autolog` of the group `pytest11`.

None acts by itself. A project that wants some for all of its tests names them in its configuration:

    [tool.pytest.ini_options]
    usefixtures = ["autolog_guard", "autolog_process"]
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

import autolog
from autolog import clock, guard, session

__all__ = ["Clock"]

_MARK = "autolog_swallows: autolog is meant to swallow an error here (see the fixture autolog_guard)"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARK)


@pytest.fixture
def autolog_process(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Begin the test as a new process would, in a folder of its own, and end it as one: no patch or run is left."""
    for name in [name for name in os.environ if name == "AUTOLOG" or name.startswith("AUTOLOG_")]:
        monkeypatch.delenv(name)
    for name in ("state", "cache"):  # the same for all tests: processes that they start are compared with one another
        monkeypatch.setenv(f"XDG_{name.upper()}_HOME", str(tmp_path_factory.getbasetemp() / name))
    monkeypatch.chdir(tmp_path)
    with session.fresh():
        yield


@pytest.fixture
def autolog_guard(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Fail a test in which autolog swallowed an error, unless it is marked `autolog_swallows`; gives what was said."""
    handler = _Swallowed()
    guard.logger.addHandler(handler)
    yield handler.lines
    guard.logger.removeHandler(handler)
    if handler.lines and request.node.get_closest_marker("autolog_swallows") is None:
        pytest.fail("autolog swallowed:\n" + "\n".join(handler.lines), pytrace=False)


class _Swallowed(logging.Handler):
    """Collects what is said of errors, and of plugins that are taken out of use."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.funcName in ("_report", "stop"):  # of guard.py and loader.py
            self.lines.append(record.getMessage())


@pytest.fixture
def autolog_store(tmp_path: Path) -> Path:
    """The folder of runs that the test records into, if it asks for `autolog_recording`; nobody has made it yet."""
    return tmp_path / "runs"


@pytest.fixture
def autolog_recording(autolog_guard: list[str], autolog_process: None, autolog_store: Path) -> str:
    """Record into a folder of the test's own; gives the place."""
    autolog.enable(backend=autolog_store, silent=True)
    return str(autolog_store)


@pytest.fixture
def autolog_memory(autolog_guard: list[str], autolog_process: None, tmp_path: Path) -> str:
    """Record into this process's memory; gives the place."""
    place = f"memory:{tmp_path}"
    autolog.enable(backend=place, silent=True)
    return place


class Clock:
    """The time of all that is recorded; it stands still.

    Args:
        nanoseconds: since the epoch.
    """

    def __init__(self, nanoseconds: int) -> None:
        self.nanoseconds = nanoseconds

    def __call__(self) -> int:
        """Give it."""
        return self.nanoseconds

    def tick(self, seconds: float) -> None:
        """Go on."""
        self.nanoseconds += int(seconds * 1e9)


@pytest.fixture
def autolog_clock(autolog_process: None, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Have the time of runs, events and points stand still, at the beginning of 2026; `tick(seconds)` moves it."""
    frozen = Clock(1_767_225_600 * 10**9)
    monkeypatch.setattr(clock, "now", frozen)
    return frozen


@pytest.fixture
def autolog_ids(autolog_process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have run ids, sessions and writers of this process count from 1, each kind by itself."""
    numbers: dict[int, Iterator[int]] = {}

    def new_id(digits: int) -> str:
        return f"{next(numbers.setdefault(digits, count(1))):0{digits}x}"

    monkeypatch.setattr(clock, "new_id", new_id)

"""A pytest plugin that writes down what came of each test, as JSON lines: outcomes, warnings, random states.

Loaded with `-p outcomes`; the file is named by AUTOLOG_UPSTREAM_REPORT. Each test begins with the same random states,
so that it does the same in every run.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import random
import re
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

__all__: list[str] = []

_CHANGING = re.compile(r"0x[0-9a-f]+|/\S*(?:pytest-of|tmp)\S*|\d+\.\d+(?:e-?\d+)?")  # addresses, folders, times

_FOLDER = re.compile(re.escape(tempfile.gettempdir()) + "/[^/]+/")


def _write(**facts: Any) -> None:
    with Path(os.environ["AUTOLOG_UPSTREAM_REPORT"]).open("a") as file:
        file.write(json.dumps(facts) + "\n")


def _steady(text: object) -> str:
    return _CHANGING.sub("…", str(text))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Seed what a test may draw from without having seeded it."""
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Write the random states that a test leaves behind."""
    drawn = [random.getstate()]
    if "numpy" in sys.modules:
        _, state, *rest = sys.modules["numpy"].random.get_state()
        drawn += [state.tolist(), rest]
    _write(test=item.nodeid, random=hashlib.sha256(repr(drawn).encode()).hexdigest()[:16])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write the outcome of a phase of a test, with the line that says why it failed or was skipped."""
    crash = getattr(report.longrepr, "reprcrash", None)
    why = crash.message.partition("\n")[0] if crash else report.longrepr[2] if report.skipped else ""
    outcome = "xfail" if hasattr(report, "wasxfail") and report.skipped else report.outcome
    details = report.longreprtext if report.failed else ""
    _write(test=report.nodeid, phase=report.when, outcome=outcome, why=_steady(why), details=details)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Write what could not be collected."""
    if not report.passed:
        _write(test=report.nodeid, phase="collect", outcome=report.outcome, why="", details=report.longreprtext)


def pytest_warning_recorded(warning_message: warnings.WarningMessage, when: str, nodeid: str) -> None:
    """Write a warning, with the line that it blames."""
    blamed = f"{warning_message.filename}:{warning_message.lineno}"
    _write(test=nodeid, warning=f"{warning_message.category.__name__} at {blamed}: {_steady(warning_message.message)}")


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish() -> Iterator[None]:
    """Write what is left in the process when every other plugin has finished."""
    yield
    gc.collect()
    threads = [re.sub(r"[-_ ]?\d+", "", thread.name) for thread in threading.enumerate()]
    filters = [repr(each) for each in warnings.filters]
    handlers = [f"{number!r}: {handler!r}" for number, handler in _handlers().items() if handler != _AT_FIRST[number]]
    _write(left={"thread": threads, "file": _open_files(), "warning filter": filters, "signal handler": handlers})


def _handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


_AT_FIRST = _handlers()


def _open_files() -> list[str]:
    """Give what is open, but for the files of pytest and autolog, which the piece's folder holds."""
    links = [str(link.readlink()) for link in Path("/proc/self/fd").glob("*") if link.is_symlink()]
    folders = (os.environ["AUTOLOG_UPSTREAM_SCRATCH"], str(Path(os.environ["AUTOLOG_UPSTREAM_REPORT"]).parent))
    return [_FOLDER.sub("…/", re.sub(r"\d+", "…", link)) for link in links if not link.startswith(folders)]

"""A plugin or backend whose code raises SystemExit, or GeneratorExit, ends nobody's program."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import autolog
from autolog import session
from autolog.exceptions import PluginError
from autolog.hookspecs import DataDescription
from autolog.loading.loader import BACKENDS, Record

pytestmark = pytest.mark.autolog_swallows


def leave(*_: Any) -> Any:
    """Raise what a plugin would that takes itself for the program."""
    raise SystemExit("leaving")


class Model:
    """Something to train."""

    def fit(self, data: object) -> int:
        return 42


def plugin(**hooks: Callable[..., Any]) -> ModuleType:
    """Make a plugin with these hooks."""
    made = ModuleType("leaving")
    for name, function in hooks.items():
        setattr(made, name, autolog.hookimpl(function))
    return made


def leaves_before(call: Any) -> Iterator[None]:
    """Leave before the call."""
    call.start_run("a")
    leave()
    yield


def leaves_after(call: Any) -> Iterator[None]:
    """Leave after the call."""
    call.start_run("a")
    yield
    raise GeneratorExit


def describes(call: Any) -> Iterator[None]:
    """Have the data described and hashed by a plugin."""
    run = call.start_run("a")
    autolog.log_input(call.argument(0, "data"))
    run.set_tags({"described": True})
    yield


def reads_badly(data: object) -> DataDescription:
    """Describe data, and leave when it is to be read."""
    return DataDescription("odd", (1,), update=leave, nbytes=8)


@pytest.mark.parametrize(
    ("handler", "hooks"),
    [
        (leaves_before, {}),
        (leaves_after, {}),
        (leave, {}),
        (describes, {"autolog_describe_data": lambda data: leave()}),
        (describes, {"autolog_describe_data": reads_badly}),
        (leaves_before, {"autolog_drives": lambda: leave()}),
    ],
)
def test_a_hook_or_handler_that_exits_costs_the_record_only(
    store: Path, swallowed: list[str], handler: Any, hooks: dict[str, Any]
) -> None:
    """The call gives its result, and a line says what was raised."""
    before = Model.__dict__["fit"]
    autolog.enable(backend=store, silent=True)
    hooks = {"autolog_patches": lambda patches: patches.method(Model, "fit", handler), **hooks}
    autolog.register(plugin(**hooks))
    assert Model().fit(object()) == 42
    assert any("SystemExit: leaving" in line or "GeneratorExit" in line for line in swallowed)
    autolog.disable()
    assert Model.__dict__["fit"] is before


def test_a_plugin_that_exits_while_it_declares_is_refused(store: Path) -> None:
    """Whoever registers it is told, and what was recorded before still is."""
    autolog.enable(backend=store, silent=True)
    with pytest.raises(PluginError, match="SystemExit: leaving"):
        autolog.register(plugin(autolog_patches=lambda patches: leave()))
    with autolog.start_run():
        pass
    assert len(autolog.search_runs(output_format="list")) == 1


@pytest.mark.parametrize("answer", [lambda uri: None, leave])
def test_a_destination_that_opens_nothing_is_refused_at_enable(store: Path, answer: Any) -> None:
    """It is an error of `enable()` that names it, and autolog stays as it was."""
    autolog.enable(backend=store, silent=True, experiment="kept")
    hooks = plugin(autolog_journal_folder=lambda uri: None, autolog_open_backend=lambda uri: answer(uri))
    session.get().loader.records.append(Record(BACKENDS, "mem", "(test)", "", None, "loaded", module=hooks))
    session.get().hooks.register(hooks, "mem")
    with pytest.raises(PluginError, match=r"mem://none|SystemExit"):
        autolog.enable(backend=[str(store.parent / "other"), "mem://none"], experiment="lost")
    with autolog.start_run():
        pass
    assert [run.experiment for run in autolog.search_runs(output_format="list", store=store)] == ["kept"]


QUITTING = """
import autolog, sys
class Quitting:
    def deliver(self, batch): sys.exit("deliver")
    def close(self): sys.exit("close")
@autolog.hookimpl
def autolog_journal_folder(uri): return None
@autolog.hookimpl
def autolog_open_backend(uri):
    opened.append(uri)
    return Quitting() if len(opened) > 1 else Calm()
class Calm(Quitting):
    def close(self): pass
opened = []
"""

PROGRAM = """
import autolog
autolog.enable(backend=["runs", "quitting:x"], silent=True, exit_timeout=0.5)
import framework_that_is_there
try:
    autolog.enable(backend="leaving:x")
except autolog.exceptions.UnknownBackendError as error:
    print(error)
with autolog.start_run():
    autolog.log_param("C", 1)
print("done")
"""


def test_plugins_and_backends_that_exit_do_not_end_the_program(tmp_path: Path) -> None:
    """One at its import, one in deliver and close: the program ends well, nothing is a bare traceback."""
    info = tmp_path / "leaving-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: leaving\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[autolog.plugins]\nframework_that_is_there = leaving\n"
        "[autolog.backends]\nleaving = leaving\nquitting = quitting\n"
    )
    (tmp_path / "leaving.py").write_text("raise SystemExit('leaving')\n")
    (tmp_path / "quitting.py").write_text(QUITTING)
    (tmp_path / "framework_that_is_there.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "SystemExit: leaving" in done.stdout
    assert done.stdout.endswith("done\n")
    assert "Traceback" not in done.stderr
    assert all(line.startswith("autolog:") for line in done.stderr.splitlines()), done.stderr
    (run,) = autolog.search_runs(output_format="list", store=tmp_path / "runs")
    assert run.params == {"C": 1}

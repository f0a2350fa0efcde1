"""The contract's versions, and which plugins are used: a plugin works, or is left out with one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import autolog
from autolog import hookspecs, session
from autolog.exceptions import PluginError
from autolog.loading.loader import PLUGINS
from distributions import PLUGIN, distribution, plugin, told

VERSIONS = {
    "silent": PLUGIN,  # written for the first
    "current": PLUGIN + "autolog_hooks = 3",
    "older": PLUGIN + "autolog_hooks = 2",
    "oldest": PLUGIN + "autolog_hooks = 1",
    "newer": PLUGIN + "autolog_hooks = 4",
    "odd": PLUGIN + "autolog_hooks = '3'",
    "ahead": PLUGIN + "@autolog.hookimpl(optionalhook=True)\ndef autolog_hook_to_come(data): pass\n",
}
"""Plugins, by the version of the hooks that they say they are written for."""


def test_a_plugin_works_with_the_contracts_it_is_written_for_or_is_left_out_with_one_line(tmp_path: Path) -> None:
    """What is written for a version that is served works; for any other, and for a number that is none, a line says so.

    A hook of a later version is no obstacle where the plugin says that it can do without.
    """
    for name, text in VERSIONS.items():
        plugin(tmp_path, name, text)
    (found, results, runs), stderr = told(
        tmp_path,
        f"""
        from autolog import hookspecs
        autolog.enable()
        hookspecs.VERSION, hookspecs.OLDEST = 3, 2  # from here on: ours are of the first
        results = [__import__(name).train([1, 2]) for name in {list(VERSIONS)!r}]
        records = {{r.name: [r.state, r.reason] for r in session.get().loader.records if r.name in {list(VERSIONS)!r}}}
        print(json.dumps([records, results, len(autolog.search_runs(output_format="list"))]))
        """,
    )
    assert results == [3] * len(VERSIONS)
    assert {name for name, (state, _) in found.items() if state == "loaded"} == {"current", "older"}
    assert {name for name, (state, _) in found.items() if state == "skipped"} == {*VERSIONS} - {"current", "older"}
    assert runs == 2
    lines = [line for line in stderr.splitlines() if "is skipped" in line]
    assert sorted(line.split("'")[1] for line in lines) == sorted({*VERSIONS} - {"current", "older"})
    assert found["newer"][1].endswith("this autolog has 3: update autolog-ml")
    assert found["oldest"][1] == found["silent"][1] == found["ahead"][1]
    assert found["oldest"][1].endswith("this autolog has 2 and later: update it")
    assert "a number: write autolog_hooks = 3" in found["odd"][1]


def test_a_hook_to_come_is_no_obstacle_where_it_is_optional(store: Path) -> None:
    """A plugin may serve later contracts as well, by `hookimpl(optionalhook=True)`."""
    module = ModuleType("ahead")
    exec(VERSIONS["ahead"].replace("import {framework}", "").replace("patches.function", "str"), vars(module))
    autolog.register(module)
    record = session.get().loader.find(PLUGINS, "ahead")
    assert record is not None
    assert record.state == "loaded"


@pytest.mark.autolog_swallows
def test_a_registered_plugin_of_another_version_is_refused(store: Path) -> None:
    """Who registers it is told, and the name stays free."""
    module = ModuleType("mine")
    module.autolog_hooks = hookspecs.VERSION + 1  # type: ignore[attr-defined]
    with pytest.raises(PluginError, match="update autolog-ml"):
        autolog.register(module)
    module.autolog_hooks = hookspecs.VERSION  # type: ignore[attr-defined]
    autolog.register(module)


# ---- which plugins are used


def fitted() -> Any:
    """Fit something."""
    from sklearn.dummy import DummyRegressor

    return DummyRegressor().fit([[0.0]], [0.0])


def test_the_setting_names_the_frameworks_whose_calls_are_recorded(store: Path) -> None:
    """As naming them in the call does, which wins."""
    autolog.enable(plugins="torch", backend=store, silent=True)
    fitted()
    assert autolog.search_runs(output_format="list") == []
    autolog.enable(plugins=["torch", "sklearn"])
    fitted()
    autolog.disable()
    autolog.enable("torch")
    fitted()
    assert len(autolog.search_runs(output_format="list")) == 1


def test_a_name_that_no_plugin_has_is_refused(store: Path) -> None:
    """Wherever it was set."""
    with pytest.raises(PluginError, match="did you mean 'sklearn'"):
        autolog.enable(plugins=["sklern"], backend=store)


def test_of_an_excluded_plugin_nothing_is_used(store: Path) -> None:
    """Its patches are taken back and its hooks are not asked; no longer excluded, it is as before."""
    import numpy as np
    from sklearn.base import BaseEstimator

    original = BaseEstimator.__init_subclass__
    autolog.enable(backend=store, silent=True)
    fitted()
    autolog.enable(exclude_plugins=["sklearn", "num*"])
    assert BaseEstimator.__init_subclass__ == original
    fitted()
    autolog.log_input(np.zeros(3), name="unknown")
    assert autolog.last_run() is not None
    assert session.get().hooks.describe_data(np.zeros(3)) is None
    autolog.enable(exclude_plugins=[])
    fitted()
    assert session.get().hooks.describe_data(np.zeros(3)) is not None
    names = [run.run_name for run in autolog.search_runs(output_format="list")]
    assert names.count("DummyRegressor") == 2


def test_an_excluded_plugin_is_not_even_imported(tmp_path: Path) -> None:
    """Also where its framework comes later; by the environment or the file as by the call."""
    distribution(tmp_path, "plugin-bad", {"autolog.plugins": {"bad": "plugin_bad"}}, {"plugin_bad": "raise SystemExit"})
    (tmp_path / "bad.py").write_text("")
    (states, modules), stderr = told(
        tmp_path,
        """
        import os
        os.environ["AUTOLOG_EXCLUDE_PLUGINS"] = "b?d"
        autolog.enable()
        import bad
        states = [r.state for r in session.get().loader.records if r.name == "bad"]
        print(json.dumps([states, "plugin_bad" in sys.modules]))
        """,
    )
    assert (states, modules, stderr) == (["waiting"], False, "")


def test_doctor_says_where_a_plugin_was_excluded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its state, and the place that says so; it is not loaded to find out more."""
    monkeypatch.setenv("AUTOLOG_EXCLUDE_PLUGINS", "numpy")
    monkeypatch.setenv("COLUMNS", "200")
    command = [sys.executable, "-m", "autolog", "doctor"]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    (line,) = [line for line in lines if line.split()[:2] == ["plugin", "numpy"]]
    assert line.split()[2] == "excluded"
    assert line.rstrip().endswith("AUTOLOG_EXCLUDE_PLUGINS")

"""The loader, with real distributions made on the fly: what cannot be used is named, and harms no other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import autolog
from autolog.exceptions import PluginError
from autolog.hookspecs import Patches
from distributions import PLUGIN, distribution, plugin, told

BAD = {
    "at_import": "raise RuntimeError('import of the plugin')",
    "at_patches": PLUGIN.replace("import {framework}\n", "raise RuntimeError('in patches')\n"),
    "half_way": PLUGIN
    + "    raise RuntimeError('after a patch')\n"
    + "@autolog.hookimpl\ndef autolog_describe_data(data): raise RuntimeError('asked after it failed')\n",
    "unknown_hook": PLUGIN + "@autolog.hookimpl\ndef autolog_no_such_hook(data): pass\n",
    "unknown_argument": PLUGIN.replace("(patches)", "(patches, colour)"),
    "missing_import": "import no_such_module_at_all",
    "no_attribute": PLUGIN,
}

HOOKS = {
    "describe": PLUGIN
    + "@autolog.hookimpl\ndef autolog_describe_data(data):\n    raise RuntimeError('cannot describe')\n",
    "fewer": PLUGIN + "@autolog.hookimpl\ndef autolog_drives():\n    return ['other']\n"
    "@autolog.hookimpl\ndef autolog_load_model(saved):\n    return None\n",
}


def test_a_plugin_that_fails_is_named_and_the_others_work(tmp_path: Path) -> None:
    """However one fails, there is one line of log that names it, and calls of the rest are recorded."""
    site = tmp_path / "site"
    for name, text in {**BAD, **HOOKS, "good": PLUGIN}.items():
        plugin(site, name, text)
    points = site / "plugin_no_attribute-1.0.dist-info" / "entry_points.txt"
    points.write_text("[autolog.plugins]\nno_attribute = plugin_no_attribute:nothing\n")
    names = [*BAD, *HOOKS, "good"]
    (found, runs, results), stderr = told(
        site,
        f"""
        autolog.enable()
        results = []
        for name in {names!r}:
            results.append(__import__(name).train([1, 2]))
        autolog.disable(); autolog.enable()
        autolog.log_input(object(), name="rows")
        records = {{r.name: [r.state, r.reason] for r in session.get().loader.records if r.name in {names!r}}}
        runs = autolog.search_runs(output_format="list")
        print(json.dumps([records, sorted(run.metrics.get("result", 0) for run in runs), results]))
        """,
    )
    assert results == [3] * len(names)
    assert {name for name, (state, _) in found.items() if state == "failed"} == set(BAD)
    assert {name for name, (state, _) in found.items() if state == "loaded"} == {*HOOKS, "good"}
    assert runs == [3.0] * (len(HOOKS) + 1)
    assert "cannot describe" in stderr
    assert "asked after it failed" not in stderr
    lines = [line for line in stderr.splitlines() if "is failed" in line]
    assert sorted(line.split("'")[1] for line in lines) == sorted(BAD)
    for name, word in {
        "at_import": "import of the plugin",
        "at_patches": "in patches",
        "half_way": "after a patch",
        "unknown_hook": "autolog_no_such_hook",
        "unknown_argument": "colour",
        "missing_import": "no_such_module_at_all",
        "no_attribute": "nothing",
    }.items():
        assert word in found[name][1]


def test_versions_names_and_missing_frameworks(tmp_path: Path) -> None:
    """A framework outside the stated range is skipped, a taken name names both, an absent framework costs nothing."""
    site = tmp_path / "site"
    plugin(
        site,
        "ranged",
        requires=('ranged>=2,<3; extra == "ranged"',),
    )
    plugin(site, "two_words", requires=('two-words>=2; extra == "two-words"',))
    plugin(site, "fitting", requires=('fitting>=1; extra == "fitting"', 'other>=9; extra == "all"'))
    distribution(site, "absent", {"autolog.plugins": {"absent_framework": "never"}}, {"never": "raise SystemExit(9)"})
    plugin(site, "shared")
    distribution(site, "zz-rival", {"autolog.plugins": {"shared": "rival"}}, {"rival": "raise SystemExit(9)"})
    distribution(site, "aa-thief", {"autolog.plugins": {"sklearn": "thief"}, "autolog.backends": {"file": "thief"}})
    (found, runs), stderr = told(
        site,
        """
        autolog.enable()
        import ranged, two_words, fitting, shared
        for module in (ranged, two_words, fitting, shared):
            module.train([1])
        records = [[r.name, r.distribution, r.state, r.reason] for r in session.get().loader.records]
        print(json.dumps([records, len(autolog.search_runs(output_format="list"))]))
        """,
    )
    by = {(name, distribution): (state, reason) for name, distribution, state, reason in found}
    assert by["ranged", "plugin-ranged"][0] == "skipped"
    assert "ranged 1.0 is outside the range it supports (<3,>=2)" in by["ranged", "plugin-ranged"][1] or (
        "ranged 1.0 is outside the range it supports (>=2,<3)" in by["ranged", "plugin-ranged"][1]
    )
    assert by["two_words", "plugin-two_words"][0] == "skipped"
    assert by["fitting", "plugin-fitting"][0] == "loaded"
    assert by["absent_framework", "absent"] == ("waiting", "")
    assert by["shared", "plugin-shared"][0] == "loaded"
    assert by["shared", "zz-rival"] == ("skipped", "its name is taken by plugin-shared 1.0")
    assert by["sklearn", "aa-thief"] == ("skipped", "its name is taken by autolog-ml 0.1.0")
    assert by["file", "aa-thief"][0] == "skipped"
    assert runs == 2
    for word in ("zz-rival", "plugin-shared", "aa-thief", "autolog-ml"):
        assert word in stderr


def test_backends_that_fail_are_named(tmp_path: Path) -> None:
    """One that cannot be imported, has no such hook, or is not installed is an error at `enable()` that says so."""
    site = tmp_path / "site"
    schemes = {"broken": "broken_backend", "odd": "odd_backend", "raising": "raising_backend"}
    hook = "import autolog\n@autolog.hookimpl\ndef {}(uri):\n    raise ValueError('bad address ' + uri)\n"
    modules = {
        "broken_backend": "raise RuntimeError('no driver')",
        "odd_backend": hook.format("autolog_open_shop"),
        "raising_backend": hook.format("autolog_journal_folder"),
    }
    distribution(site, "more-backends", {"autolog.backends": schemes}, modules)
    (errors, count), _ = told(
        site,
        """
        errors = []
        for scheme in ("broken", "odd", "raising", "none"):
            try:
                autolog.enable(backend=scheme + "://x")
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
        autolog.enable()
        with autolog.start_run(): pass
        print(json.dumps([errors, len(autolog.search_runs(output_format="list"))]))
        """,
    )
    assert [error.partition(":")[0] for error in errors] == ["UnknownBackendError"] * 2 + [
        "ValueError",
        "UnknownBackendError",
    ]
    for error, word in zip(
        errors, ("no driver", "autolog_open_shop", "bad address raising://x", "odd, raising"), strict=True
    ):
        assert word in error
    assert count == 1


IMPORTS = """
import sys, threading, traceback
if sys.argv[1:] == ["on"]:
    import autolog
    autolog.enable()
def attempt():
    try:
        import failing
    except ImportError as error:
        print(traceback.format_exc(), error.name, error.path, type(error.__context__))
    print("failing" in sys.modules)
attempt()
thread = threading.Thread(target=attempt)
thread.start()
thread.join()
import shy
print(type(shy.__loader__), type(shy.__spec__.loader), shy.__spec__.origin)
print(shy.train([1]), shy.__file__, sorted(vars(shy)))
"""


def test_the_users_import_is_as_without_autolog(tmp_path: Path) -> None:
    """One that fails raises the same error with the same traceback; a module that a plugin waits for looks the same."""
    site = tmp_path / "site"
    for name in ("failing", "shy"):
        plugin(site, name, BAD["at_import"])
    (site / "failing.py").write_text("import no_such_module_of_mine\n")
    said = []
    for argument in ("off", "on"):
        variables = {**os.environ, "PYTHONPATH": str(site), "AUTOLOG_SILENT": "1"}
        command = [sys.executable, "-c", IMPORTS, argument]
        said.append(subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60))
    assert [done.returncode for done in said] == [0, 0]
    assert "no_such_module_of_mine" in said[0].stdout
    assert said[1].stdout == said[0].stdout


def test_a_framework_imported_in_a_thread_is_recorded(tmp_path: Path) -> None:
    """The plugin is switched on there, and its calls on every thread are recorded."""
    plugin(tmp_path / "site", "threaded")
    count, _ = told(
        tmp_path / "site",
        """
        import threading
        autolog.enable()
        thread = threading.Thread(target=lambda: __import__("threaded").train([1]))
        thread.start(); thread.join()
        import threaded
        threaded.train([2])
        print(len(autolog.search_runs(output_format="list")))
        """,
    )
    assert count == 2


# ---- registered by hand


class Framework:
    def train(self, x: float) -> float:
        return x * 2


def on_train(call: Any) -> Any:
    run = call.start_run("trained", {"plugin": call.plugin})
    if run is None:
        return
    outcome = yield None
    run.log_metric("result", outcome.result)


class Plugin:
    """A plugin that is an object."""

    @autolog.hookimpl
    def autolog_patches(self, patches: Patches) -> None:
        patches.method(Framework, "train", on_train)


def module_plugin(name: str) -> ModuleType:
    module = ModuleType(name)
    plugin = Plugin()

    @autolog.hookimpl
    def autolog_patches(patches: Patches) -> None:
        plugin.autolog_patches(patches)

    module.autolog_patches = autolog_patches  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("make", [Plugin, lambda: module_plugin("handmade")])
def test_a_plugin_can_be_registered(store: Path, make: Any, first: bool) -> None:
    """A module or an object works without installation, registered before `enable()` or after it, and can be undone."""
    autolog.enable(backend=store, silent=True) if first else None
    autolog.register(make())
    autolog.enable(backend=store, silent=True)
    assert Framework().train(2.0) == 4.0
    (run,) = autolog.search_runs(output_format="list")
    assert (run.metrics, run.tags["plugin"]) == ({"result": 4.0}, "Plugin" if make is Plugin else "handmade")
    autolog.disable()
    assert Framework().train(2.0) == 4.0
    assert len(autolog.search_runs(output_format="list")) == 1


@pytest.mark.autolog_swallows
def test_what_cannot_be_registered_is_refused(store: Path) -> None:
    """A taken name, ours too, and hooks that do not exist are errors; the name stays free for a mended plugin."""
    autolog.enable(backend=store, silent=True)
    with pytest.raises(PluginError, match="autolog-ml"):
        autolog.register(Plugin(), "sklearn")

    class Wrong(Plugin):
        @autolog.hookimpl
        def autolog_no_such_hook(self) -> None:
            pass

    with pytest.raises(PluginError, match="autolog_no_such_hook"):
        autolog.register(Wrong(), "mine")
    autolog.register(Plugin(), "mine")
    with pytest.raises(PluginError, match="taken"):
        autolog.register(Plugin(), "mine")
    Framework().train(1.0)
    assert len(autolog.search_runs(output_format="list")) == 1


def test_a_registered_plugin_can_be_named(store: Path) -> None:
    """`enable("mine", …)` sets its options and leaves the others silent."""
    autolog.register(Plugin(), "mine")
    autolog.enable("mine", backend=store, silent=True, extra_tags={"a": 1})
    Framework().train(1.0)
    from sklearn.dummy import DummyRegressor

    DummyRegressor().fit([[0.0]], [0.0])
    (run,) = autolog.search_runs(output_format="list")
    assert (run.run_name, run.tags["a"]) == ("trained", 1)

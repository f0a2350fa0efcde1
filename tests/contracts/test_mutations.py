"""What the suites of the kit find: plugins and backends, each wrong in one way, fail the tests that are about it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from distributions import distribution

FRAMEWORK = """
hooks = {}

class Model:
    def __init__(self, depth=3):
        self.depth = depth
        self.history = []

    def fit(self, rows, rounds=3, callbacks=()):
        if rounds < 0:
            raise ValueError("rounds")
        self.history += [1 / (1 + number) for number in range(rounds)]
        return self
"""
PLUGIN = """
import {name} as framework
from autolog import guard, hookimpl

def on_fit(call):
    run = call.start_run("Model", {{}})
    if run is None:
        return
    run.log_params(vars(call.instance))
    outcome = yield
    if outcome.error is None:
        guard.call("{name}.history", run, log, run, outcome.result)

def log(run, model):
    for step, loss in enumerate(model.history):
        run.log_metric("loss", loss, step=step)

@hookimpl
def autolog_patches(patches):
    patches.method(framework.Model, "fit", on_fit)
"""
CONTRACT = """
from autolog.testing import PluginContract, series

class Test_{name}(PluginContract):
    plugin = "{name}"

    def train(self):
        from {name} import Model
        callbacks = [print]
        model = Model().fit([1, 2], rounds=3, callbacks=callbacks)
        return locals()

    def check(self, run):
        assert run.params["depth"] == 3
        assert [step for step, _ in series(run, "loss")][:3] == [0, 1, 2]

    def fail(self):
        from {name} import Model
        return Model().fit([1, 2], rounds=-1)
"""
YIELD, WRAP = "    outcome = yield\n", '    patches.method(framework.Model, "fit", on_fit)\n'
PLUGINS: Mapping[str, tuple[str, str, set[str]]] = {
    "sound": ("", "", set()),
    "twice": (YIELD, "    call.function(*call.args, **call.kwargs)\n" + YIELD, {"each_call_is_made_once"}),
    "lists": (YIELD, "    call.kwargs['callbacks'].append(log)\n" + YIELD, {"a_program_notices_nothing"}),
    "draws": (YIELD, "    import random; random.random()\n" + YIELD, {"a_program_notices_nothing"}),
    "prints": (YIELD, "    print('fit')\n" + YIELD, {"a_program_notices_nothing"}),
    "threads": (
        YIELD,
        "    import threading; threading.Timer(1.0, print).start()\n" + YIELD,
        {"a_program_notices_nothing"},
    ),
    "heavy": (YIELD, "    import heavy_library\n" + YIELD, {"a_program_notices_nothing"}),
    "marks": (YIELD, "    call.instance.mark = log\n" + YIELD, {"what_is_made_pickles_and_copies_as_without"}),
    "notes": (
        YIELD,
        YIELD + "    outcome.error and setattr(outcome.error, '__notes__', ['a'])\n",
        {"an_exception_is_as_without"},
    ),
    "patches": (
        WRAP,
        "    framework.Model.fit = lambda self, *args, **kwargs: [self.history.append(1.0), self][1]\n",
        {"undo_restores_by_identity"},
    ),
    "hooks": (WRAP, WRAP + "    framework.hooks[len(framework.hooks)] = log\n", {"undo_restores_by_identity"}),
    "forgets": ("enumerate(model.history)", "()", {"what_must_be_captured_is", "a_training_in_a_thread_is_recorded"}),
    "raises": ("    for step", "    raise LookupError\n    for step", {"what_must_be_captured_is"}),
}
"""Each with what is replaced in the sound one, by what, and the tests that find it."""


@pytest.fixture
def missed(pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., set[str]]:
    """Run classes of the file where the distributions in `site` are installed: of those without tests that are to fail
    all tests, of the others these; gives those that ended otherwise."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]))

    def run(text: str, expected: Mapping[str, set[str]]) -> set[str]:
        path = pytester.makepyfile(text)
        nodes = {f"Test_{name}::test_{test}" for name, tests in expected.items() for test in tests}
        sound = {f"Test_{name}" for name, tests in expected.items() if not tests}
        done = pytester.runpytest_subprocess("-q", "--tb=short", "-rfE", *(f"{path}::{each}" for each in nodes | sound))
        bad = (re.match(r"(?:FAILED|ERROR) .*?::(Test_\w+::\w+)", line) for line in done.outlines)
        return {match[1] for match in bad if match} ^ nodes

    return run


def install(site: Path, name: str, old: str = "", new: str = "", **more: str) -> None:
    """Install a framework with a plugin that is mutated, and further modules, which are plugins of `json`."""
    assert old in PLUGIN
    text = PLUGIN.replace(old, new, 1) if old else PLUGIN
    points = {name: f"plugin_{name}", **dict.fromkeys(["json"] if more else [], next(iter(more), ""))}
    modules = {name: FRAMEWORK, f"plugin_{name}": text.format(name=name), **more}
    distribution(site, f"plugin-{name}", {"autolog.plugins": points}, modules)


def test_a_plugin_that_is_wrong_fails_the_test_that_is_about_it(
    tmp_path: Path, missed: Callable[..., set[str]]
) -> None:
    """Each mutation is found by the tests that are named beside it, and the sound plugin passes all."""
    site = tmp_path / "site"
    for name, (old, new, _) in PLUGINS.items():
        install(site, name, old, new)
    (site / "heavy_library.py").write_text("")
    text = "\n".join(CONTRACT.format(name=name) for name in PLUGINS)
    assert missed(text, {name: expected for name, (*_, expected) in PLUGINS.items()}) == set()


def test_a_plugin_that_imports_its_framework_early_is_found(tmp_path: Path, missed: Callable[..., set[str]]) -> None:
    """It does so by a second entry, for a module that is there already."""
    install(tmp_path / "site", "early", eager="import early")
    assert missed(CONTRACT.format(name="early"), {"early": {"nothing_is_imported_before_the_framework_is"}}) == set()


KEPT = """
from autolog import hookimpl
from autolog.hookspecs import Delivery
from autolog_memory import MemoryBackend, MemoryFiles

places = {}

class Kept(MemoryBackend):
    def deliver(self, batch):
        return super().deliver(batch)

    def close(self):
        super().close()

@hookimpl
def autolog_open_backend(uri):
    return Kept(places.setdefault(uri, {}))

@hookimpl
def autolog_open_store(uri):
    from autolog.store.journals import JournalStore
    return JournalStore(uri, MemoryFiles(places.setdefault(uri, {})))
"""
TABLE = """
from autolog import hookimpl
from autolog.hookspecs import Backend, Delivery

places = {}

class Table(Backend):
    def __init__(self, rows):
        self.rows = rows

    def deliver(self, batch):
        for event in batch.events:
            self.rows[event.writer, event.seq] = event
        return Delivery("done")

@hookimpl
def autolog_open_backend(uri):
    return Table(places.setdefault(uri, {}))
"""
OF_BACKENDS = """
import sys
import pytest
from autolog.testing import BackendContract

class Test_{name}(BackendContract):
    @pytest.fixture
    def uri(self, tmp_path):
        return f"{name}:{{tmp_path}}"
"""
OF_TABLES = """
    def facts(self, run):
        return sum(len(run.history(key)) for key in run.metrics)

    def arrived(self, uri):
        counts = {{}}
        for event in sys.modules["backend_{name}"].places.get(uri, {{}}).values():
            counts.setdefault(event.run, 0)
            for series in event.data.get("series", {{}}).values() if event.kind == "points" else ():
                counts[event.run] += series["n"]
        counts = {{run: count for run, count in counts.items() if len(run) == 32}}
        return counts
"""
TAKE, CLOSE, ROW = "return super().deliver(batch)", "super().close()", "self.rows[event.writer, event.seq] = event"
BACKENDS: Mapping[str, tuple[str, str, str, set[str]]] = {
    "keeps": (KEPT, "", "", set()),
    "loses": (KEPT, TAKE, f"return {TAKE[7:]} if batch.offset == 0 else Delivery('done')", {"a_run_arrives_whole"}),
    "files": (KEPT, TAKE, f"batch.files.clear(); {TAKE}", {"a_file_that_is_written_anew_is_replaced"}),
    "shrugs": (KEPT, TAKE, "super().deliver(batch)", {"a_run_arrives_whole"}),
    "closes": (KEPT, CLOSE, "del self._trees", {"a_connection_can_be_closed_twice"}),
    "anew": (KEPT, "places.setdefault(uri, {}))", "{})", {"a_process_that_dies_between_batches_is_gone_on_after"}),
    "narrow": (KEPT, TAKE, f"assert '%20' not in str(batch.lines); {TAKE}", {"odd_names_and_values_arrive"}),
    "small": (KEPT, TAKE, f"assert len(batch.lines) < 50_000; {TAKE}", {"large_values_arrive"}),
    "table": (TABLE, "", "", set()),
    "doubles": (TABLE, ROW, "self.rows[len(self.rows)] = event", {"a_batch_that_comes_twice_changes_nothing"}),
    "breaks": (
        TABLE,
        ROW,
        f"assert (event.writer, event.seq) not in self.rows; {ROW}",
        {"a_batch_that_comes_twice_changes_nothing", "a_batch_that_comes_again_with_more_lines_adds_these"},
    ),
}
"""Each with the tests that find it."""


def test_a_backend_that_is_wrong_fails_the_test_that_is_about_it(
    tmp_path: Path, missed: Callable[..., set[str]]
) -> None:
    """Each mutation is found by the tests that are named beside it, and the sound backends pass all."""
    site, tests = tmp_path / "site", []
    for name, (sound, old, new, _) in BACKENDS.items():
        assert old in sound
        module = {f"backend_{name}": sound.replace(old, new, 1) if old else sound}
        distribution(site, f"backend-{name}", {"autolog.backends": {name: f"backend_{name}"}}, module)
        tests.append((OF_BACKENDS + (OF_TABLES if sound is TABLE else "")).format(name=name))
    assert missed("\n".join(tests), {name: expected for name, (*_, expected) in BACKENDS.items()}) == set()

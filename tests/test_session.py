"""What `enable()` and `disable()` switch: calls in any order and number, options, places, and what the console says."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import autolog
from autolog import session
from autolog.exceptions import PluginError, SettingsError, UnknownBackendError
from autolog.testing import all_runs
from elsewhere import python


def fit() -> None:
    """A recorded call that costs little."""
    from sklearn.dummy import DummyRegressor

    DummyRegressor().fit([[0.0], [1.0]], [0.0, 1.0])


# ---- on, again, and off


def test_enable_again_changes_what_it_names(store: Path) -> None:
    """A second call keeps the first one's options but for those it names."""
    autolog.enable(backend=store, experiment="one", log_models=False, silent=True)
    fit()
    autolog.enable(experiment="two")
    fit()
    autolog.enable(log_models=True)
    fit()
    first, second, third = all_runs(store)
    assert [run.experiment for run in (first, second, third)] == ["one", "two", "two"]
    assert [len(run.models) for run in (first, second, third)] == [0, 0, 1]


def test_options_of_one_plugin_are_its_own(store: Path) -> None:
    """`enable("sklearn", …)` where all are recorded changes that plugin only; the others' options and calls stay."""
    autolog.enable(backend=store, silent=True, exclude_params="none")
    autolog.enable("sklearn", log_models=False, extra_tags={"a": 1})
    current = session.get()
    assert current.records("pandas")
    assert (current.resolved.of("sklearn").log_models, current.resolved.of("pandas").log_models) == (False, True)
    fit()
    with autolog.start_run():
        pass
    fitted, explicit = all_runs(store)
    assert (fitted.models, fitted.tags["a"]) == ([], 1)
    assert "a" not in explicit.tags


def test_only_the_plugins_that_were_named_open_runs(store: Path) -> None:
    """Others stay silent, also when an option changes, until `enable()` names nothing at all; naming adds."""
    autolog.enable("pandas", backend=store, silent=True)
    fit()
    autolog.enable(experiment="e")
    fit()
    assert all_runs(store) == []
    autolog.enable("sklearn")
    fit()
    assert session.get().records("pandas")
    assert not session.get().records("scipy")
    autolog.enable()
    assert session.get().records("scipy")
    assert len(all_runs(store)) == 1


def test_what_does_not_exist_is_refused_and_changes_nothing(store: Path) -> None:
    """An unknown plugin, option or backend is an error that names the nearest, and autolog stays as it was."""
    autolog.enable(backend=store, experiment="kept", silent=True)
    for error, match, plugins, options in (
        (PluginError, "did you mean 'sklearn'", ("sklern",), {"experiment": "lost"}),
        (PluginError, "there are: .*sklearn", ("qwertyuiop",), {}),
        (SettingsError, "log_models", (), {"log_model": True}),
        (SettingsError, "True or False", ("sklearn",), {"log_models": "maybe"}),
        (UnknownBackendError, "there are: .*file", (), {"backend": "nosuch://host", "experiment": "lost"}),
    ):
        with pytest.raises(error, match=match):
            autolog.enable(*plugins, **options)
    fit()
    (run,) = all_runs(store)
    assert run.experiment == "kept"


def test_disable_puts_every_original_back(store: Path) -> None:
    """Fits record no more, the classes have their own functions again, by identity, and the log functions work."""
    import sklearn.linear_model
    from sklearn.base import BaseEstimator

    def methods() -> dict[Any, Any]:
        kinds = [BaseEstimator]
        for kind in kinds:
            kinds.extend(each for each in kind.__subclasses__() if each not in kinds)
        return {(kind, name): value for kind in kinds for name, value in vars(kind).items() if not name.startswith("_")}

    before = methods()
    autolog.enable(backend=store, silent=True)
    fit()
    assert sklearn.linear_model.LinearRegression.fit is not before[sklearn.linear_model.LinearRegression, "fit"]
    autolog.disable()
    after = methods()
    assert [key for key, value in before.items() if after[key] is not value] == []
    fit()
    with autolog.start_run(run_name="by hand"):
        autolog.log_metric("m", 1.0)
    autolog.enable()
    fit()
    autolog.disable()
    autolog.disable()
    assert [run.run_name for run in all_runs(store)] == ["DummyRegressor", "by hand", "DummyRegressor"]


def test_enable_in_a_thread_holds_for_all(store: Path) -> None:
    """What one thread switches on, every thread's calls are recorded by."""
    thread = threading.Thread(target=autolog.enable, kwargs={"backend": store, "silent": True})
    thread.start()
    thread.join()
    fit()
    assert len(all_runs(store)) == 1


# ---- places


def test_the_place_can_change_between_runs(tmp_path: Path) -> None:
    """New runs go to the new place; one that is open stays where it is, and takes its facts there."""
    autolog.enable(backend=tmp_path / "a", silent=True)
    run = autolog.start_run(run_name="first")
    autolog.enable(backend=tmp_path / "b")
    with autolog.start_run(nested=True, run_name="child"):
        pass
    autolog.log_metric("m", 1.0)
    autolog.end_run()
    with autolog.start_run(run_name="second"):
        pass
    first, child = all_runs(tmp_path / "a")
    assert (first.metrics, child.parent_run_id) == ({"m": 1.0}, run.run_id)
    assert [found.run_name for found in all_runs(tmp_path / "b")] == ["second"]


def test_a_relative_place_is_where_enable_found_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later `chdir` moves neither runs nor reading, also when options change; a new `backend` begins anew."""
    (tmp_path / "elsewhere").mkdir()
    autolog.enable(silent=True)
    monkeypatch.chdir(tmp_path / "elsewhere")
    for step in (lambda: None, lambda: autolog.set_experiment("e"), lambda: autolog.enable(log_models=False)):
        step()
        with autolog.start_run():
            pass
    assert len(all_runs(tmp_path / "autolog-runs")) == 3
    assert len(autolog.search_runs(output_format="list")) == 3
    autolog.enable(backend="here")
    with autolog.start_run():
        pass
    assert len(all_runs(tmp_path / "elsewhere" / "here")) == 1


def test_options_come_from_the_environment_and_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyproject.toml sets, a variable wins over it, and the call over both."""
    (tmp_path / "pyproject.toml").write_text(
        "[tool.autolog]\nbackend = 'filed'\nexperiment = 'file'\nsilent = true\n"
        "[tool.autolog.sklearn]\nlog_models = false\n"
    )
    autolog.enable()
    fit()
    monkeypatch.setenv("AUTOLOG_EXPERIMENT", "variable")
    autolog.enable()
    fit()
    autolog.enable(experiment="call")
    fit()
    found = all_runs(tmp_path / "filed")
    assert [run.experiment for run in found] == ["file", "variable", "call"]
    assert [run.models for run in found] == [[], [], []]


# ---- the console


SAYS = """
import sys, autolog
autolog.enable(**eval(sys.argv[1]))
autolog.enable()
from sklearn.dummy import DummyRegressor
DummyRegressor().fit([[0.0], [1.0]], [0.0, 1.0])
with autolog.start_run(run_name="outer"):
    for _ in range(3):
        DummyRegressor().fit([[0.0], [1.0]], [0.0, 1.0])
    with autolog.start_run(nested=True):
        pass
with autolog.paused(), autolog.start_run():
    pass
@autolog.start_run(run_name="decorated")
def work(): pass
work()
"""


def test_a_line_at_enable_and_one_for_each_top_level_run(store: Path) -> None:
    """On stderr; children, paused runs and a second `enable()` say nothing, and stdout is the program's."""
    done = python(SAYS, "{}", AUTOLOG_BACKEND=str(store))
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (0, "")
    assert lines[0] == f"autolog: recording to {store}"
    assert [line.split()[:3] for line in lines[1:]] == [
        ["autolog:", name, "FINISHED"] for name in ("DummyRegressor", "outer", "decorated")
    ]
    found = {run.run_name: run for run in all_runs(store) if run.parent_run_id is None}
    assert set(found) == {"DummyRegressor", "outer", "decorated"}
    assert all(run.run_id in done.stderr for run in found.values())
    assert all(run.environment["python_version"] for run in found.values())
    assert not any(run.environment for run in all_runs(store) if run.parent_run_id is not None)


def test_silent_says_nothing(store: Path) -> None:
    """Neither does a program whose stderr is closed say anything on stdout."""
    assert python(SAYS, "{'silent': True}", AUTOLOG_BACKEND=str(store)).stderr == ""
    closed = python(f"import sys\nsys.stderr = None\n{SAYS}", "{}", AUTOLOG_BACKEND=str(store))
    assert (closed.returncode, closed.stdout, closed.stderr) == (0, "", "")


# ---- import orders


HEAVY = ["numpy", "pandas", "sklearn", "torch", "xgboost", "lightgbm", "scipy", "joblib"]

ORDERS = {
    "nothing": "import autolog; autolog.enable()",
    "before": "import autolog; autolog.enable(); from sklearn.dummy import DummyRegressor; fit()",
    "after": "from sklearn.dummy import DummyRegressor; import autolog; autolog.enable(); fit()",
    "between": "import autolog, sklearn.base; autolog.enable(); import sklearn.dummy; fit()",
    "off and on": "import autolog; autolog.enable(); autolog.disable(); import sklearn.dummy; autolog.enable(); fit()",
    "off": "import autolog; autolog.enable(); autolog.disable(); import sklearn.dummy; fit()",
    "in a thread": "import autolog, threading; autolog.enable(); t = threading.Thread(target=__import__, "
    "args=('sklearn.dummy',)); t.start(); t.join(); import sklearn.dummy; fit()",
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_fit_is_recorded_in_any_import_order(store: Path, order: str) -> None:
    """Frameworks may come before or after `enable()`, which itself imports none of them."""
    program = f"""
import json, sys
def fit():
    sys.modules["sklearn.dummy"].DummyRegressor().fit([[0.0], [1.0]], [0.0, 1.0])
{ORDERS[order]}
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    done = python(program, AUTOLOG_BACKEND=str(store), AUTOLOG_SILENT="1")
    assert done.returncode == 0, done.stderr
    if order == "nothing":
        assert json.loads(done.stdout) == []
    assert len(all_runs(store)) == (order not in ("nothing", "off"))


def test_the_facts_of_a_paused_run_go_nowhere(store: Path) -> None:
    """A run that is begun in a pause leaves no folder, not even the one of its environment."""
    program = "import autolog\nwith autolog.paused(), autolog.start_run():\n    pass"
    assert python(program, AUTOLOG_BACKEND=str(store)).stderr == ""
    assert not store.exists()


def test_a_pipe_that_nobody_reads_is_not_waited_for(store: Path) -> None:
    """A program with more lines to say than its stderr's pipe holds ends all the same."""
    code = f"""
import autolog
autolog.enable(backend={str(store)!r})
for _ in range(1000):
    with autolog.start_run(run_name="x" * 100):
        pass
"""
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) as started:
        try:
            assert started.wait(timeout=60) == 0
        finally:
            started.kill()

"""The public face: runs begun by hand, what is logged to them, and where it goes."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autolog
from autolog.exceptions import RunNotFoundError, SettingsError, UsageError
from autolog.recording.environment import script_name
from autolog.testing import all_runs, in_thread
from elsewhere import python

pytestmark = pytest.mark.usefixtures("recording")


# ---- names, arguments, documentation


def test_all_is_sorted_and_what_is_visible() -> None:
    """`autolog.__all__` is sorted, and every name in it that is a function documents each of its arguments."""
    assert list(autolog.__all__) == sorted(autolog.__all__)
    for name in autolog.__all__:
        value = getattr(autolog, name)
        if inspect.isfunction(value):
            text = inspect.getdoc(value) or ""
            for parameter in inspect.signature(value).parameters:
                assert re.search(rf"^ +\**{parameter}:", text, re.MULTILINE), f"{name} does not document {parameter}"


MLFLOW = {
    "start_run": ["run_id", "run_name", "nested", "parent_run_id", "tags", "description"],
    "end_run": ["status"],
    "log_param": ["key", "value"],
    "log_params": ["params", "run_id"],
    "log_metric": ["key", "value", "step", "timestamp", "run_id"],
    "log_metrics": ["metrics", "step", "run_id", "timestamp"],
    "set_tag": ["key", "value"],
    "set_tags": ["tags"],
    "delete_tag": ["key"],
    "log_artifact": ["local_path", "artifact_path", "run_id"],
    "log_artifacts": ["local_dir", "artifact_path", "run_id"],
    "log_text": ["text", "artifact_file", "run_id"],
    "log_dict": ["dictionary", "artifact_file", "run_id"],
    "log_figure": ["figure", "artifact_file", "save_kwargs"],
    "log_image": ["image", "artifact_file", "key", "step", "timestamp"],
    "log_table": ["data", "artifact_file", "run_id"],
    "log_input": ["dataset", "context", "tags"],
    "set_experiment": ["experiment_name"],
    "get_run": ["run_id"],
    "delete_run": ["run_id"],
    "search_runs": ["filter_string", "order_by", "experiment_names", "max_results", "output_format"],
    "load_model": ["model_uri"],
}


@pytest.mark.parametrize(("name", "arguments"), MLFLOW.items())
def test_arguments_are_mlflows(name: str, arguments: list[str]) -> None:
    """Where MLflow's fluent function has an argument of that meaning, ours has its name, in the same order."""
    ours = list(inspect.signature(getattr(autolog, name)).parameters)
    assert [each for each in ours if each in arguments] == [each for each in arguments if each in ours]
    assert set(arguments) <= set(ours)


# ---- facts


def test_every_kind_of_fact_reads_back_with_its_type() -> None:
    """Params, metrics and tags of one run are what was logged, and `log_param` gives its value back."""
    with autolog.start_run(run_name="a", tags={"team": "x"}, description="what for") as run:
        assert autolog.log_param("c", 0.5) == 0.5
        autolog.log_params({"n": 3, "none": None, "on": True, "list": [1, 2], "größe ✓": "ü"})
        autolog.log_metric("loss", 2.0, step=0)
        autolog.log_metric("loss", 1.0, step=1, timestamp=1_700_000_000_000)
        autolog.log_metrics({"acc": 0.5, "nan": math.nan}, step=3)
        autolog.set_tag("stage", "dev")
        autolog.set_tags({"gone": 1, "kept": 2})
        autolog.delete_tag("gone")
        autolog.log_input([[1, 2], [3, 4]], context="eval", tags={"k": "v"}, name="rows")
    found = autolog.get_run(run.run_id)
    assert found.params == {"c": 0.5, "n": 3, "none": None, "on": True, "list": [1, 2], "größe ✓": "ü"}
    assert [(step, value) for step, value, _ in found.history("loss")] == [(0, 2.0), (1, 1.0)]
    assert found.history("loss")[1][2] == 1_700_000_000.0
    assert found.metrics["acc"] == 0.5
    assert math.isnan(found.metrics["nan"])
    assert found.tags == {"team": "x", "mlflow.note.content": "what for", "stage": "dev", "kept": 2}
    assert [(each["name"], each["context"], each["tags"]) for each in found.inputs] == [("rows", "eval", {"k": "v"})]
    assert (found.run_name, found.status, found.experiment) == ("a", "FINISHED", "default")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: autolog.log_param(1, 2),  # type: ignore[type-var]
        lambda: autolog.log_params([("a", 1)]),
        lambda: autolog.log_metric("a", "x"),
        lambda: autolog.log_metric("a", None),
        lambda: autolog.log_metric("a", 1.0, step=0.5),
        lambda: autolog.log_metric("a", 1.0, step=1 << 70),
        lambda: autolog.log_metric("a", 1.0, timestamp="now"),
        lambda: autolog.log_metric(5, 1.0),
        lambda: autolog.log_metric([], 1.0),
        lambda: autolog.log_metrics({"a": "b"}),
        lambda: autolog.set_tags("ab"),
        lambda: autolog.set_tag(None, 1),
        lambda: autolog.delete_tag(3),
        lambda: autolog.end_run("DONE"),
        lambda: autolog.set_experiment(7),
        lambda: autolog.get_run(7),
        lambda: autolog.delete_run(None),
        lambda: autolog.search_runs(order_by="metrics.a"),
        lambda: autolog.search_runs(experiment_names="default"),
        lambda: autolog.search_runs(max_results=-1),
        lambda: autolog.search_runs(output_format="arrow"),
        lambda: autolog.load_model("models:/a/1"),
        lambda: autolog.start_run(run_name=5),
        lambda: autolog.start_run(tags=[1]),
        lambda: autolog.start_run(run_id=7),
        lambda: autolog.start_run(),
    ],
)
def test_what_cannot_be_taken_is_refused_at_the_door(wrong: Callable[[], Any]) -> None:
    """A wrong argument is a UsageError, which is a ValueError, and leaves no run behind nor ends the active one."""
    with autolog.start_run() as run:
        with pytest.raises(UsageError):
            wrong()
        assert autolog.active_run() is run
    assert [each.run_id for each in all_runs()] == [run.run_id]
    assert autolog.get_run(run.run_id).params == {}


def test_the_fast_way_of_a_metric_refuses_and_takes_what_the_first_call_did() -> None:
    """A series that is known already checks values and steps like its first point."""
    with autolog.start_run() as run:
        for step in range(200):
            autolog.log_metric("a", step, step=step)
        for value, step in (("x", 0), (1.0, 0.5), (None, 0)):
            with pytest.raises(UsageError):
                autolog.log_metric("a", value, step=step)
        autolog.log_metric("a", True, step=2.0 * 100)
    assert [value for _, value, _ in autolog.get_run(run.run_id).history("a")] == [*map(float, range(200)), 1.0]


# ---- runs


def test_a_run_lasts_until_end_run() -> None:
    """`start_run()` without `with` is active until `end_run`, which gives it a status; a second one is harmless."""
    run = autolog.start_run(run_name="plain")
    assert autolog.active_run() is run
    assert autolog.get_run(run.run_id).status == "RUNNING"
    autolog.end_run("FAILED")
    autolog.end_run()
    assert autolog.active_run() is None
    assert autolog.last_run() is run
    assert autolog.get_run(run.run_id).status == "FAILED"


def test_nested_runs_are_children() -> None:
    """A run inside a run needs `nested=True`, is its child, and gives the place back when it ends."""
    with autolog.start_run(run_name="outer", experiment="e") as outer:
        with pytest.raises(UsageError, match=outer.run_id):
            autolog.start_run()
        with autolog.start_run(run_name="inner", nested=True) as inner:
            assert autolog.active_run() is inner
        assert autolog.active_run() is outer
    assert [child.run_id for child in autolog.get_run(outer.run_id).children()] == [inner.run_id]
    assert autolog.get_run(inner.run_id).experiment == "e"


def test_nested_without_an_active_run_is_a_run_of_its_own() -> None:
    """As with MLflow, `nested=True` where no run is active begins a top-level run."""
    with autolog.start_run() as ended:
        pass
    with autolog.start_run(nested=True) as run:
        assert run.parent_run_id is None
    assert run.run_id != ended.run_id


def test_a_child_can_be_begun_by_its_parents_id() -> None:
    """`parent_run_id` makes a child of a run that has ended, and an unknown one is refused."""
    with autolog.start_run() as parent:
        pass
    with autolog.start_run(parent_run_id=parent.run_id, run_name="late") as child:
        pass
    assert [each.run_name for each in autolog.get_run(parent.run_id).children()] == ["late"]
    assert autolog.get_run(child.run_id).parent_run_id == parent.run_id
    with pytest.raises(RunNotFoundError):
        autolog.start_run(parent_run_id="0" * 32)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("no"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (SystemExit(0), "FINISHED"),
        (SystemExit(None), "FINISHED"),
        (SystemExit(3), "FAILED"),
        (SystemExit("bye"), "FAILED"),
    ],
)
def test_a_body_that_raises_decides_the_status(error: BaseException, status: str) -> None:
    """The exception goes on as it is, and the run keeps its type and traceback."""

    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught, autolog.start_run() as run:
        fail()
    assert caught.value is error
    found = autolog.get_run(run.run_id)
    assert found.status == status
    assert found.error["type"].endswith(type(error).__name__)
    assert "in fail" in found.error["traceback"]
    assert autolog.active_run() is None


def test_a_decorated_function_is_a_run_each_call() -> None:
    """Decorating begins nothing; each call is a run with its result or exception unchanged, and the name is kept."""
    autolog.log_metric("before", 1.0)

    @autolog.start_run(run_name="f", tags={"a": 1})
    def work(x: int) -> float:
        autolog.log_param("x", x)
        return 1 / x

    assert autolog.active_run() is None
    autolog.log_metric("after", 2.0)
    assert [run.metrics for run in all_runs()] == [{"before": 1.0, "after": 2.0}]
    assert work.__name__ == "work"
    assert work(2) == 0.5
    with pytest.raises(ZeroDivisionError):
        work(0)
    runs = autolog.search_runs(filter_string="tags.a = 1", output_format="list")
    assert {(run.run_name, run.params["x"], run.status) for run in runs} == {("f", 2, "FINISHED"), ("f", 0, "FAILED")}


def test_a_recursive_decorated_function_nests() -> None:
    """With `nested=True` a decorated function that calls itself makes a chain of children."""

    @autolog.start_run(nested=True)
    def count(n: int) -> int:
        autolog.log_param("n", n)
        return n if n == 0 else count(n - 1)

    assert count(2) == 0
    by_n = {run.params["n"]: run for run in all_runs()}
    assert [by_n[n].parent_run_id for n in (2, 1, 0)] == [None, by_n[2].run_id, by_n[1].run_id]


def test_a_decorated_coroutine_function_stays_one() -> None:
    """Each awaited call is a run that lasts until the coroutine is done; those at once do not mix."""

    @autolog.start_run()
    async def work(x: int) -> int:
        autolog.log_param("x", x)
        await asyncio.sleep(0)
        autolog.log_metric("y", x)
        return x

    async def both() -> list[int]:
        return list(await asyncio.gather(work(1), work(2)))

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(both()) == [1, 2]
    assert {(run.params["x"], run.metrics["y"]) for run in all_runs()} == {(1, 1.0), (2, 2.0)}


def test_decorating_inside_a_run_leaves_no_trace(store: Path) -> None:
    """A nested decorator inside an active run withdraws its child, and a resumed run cannot decorate."""
    with autolog.start_run() as outer:

        @autolog.start_run(nested=True)
        def work() -> None:
            pass

        assert autolog.active_run() is outer
        assert autolog.get_run(outer.run_id).children() == []
        work()
    assert len(autolog.get_run(outer.run_id).children()) == 1
    with pytest.raises(UsageError, match="run_id"):
        autolog.start_run(run_id=outer.run_id)(work)
    assert autolog.active_run() is None
    assert len(all_runs()) == 2
    assert [path.name for path in store.iterdir()] == [outer.run_id]


def test_a_resumed_run_has_the_end_of_its_last_session() -> None:
    """Facts add up; the start is the first session's, status and end are the last one's, and a new name counts."""
    with pytest.raises(ValueError, match="no"), autolog.start_run(run_name="a") as run:
        autolog.log_metric("m", 1.0, step=0)
        raise ValueError("no")
    first = autolog.get_run(run.run_id)
    with autolog.start_run(run_id=run.run_id, run_name="b", tags={"again": True}) as again:
        assert autolog.get_run(run.run_id).status == "RUNNING"
        assert again.run_id == run.run_id
        autolog.log_metric("m", 2.0, step=1)
    found = autolog.get_run(run.run_id)
    assert (found.status, found.error, found.run_name, found.tags) == ("FINISHED", None, "b", {"again": True})
    assert found.start_time == first.start_time
    assert found.end_time > first.end_time
    assert [value for _, value, _ in found.history("m")] == [1.0, 2.0]
    with pytest.raises(RunNotFoundError, match="0000"):
        autolog.start_run(run_id="0" * 32)
    assert autolog.active_run() is None


def test_a_finished_run_still_takes_facts() -> None:
    """What is logged after the end is added, by the last run of the context or by its id; the end stays."""
    with autolog.start_run() as first:
        pass
    with autolog.start_run() as second:
        pass
    end = autolog.get_run(second.run_id).end_time
    autolog.log_metric("late", 1.0)
    autolog.log_param("p", 1, run_id=first.run_id)
    autolog.log_metric("m", 1.0, run_id=first.run_id)
    autolog.set_tag("t", 1, run_id=first.run_id)
    autolog.log_text("x", "a.txt", run_id=first.run_id)
    found = autolog.get_run(first.run_id)
    assert (found.params, found.metrics, found.tags) == ({"p": 1}, {"m": 1.0}, {"t": 1})
    assert list(found.artifacts) == ["a.txt"]
    late = autolog.get_run(second.run_id)
    assert (late.metrics, late.end_time, late.status) == ({"late": 1.0}, end, "FINISHED")
    with pytest.raises(RunNotFoundError):
        autolog.log_param("p", 1, run_id="0" * 32)


def test_a_run_that_ended_long_ago_still_takes_points() -> None:
    """Also when so many runs came after it that its journal has been closed."""
    first = autolog.start_run()
    first.log_metric("m", 1.0)
    autolog.end_run()
    for _ in range(40):
        with autolog.start_run():
            autolog.log_metric("m", 0.0)
    first.log_metric("m", 2.0)
    first.log_metric("n", 3.0)
    assert autolog.get_run(first.run_id).metrics == {"m": 2.0, "n": 3.0}


def test_facts_outside_a_run_go_to_one_named_after_the_script() -> None:
    """All of them to the same run, which a thread without a run shares."""
    autolog.log_param("a", 1)
    in_thread(lambda: autolog.log_metric("b", 2.0))
    (run,) = all_runs()
    assert (run.params, run.metrics, run.status) == ({"a": 1}, {"b": 2.0}, "RUNNING")
    assert run.run_name == script_name()


def test_experiments_and_their_runs_are_found() -> None:
    """`set_experiment` holds for the runs that begin afterwards; a search can be narrowed, ordered and limited."""
    for number in range(3):
        with autolog.start_run():
            autolog.log_metric("m", number)
    autolog.set_experiment("other")
    with autolog.start_run() as other:
        autolog.log_metric("m", 9.0)
    table = autolog.search_runs(experiment_names=["default"], order_by=["metrics.m DESC"], max_results=2)
    assert list(table["metrics.m"]) == [2.0, 1.0]
    assert autolog.search_runs(filter_string="metrics.m > 1", output_format="polars")["metrics.m"].sum() == 11.0
    (found,) = autolog.search_runs(experiment_names=["other"], output_format="list")
    assert found.run_id == other.run_id
    assert autolog.search_runs(experiment_names=["none"], output_format="list") == []


def test_a_deleted_run_is_passed_over() -> None:
    """`delete_run` hides a run from searches; `get_run` still finds it, and an unknown one is refused."""
    with autolog.start_run() as run:
        pass
    autolog.delete_run(run.run_id)
    assert all_runs() == []
    assert autolog.get_run(run.run_id).run_id == run.run_id
    with pytest.raises(RunNotFoundError):
        autolog.delete_run("0" * 32)


# ---- paused, and off


def test_paused_records_nothing_that_is_logged() -> None:
    """Inside `paused()`, nested or in a thread, runs and facts vanish, by id too; outside everything goes on."""
    with autolog.start_run() as run:
        autolog.log_metric("m", 1.0)
        with autolog.paused():
            autolog.log_metric("m", 2.0)
            autolog.log_param("p", 1, run_id=run.run_id)
            autolog.log_text("x", "a.txt")
            with autolog.paused(), autolog.start_run() as lost:
                autolog.log_param("q", 1)
            autolog.log_param("q", 1)
            with autolog.start_run(run_id=run.run_id):
                autolog.log_param("q", 1)
            assert autolog.active_run() is not lost
            in_thread(lambda: autolog.log_metric("thread", 1.0))
        autolog.log_metric("m", 3.0)
    assert (autolog.get_run(run.run_id).params, autolog.get_run(run.run_id).artifacts) == ({}, {})
    assert [value for _, value, _ in autolog.get_run(run.run_id).history("m")] == [1.0, 3.0]
    assert autolog.get_run(run.run_id).metrics["thread"] == 1.0  # another context, which is not paused
    assert len(all_runs()) == 1


def test_a_pause_leaves_nothing_behind() -> None:
    """What was begun, left open or ended in a pause takes no fact of what comes after it, in any thread."""
    with autolog.paused():
        autolog.start_run()
        in_thread(lambda: autolog.log_metric("thread", 1.0))
    with autolog.paused():
        autolog.end_run()
    autolog.log_metric("after", 1.0)
    (run,) = all_runs()
    assert run.metrics == {"thread": 1.0, "after": 1.0}


def test_paused_refuses_what_it_would_refuse_otherwise() -> None:
    """A program that is wrong is wrong in a pause too."""
    with autolog.paused():
        for wrong in (lambda: autolog.log_metric("a", "x"), lambda: autolog.log_text("x", "../a")):
            with pytest.raises(UsageError):
                wrong()


def test_paused_decorates_a_function() -> None:
    """Each call of it records nothing, however often and deep; its name and results stay, what is around is kept."""

    @autolog.paused()
    def count(n: int) -> int:
        autolog.log_metric("inside", n)
        return n if n == 0 else count(n - 1)

    with autolog.start_run():
        autolog.log_metric("before", 1.0)
        assert [count(2), count(1)] == [0, 0]
        autolog.log_metric("after", 1.0)
    (run,) = all_runs()
    assert (count.__name__, run.metrics) == ("count", {"before": 1.0, "after": 1.0})


def test_paused_decorates_a_coroutine_function() -> None:
    """It stays one, and pauses until it is done, though another one records meanwhile."""

    @autolog.paused()
    async def quiet(x: float) -> float:
        await asyncio.sleep(0)
        autolog.log_metric("quiet", x)
        return x

    async def loud(x: float) -> float:
        for _ in range(3):
            await asyncio.sleep(0)
            autolog.log_metric("loud", x)
        return x

    async def both() -> list[float]:
        return list(await asyncio.gather(quiet(1.0), loud(2.0), quiet(3.0)))

    assert inspect.iscoroutinefunction(quiet)
    with autolog.start_run():
        assert asyncio.run(both()) == [1.0, 2.0, 3.0]
    (run,) = all_runs()
    assert run.metrics == {"loud": 2.0}


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    """An error whose class lets nobody assign to it, as `contextlib.contextmanager` does on its way."""

    number: int


@pytest.mark.parametrize("around", [autolog.paused, autolog.start_run])
def test_an_error_that_cannot_be_assigned_to_is_the_users(around: Callable[[], Any]) -> None:
    """It leaves a pause and a run as itself, whether they stand around a block or a function."""

    def fail() -> None:
        raise Frozen(7)

    with pytest.raises(Frozen), around():
        fail()
    with pytest.raises(Frozen):
        around()(fail)()
    autolog.log_metric("after", 1.0)
    assert "after" in all_runs()[-1].metrics


OFF = """
import sys, autolog
autolog.enable("no-such-plugin", no_such_option=1)
with autolog.start_run() as run:
    autolog.log_param("a", 1); autolog.log_metric("b", 1.0); autolog.log_text("x", "a.txt")
    with autolog.start_run(nested=True): pass
    from sklearn.linear_model import LinearRegression
    fitted = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
assert autolog.start_run(run_id="0" * 32).run_id == "0" * 32
autolog.end_run()
@autolog.start_run()
def work(): autolog.log_metric("c", 1.0)
work()
autolog.set_tag("a", 1); autolog.log_param("a", 1, run_id="0" * 32)
autolog.disable()
assert type(LinearRegression.fit).__name__ == "function", type(LinearRegression.fit)
ours = [each for each in sys.meta_path if type(each).__module__.startswith("autolog")]
assert ours == [], ours  # others have theirs, such as six
"""


def test_autolog_0_makes_everything_inert(store: Path) -> None:
    """With AUTOLOG=0 the program's calls work, and nothing is written, printed or patched."""
    done = python(OFF, AUTOLOG_BACKEND=str(store), AUTOLOG="0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not store.exists()


# ---- the end of the process


ENDS = """
import sys, autolog
autolog.enable()
run = autolog.start_run(run_name="left open")
autolog.log_metric("m", 1.0)
exec(sys.argv[1])
"""


@pytest.mark.parametrize(
    ("ending", "code", "status"),
    [("pass", 0, "FINISHED"), ("raise ValueError('no')", 1, "FAILED"), ("raise KeyboardInterrupt", -2, "KILLED")],
)
def test_a_run_left_open_ends_with_the_process(store: Path, ending: str, code: int, status: str) -> None:
    """It ends FINISHED, or as the uncaught exception says, with the environment, and one line that says so."""
    done = python(ENDS, ending, AUTOLOG_BACKEND=str(store))
    assert done.returncode == code
    assert done.stdout == ""
    (run,) = all_runs()
    assert (run.status, run.metrics) == (status, {"m": 1.0})
    assert (run.error is None) == (status == "FINISHED")
    assert run.environment["python_version"]
    ours = [line for line in done.stderr.splitlines() if line.startswith("autolog:")]
    assert [line.split()[1] for line in ours] == ["recording", "left"]


DECORATES = """
import autolog
@autolog.start_run()
def work():
    pass
"""


def test_decorating_alone_leaves_no_folder(store: Path) -> None:
    """Not even the facts of the environment, which come later, bring the withdrawn run back."""
    done = python(DECORATES, AUTOLOG_BACKEND=str(store))
    assert (done.returncode, done.stderr) == (0, "")
    assert not store.exists() or list(store.iterdir()) == []


RESUMES = """
import autolog, sys
with autolog.start_run(run_id=sys.argv[1]):
    autolog.log_metric("m", 2.0, step=1)
"""


def test_a_run_can_be_resumed_in_another_process(store: Path) -> None:
    """The second process adds its session to the run of the first, and to no other folder."""
    with autolog.start_run() as run:
        autolog.log_metric("m", 1.0)
    done = python(RESUMES, run.run_id, AUTOLOG_BACKEND=str(store))
    assert done.returncode == 0, done.stderr
    assert [value for _, value, _ in autolog.get_run(run.run_id).history("m")] == [1.0, 2.0]
    assert [path.name for path in store.iterdir()] == [run.run_id]


def test_settings_are_checked_by_name() -> None:
    """An experiment that is no text is a SettingsError that names the option."""
    for wrong in ("", None, 5):
        with pytest.raises(SettingsError, match="set_experiment's experiment_name"):
            autolog.set_experiment(wrong)  # type: ignore[arg-type]

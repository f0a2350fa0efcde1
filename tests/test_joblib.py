"""The door to joblib's workers: what a task trains belongs to the run where `Parallel` was called, wherever it ran."""

from __future__ import annotations

import builtins
import dataclasses
import inspect
import os
import pickle
import re
import threading
import time
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import BaggingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score

import autolog
from autolog.capture.carrier import Carrier
from autolog_joblib.tasks import Luggage, Task

BACKENDS = ["sequential", "threading", "loky", "multiprocessing"]
X = [[0.0], [1.0], [2.0], [3.0]]
Y = [0.0, 1.0, 2.0, 3.0]


def fit(number: int) -> tuple[int, int]:
    """What a user's task does."""
    DummyRegressor(strategy="constant", constant=float(number)).fit(X, Y)
    return number, os.getpid()


def fail(number: int) -> None:
    raise LookupError(number, "mine")


def fit_inside(number: int) -> int:
    """A task that has a `Parallel` of its own."""
    return len(Parallel(n_jobs=2, prefer="threads")(delayed(fit)(number * 10 + inner) for inner in range(2)))


def log(number: int) -> None:
    autolog.log_metric("m", number, step=number)


@pytest.fixture(autouse=True)
def recording(store: Path) -> None:
    autolog.enable(backend=store, silent=True)


def runs() -> list[Any]:
    return autolog.search_runs(output_format="list")


def constants(found: list[Any]) -> list[float]:
    return sorted(run.params["constant"] for run in found)


def begin() -> str:
    autolog.end_run("FAILED")
    with autolog.start_run(nested=True, run_name="there"):
        pass
    try:
        autolog.start_run()
    except ValueError as error:
        return str(error)
    return "begun"


def test_a_task_cannot_end_the_run_it_came_from() -> None:
    """In a worker the run is active, can have children, and stays open."""
    with autolog.start_run() as outer:
        (said,) = Parallel(n_jobs=2, backend="loky")([delayed(begin)()])
        assert outer.run_id in said
        found = autolog.get_run(outer.run_id)
        assert found.status == "RUNNING"
        assert [run.run_name for run in found.children()] == ["there"]


def await_environment(run_id: str) -> None:
    """Facts of a process are gathered beside the training; a worker lives on while they are."""
    deadline = time.monotonic() + 30
    while not autolog.get_run(run_id).environment:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_fit_is_a_child_of_the_active_run_or_a_run_of_its_own(backend: str) -> None:
    """Under every backend, with every fact of a fit here; results are the same, and one task's `log_metric` arrives."""
    with autolog.start_run(run_name="outer") as outer:
        results = Parallel(n_jobs=2, backend=backend)(delayed(fit)(number) for number in range(3))
        Parallel(n_jobs=2, backend=backend)(delayed(log)(number) for number in range(3))
    alone = Parallel(n_jobs=2, backend=backend)([delayed(fit)(number) for number in (7, 8)])
    assert [number for number, _ in results + alone] == [0, 1, 2, 7, 8]
    assert {pid == os.getpid() for _, pid in results} == {backend in ("sequential", "threading")}
    found = autolog.get_run(outer.run_id)
    assert constants(found.children()) == [0.0, 1.0, 2.0]
    assert [value for _, value, _ in found.history("m")] == [0.0, 1.0, 2.0]
    tops = [run for run in runs() if run.parent_run_id is None and run.run_id != outer.run_id]
    assert constants(tops) == [7.0, 8.0]
    for run in (*found.children(), *tops):
        assert (run.status, run.experiment, len(run.models)) == ("FINISHED", "default", 1)
        assert run.signature is not None
    for run in tops:
        await_environment(run.run_id)


@pytest.mark.skipif("return_as" not in inspect.signature(Parallel).parameters, reason="joblib before 1.3")
def test_tasks_may_be_a_list_a_tuple_or_an_iterator_taken_step_by_step() -> None:
    """Each is taken as joblib takes it: a generator not before its tasks are due, and results may come one by one."""
    taken: list[int] = []

    def tasks() -> Any:
        for number in range(4):
            taken.append(number)
            yield delayed(fit)(number)

    with autolog.start_run() as outer:
        for given in ([delayed(fit)(0)], (delayed(fit)(1),), iter([delayed(fit)(2)]), map(delayed(fit), [3])):
            Parallel(n_jobs=1)(given)
        results = Parallel(n_jobs=1, return_as="generator")(tasks())
        first = next(results)
        assert first[0] == 0
        assert len(taken) < 4
    rest = list(results)
    assert [number for number, _ in rest] == [1, 2, 3]
    assert constants(autolog.get_run(outer.run_id).children()) == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize("backend", ["sequential", "threading", "loky"])
def test_an_exception_of_a_task_is_the_users(backend: str) -> None:
    """Its type, arguments and traceback are those without autolog: no line of it speaks of us."""

    def texts() -> tuple[Any, ...]:
        with pytest.raises(LookupError) as caught:
            Parallel(n_jobs=2, backend=backend)(delayed(fail)(number) for number in range(1))
        error = caught.value
        lines = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return type(error), error.args, lines

    ours = texts()
    autolog.disable()
    theirs = texts()
    assert ours[:2] == theirs[:2] == (LookupError, (0, "mine"))
    assert "in fail" in ours[2]
    assert "autolog" not in ours[2].replace("test_an_exception", "").replace(str(Path(__file__).parents[1]), "")


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    """An error whose class lets nobody assign to it, as `contextlib.contextmanager` does on its way."""

    number: int


def freeze(number: int) -> None:
    raise Frozen(number)


def test_an_error_that_cannot_be_assigned_to_is_the_users() -> None:
    """It leaves a task as itself, where joblib lets it: its workers assign to errors, and so fail without us too."""
    with pytest.raises(Frozen) as caught:
        Parallel(n_jobs=1)(delayed(freeze)(number) for number in range(1))
    assert caught.value.number == 0


def test_nested_parallels_belong_to_the_outermost_run() -> None:
    """A `Parallel` inside a task carries the same run on."""
    with autolog.start_run() as outer:
        assert Parallel(n_jobs=2, backend="loky")(delayed(fit_inside)(number) for number in range(2)) == [2, 2]
    assert constants(autolog.get_run(outer.run_id).children()) == [0.0, 1.0, 10.0, 11.0]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_parallel_inside_a_recorded_fit_opens_no_runs(jobs: int) -> None:
    """The members of a forest, and what a search fits in its workers, are part of the fit."""
    rows, labels = np.arange(40.0).reshape(-1, 1), np.arange(40) % 2
    RandomForestClassifier(n_estimators=3, n_jobs=jobs).fit(rows, labels)
    GridSearchCV(LinearRegression(), {"fit_intercept": [True, False]}, n_jobs=jobs, cv=2).fit(rows, labels)
    BaggingRegressor(DummyRegressor(), n_estimators=2, n_jobs=jobs).fit(rows, labels)
    tops = {run.run_name: run for run in runs() if run.parent_run_id is None}
    assert set(tops) == {"RandomForestClassifier", "GridSearchCV", "BaggingRegressor"}
    assert [tops[name].children() for name in ("RandomForestClassifier", "BaggingRegressor")] == [[], []]


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_a_paused_context_is_paused_in_its_tasks(backend: str) -> None:
    """Nothing is recorded there, and the next `Parallel` outside the pause is again."""
    with autolog.paused():
        Parallel(n_jobs=2, backend=backend)(delayed(fit)(number) for number in range(2))
        Parallel(n_jobs=2, backend=backend)(delayed(log)(number) for number in range(2))
    assert runs() == []
    Parallel(n_jobs=2, backend=backend)(delayed(fit)(number) for number in range(2))
    assert constants(runs()) == [0.0, 1.0]


def test_workers_follow_the_settings_of_each_call(tmp_path: Path) -> None:
    """The same workers record to the place, with the options, that hold when `Parallel` is called; none when off."""

    def go(number: int) -> set[int]:
        return {pid for _, pid in Parallel(n_jobs=2, backend="loky")(delayed(fit)(number) for _ in range(2))}

    workers = go(1)
    autolog.enable(backend=tmp_path / "other", experiment="e", log_models=False)
    workers |= go(2)
    autolog.disable()
    workers |= go(3)
    autolog.enable("pandas")
    workers |= go(4)
    autolog.enable("sklearn", log_models=True)
    workers |= go(5)
    found = autolog.search_runs(output_format="list", store=tmp_path / "other")
    assert len(workers) <= 2
    assert constants(runs()) == constants(found) == [2.0, 2.0, 5.0, 5.0]
    assert {run.params["constant"]: (run.experiment, len(run.models)) for run in found} == {
        2.0: ("e", 0),
        5.0: ("e", 1),
    }
    assert len(autolog.search_runs(output_format="list", store=tmp_path / "runs")) == 2


def test_workers_have_the_settings_of_the_file_and_the_environment(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the program found them, wherever the workers stand now and whatever their own variables say."""
    (tmp_path / "pyproject.toml").write_text("[tool.autolog.sklearn]\nexclude_params = ['quantile']\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("AUTOLOG_REDACT", "strat*")
    autolog.enable(backend=store)
    monkeypatch.delenv("AUTOLOG_REDACT")
    monkeypatch.chdir(tmp_path / "elsewhere")
    done = Parallel(n_jobs=2, backend="loky")(delayed(fit)(number) for number in range(2))
    assert os.getpid() not in {pid for _, pid in done}
    found = runs()
    assert constants(found) == [0.0, 1.0]
    assert [run.params["strategy"] for run in found] == ["[redacted]"] * 2
    assert not any("quantile" in run.params for run in found)


def test_an_interrupted_parallel_leaves_complete_runs() -> None:
    """A KeyboardInterrupt in a task goes on to the user; the fits before it are whole, the enclosing run is KILLED."""

    def work(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt
        fit(number)

    with pytest.raises(KeyboardInterrupt), autolog.start_run() as outer:
        Parallel(n_jobs=1)(delayed(work)(number) for number in range(4))
    found = autolog.get_run(outer.run_id)
    assert found.status == "KILLED"
    assert [(run.params["constant"], run.status) for run in found.children()] == [(0.0, "FINISHED"), (1.0, "FINISHED")]


def test_a_task_stays_small() -> None:
    """What a task takes along is under a kilobyte, however many options and runs there are."""
    autolog.enable("sklearn", log_models=False, exclude_params=["a*", "b*"])
    with autolog.start_run():
        assert len(pickle.dumps(Carrier())) < 1024


def test_tasks_that_are_sent_together_take_one_context_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes are among theirs once, and are unpacked once; each task has its own function and number."""
    luggage = Luggage(Carrier())
    sent = pickle.dumps([luggage(fit, number) for number in range(50)])
    context = pickle.dumps(luggage.carrier)
    assert sent.count(context[10:-10]) == 1
    unpacked: list[str] = []

    def counted(text: str, *names: Any) -> Any:
        unpacked.append(text)
        return evaluate(text, *names)

    evaluate = eval
    monkeypatch.setattr(builtins, "eval", counted)
    tasks = pickle.loads(sent)
    assert len(unpacked) == 1
    assert [(task.function, task.number) for task in tasks] == [(fit, number) for number in range(50)]


def test_the_context_of_a_call_is_packed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For all its tasks, in however many batches they are sent; the next call packs its own."""
    packed: list[Carrier] = []
    reduce = Carrier.__reduce__

    def counted(carrier: Carrier) -> Any:
        packed.append(carrier)
        return reduce(carrier)

    monkeypatch.setattr(Carrier, "__reduce__", counted)
    for calls in (1, 2):
        done = Parallel(n_jobs=2, backend="loky", batch_size=5)(delayed(os.getpid)() for _ in range(20))
        assert os.getpid() not in done
        assert len(packed) == calls


GENERATED = {"return_as": "generator"} if "return_as" in inspect.signature(Parallel).parameters else {}


class Tasks:
    """A collection of a user's own, of which joblib asks the length."""

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Any:
        return iter([delayed(abs)(number) for number in range(3)])


@pytest.mark.parametrize(
    "options",
    [{"n_jobs": 1}, {"backend": "threading"}, {"backend": "threading", "batch_size": 2, **GENERATED}],
    ids=["one", "threads", "batches"],
)
def test_joblibs_own_output_is_the_same(options: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    """Of a list, a tuple, a generator, a collection, none, and tasks made by hand; so are its complaints."""

    def said() -> tuple[list[Any], str]:
        made = [delayed(abs)(number) for number in range(5)]
        given = made, tuple(made), (each for each in made), Tasks(), [], ((abs, (1,), {}),), [[abs, (1,), {}]]
        found: list[Any] = [list(Parallel(**{"n_jobs": 2, "verbose": 10, **options})(tasks)) for tasks in given]
        for bad in (5, None, [1], [(abs, ())]):
            with pytest.raises((TypeError, ValueError)) as caught:
                list(Parallel(n_jobs=1)(bad))
            found.append((type(caught.value), str(caught.value)))
        for arguments in (([], 5), ()):
            with pytest.raises(TypeError) as caught:
                Parallel(n_jobs=1)(*arguments)
            found.append((type(caught.value), str(caught.value)))
        captured = capfd.readouterr()
        return found, re.sub(r"\d+\.\d+(s|min)", "", captured.out + captured.err)

    ours = said()
    autolog.disable()
    assert ours == said()
    assert ours[0][:5] == [[0, 1, 2, 3, 4]] * 3 + [[0, 1, 2], []]
    assert "out of   5" in ours[1]


@pytest.mark.skipif("return_as" not in inspect.signature(Parallel).parameters, reason="joblib before 1.3")
def test_results_in_any_order_and_arrays_in_mapped_memory() -> None:
    """`return_as="generator_unordered"`, and arguments that joblib hands on as memory maps, arrive as without us."""
    large = np.arange(300_000.0)
    with autolog.start_run() as outer:
        parallel = Parallel(n_jobs=2, return_as="generator_unordered", max_nbytes=1000)
        kinds = list(parallel(delayed(fit_mapped)(large, number) for number in range(3)))
    assert sorted(kinds) == [("memmap", large.sum(), number) for number in range(3)]
    assert constants(autolog.get_run(outer.run_id).children()) == [0.0, 1.0, 2.0]


def fit_mapped(values: Any, number: int) -> tuple[str, float, int]:
    fit(number)
    return type(values).__name__, values.sum(), number


def test_four_threads_that_fit_at_once_give_four_complete_runs() -> None:
    """With joblib and without; each has its own params, model and end."""
    threads = [threading.Thread(target=fit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Parallel(n_jobs=4, backend="threading")(delayed(fit)(number) for number in range(4))
    found = runs()
    assert constants(found) == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    assert {(run.status, run.parent_run_id, len(run.models)) for run in found} == {("FINISHED", None, 1)}


def test_a_context_that_comes_back_to_its_process_changes_nothing_there() -> None:
    """As with a cluster's workers that are threads of the program: fits after it still open runs of their own."""
    with autolog.start_run() as outer:
        task = pickle.loads(pickle.dumps(Task(fit, 0, Luggage(Carrier()))))
    task(1)
    fit(2)
    found = {run.params["constant"]: run.parent_run_id for run in runs() if "constant" in run.params}
    assert found == {1.0: outer.run_id, 2.0: None}


def test_a_task_goes_by_its_functions_name() -> None:
    """Which dask shows; one without a name has none."""
    assert Task(fit, 0, Luggage(Carrier())).__name__ == "fit"
    assert not hasattr(Task(partial(fit), 0, Luggage(Carrier())), "__name__")


def test_a_disabled_parallel_is_joblibs_own() -> None:
    """After `disable()` tasks are handed on as they are."""
    autolog.disable()
    assert "__call__" in vars(joblib.Parallel)
    assert type(vars(joblib.Parallel)["__call__"]).__name__ == "function"
    assert Parallel(n_jobs=1)([delayed(fit)(1)]) == [(1, os.getpid())]
    assert runs() == []


# ---- joblib's memory


@pytest.mark.parametrize("function", [cross_val_score, accuracy_score])
def test_joblibs_memory_keeps_what_it_has_whether_autolog_is_on_or_off(
    function: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A function that is patched in one session and not in the next is the same to it: it computes once."""
    given = (LinearRegression(), X * 3, Y * 3) if function is cross_val_score else (Y, Y)

    def remembered() -> tuple[Any, str]:
        result = joblib.Memory(tmp_path / "memory", verbose=1).cache(function)(*given)
        captured = capfd.readouterr()
        return np.asarray(result).tolist(), captured.out + captured.err

    first, said = remembered()
    assert "Calling sklearn" in said
    for switch in (autolog.disable, autolog.enable, autolog.enable, autolog.disable):
        switch()
        again, said = remembered()
        assert again == first
        assert "Calling" not in said
        assert "Clearing" not in said

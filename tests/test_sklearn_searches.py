"""Searches: a child run for every candidate, equal to `cv_results_`, however the search is written, run and ended."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import pickle
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy.stats import uniform
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.model_selection._search import BaseSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

import autolog
from autolog.store.run import Run

X, Y = load_iris(return_X_y=True)
X, Y = X[::2], Y[::2]
FEW = {"max_depth": [1, 2, 3]}


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    """An error whose class lets nobody assign to it."""

    number: int


class Stump(ClassifierMixin, BaseEstimator):
    """A quick classifier that can be told to fail, in its fit or when it is asked to predict."""

    def __init__(self, max_depth: Any = 1, fails: str = "", seconds: float = 0.0) -> None:
        self.max_depth = max_depth
        self.fails = fails
        self.seconds = seconds

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Stump:
        time.sleep(self.seconds)
        if self.fails == "fit":
            raise LookupError(f"no fit at depth {self.max_depth}:\n  two lines")
        self.classes_ = np.unique(y)
        self.cut_ = float(np.mean(X[:, 0])) + float(np.sum(self.max_depth if isinstance(self.max_depth, int) else 0))
        return self

    def predict(self, X: Any) -> Any:
        if self.fails == "predict":
            raise ZeroDivisionError("no prediction")
        return self.classes_[(np.asarray(X)[:, 0] * 7 > self.cut_).astype(int) + (np.asarray(X)[:, 1] > 3)]


class Rounds(BaseSearchCV):
    """A search of a user's own: several rounds, one of which fails and is caught."""

    def __init__(self, estimator: Any, *, cv: Any = None, n_jobs: Any = None, error_score: Any = np.nan) -> None:
        super().__init__(estimator, cv=cv, n_jobs=n_jobs, error_score=error_score)

    def _run_search(self, evaluate_candidates: Callable[..., Any]) -> None:
        evaluate_candidates([{"max_depth": 1}, {"max_depth": 2}])
        try:
            evaluate_candidates([{"no_such_param": 1}])
        except ValueError:
            evaluate_candidates(iter([{"max_depth": 3}]))
        evaluate_candidates([{"max_depth": 4}], more_results={"round": [3] * 4} if self.cv == 2 else None)


class Further(GridSearchCV):
    """A search that does what a grid search does, and then tries one candidate more; its `fit` is its own."""

    def fit(self, X: Any, y: Any = None, **params: Any) -> Further:
        super().fit(X, y, **params)
        self.mine_ = True
        return self

    def _run_search(self, evaluate_candidates: Callable[..., Any], callback_ctx: Any = None) -> None:
        super()._run_search(evaluate_candidates, **({} if callback_ctx is None else {"callback_ctx": callback_ctx}))
        evaluate_candidates([{"max_depth": 9}])


class CoarseToFine(GridSearchCV):
    """A search that does two: the second one around what the first one found."""

    def fit(self, X: Any, y: Any = None, **params: Any) -> CoarseToFine:
        super().fit(X, y, **params)
        found = self.best_params_["max_depth"]
        self.coarse_ = self.cv_results_
        self.param_grid = {"max_depth": [found + 10, found + 20]}
        super().fit(X, y, **params)
        return self


@pytest.fixture(autouse=True)
def recording(store: Path) -> None:
    autolog.enable(backend=store, silent=True, log_training_metrics=False, log_datasets=False)


def tops() -> list[Run]:
    found = autolog.search_runs(output_format="list")
    return [run for run in found if run.parent_run_id is None]


def only() -> Run:
    (run,) = tops()
    return run


def by_number(run: Run) -> list[Run]:
    """Give a search's children in the order of their numbers, which are all there, once."""
    found = [child for child in run.children() if (child.run_name or "").startswith("candidate ")]
    children = {int((child.run_name or "").split()[1]): child for child in found}
    assert len(children) == len(found)
    return [children[number] for number in sorted(children)]


def values(run: Run, name: str) -> list[float]:
    return [value for _, value, _ in run.history(name)]


def assert_equal_to_results(run: Run, search: Any) -> list[Run]:
    """Every number of `cv_results_` is on its candidate, and equal; give the children in the results' order."""
    results = search.cv_results_
    children = by_number(run)
    assert len(children) >= len(results["params"])
    by_params = [child for child in children if "rank_test" in " ".join(child.metrics)]
    assert len(by_params) == len(results["params"])
    for row, child in enumerate(by_params):
        assert {name: str(value) for name, value in child.params.items() if "__" not in name} == {
            name: shown(value) for name, value in results["params"][row].items() if "__" not in name
        }
        scores = [name.removeprefix("split0_") for name in results if name.startswith("split0_")]
        assert scores
        for score in scores:
            splits = [results[f"split{split}_{score}"][row] for split in range(search.n_splits_)]
            np.testing.assert_array_equal(values(child, f"split_{score}"), splits)
            assert [step for step, _, _ in child.history(f"split_{score}")] == list(range(search.n_splits_))
        for name in (name for name in results if name.startswith(("mean_", "std_", "rank_"))):
            np.testing.assert_array_equal(child.metrics[name], results[name][row])
        assert len(values(child, "split_fit_time")) == search.n_splits_
        assert np.mean(values(child, "split_fit_time")) == pytest.approx(results["mean_fit_time"][row])
        for name in ("iter", "n_resources"):
            assert name not in results or child.tags[name] == results[name][row]
    return by_params


def shown(value: Any) -> str:
    return type(value).__name__ if isinstance(value, BaseEstimator) else str(value)


def assert_whole(run: Run, search: Any) -> None:
    """A search that went well: each part of it is there, and nothing is missing."""
    children = assert_equal_to_results(run, search)
    assert (run.status, run.notes, run.error) == ("FINISHED", [], None)
    assert {child.status for child in children} == {"FINISHED"}
    assert run.tags["best_child_run_id"] == children[search.best_index_].run_id
    assert run.metrics["best_cv_score"] == search.best_score_
    for name, value in search.best_params_.items():
        assert run.params[f"best_{name}"] == (shown(value) if isinstance(value, BaseEstimator) else value)
    loaded = autolog.load_model(f"runs:/{run.run_id}/model", trusted=True)
    assert loaded.predict(X).tolist() == search.best_estimator_.predict(X).tolist()


# ---- searches of each kind


SEARCHES: dict[str, Callable[[], Any]] = {
    "grid": lambda: GridSearchCV(Stump(), FEW, cv=3),
    "several grids": lambda: GridSearchCV(Stump(), [FEW, {"max_depth": [7], "seconds": [0.0, 0.001]}], cv=2),
    "random": lambda: RandomizedSearchCV(
        LogisticRegression(max_iter=50), {"C": uniform(0.1, 2)}, n_iter=3, cv=2, random_state=0
    ),
    "halving": lambda: HalvingGridSearchCV(Stump(), {"max_depth": [1, 2, 3, 4, 5]}, cv=2, factor=2, random_state=0),
    "random halving": lambda: HalvingRandomSearchCV(
        Stump(), {"max_depth": list(range(9))}, n_candidates=4, cv=2, factor=2, random_state=0
    ),
    "own rounds": lambda: Rounds(Stump(), cv=3),
    "own rounds with results of its own": lambda: Rounds(Stump(), cv=2),
    "grid and more": lambda: Further(Stump(), FEW, cv=2),
    "estimators as params": lambda: GridSearchCV(
        make_pipeline(StandardScaler(), Stump()),
        {"standardscaler": [StandardScaler(), MinMaxScaler(), "passthrough"], "stump__max_depth": [1]},
        cv=2,
    ),
    "texts and numpy's numbers": lambda: GridSearchCV(
        LogisticRegression(max_iter=20), {"C": np.array([0.5, 1.0]), "class_weight": ["balanced", None, {0: 0.5}]}, cv=2
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_candidate_of_every_search_is_a_child_equal_to_the_results(name: str) -> None:
    """Params, each split's scores and times, means, deviations and ranks; the best one; and a model that predicts."""
    search = SEARCHES[name]().fit(X, Y)
    assert_whole(only(), search)


def test_a_round_that_fails_and_is_caught_keeps_its_numbers_and_its_error() -> None:
    """Its candidate is there, failed; those of the rounds after it are numbered on, and none takes another's place."""
    Rounds(Stump(), cv=3).fit(X, Y)
    children = by_number(only())
    assert [child.status for child in children] == ["FINISHED", "FINISHED", "FAILED", "FINISHED", "FINISHED"]
    assert [child.params.get("max_depth") for child in children] == [1, 2, None, 3, 4]
    assert children[2].params == {"no_such_param": 1}
    assert "no_such_param" in children[2].error["message"]
    assert "rank_test_score" not in children[2].metrics


@pytest.mark.parametrize(("jobs", "most"), [(1, None), (2, None), (1, 9)])
def test_a_search_that_searches_twice_keeps_the_candidates_of_both(jobs: int, most: int | None) -> None:
    """The second one's are numbered on from the first one's; none takes another's place, and no split is missing."""
    autolog.enable("sklearn", max_tuning_runs=most)
    search = CoarseToFine(Stump(), FEW, cv=2, n_jobs=jobs).fit(X, Y)
    run = only()
    children = by_number(run)
    fine = search.cv_results_["params"]
    assert [child.params for child in children] == [{"max_depth": 1}, {"max_depth": 2}, {"max_depth": 3}, *fine]
    both = [(results, row) for results in (search.coarse_, search.cv_results_) for row in range(len(results["params"]))]
    for child, (results, row) in zip(children, both, strict=True):
        assert (child.status, child.earlier_params) == ("FINISHED", {})
        assert values(child, "split_test_score") == [results[f"split{split}_test_score"][row] for split in (0, 1)]
    assert (run.status, run.notes) == ("FINISHED", [])


def test_a_search_that_searches_twice_tells_of_each_what_its_own_search_found() -> None:
    """Means and ranks are those among the candidates that were tried together; the best one is the second search's."""
    search = CoarseToFine(Stump(), FEW, cv=2).fit(X, Y)
    run = only()
    children = by_number(run)
    both = [(results, row) for results in (search.coarse_, search.cv_results_) for row in range(len(results["params"]))]
    for child, (results, row) in zip(children, both, strict=True):
        for name in ("mean_test_score", "rank_test_score"):
            assert child.metrics[name] == results[name][row]
    assert run.tags["best_child_run_id"] == children[3 + search.best_index_].run_id


# ---- candidates that fail


def test_an_error_that_error_score_lets_pass_is_on_its_candidate() -> None:
    """A fit's, with type, message and traceback; the warning to the user is the one without autolog."""
    grid = {"fails": ["", "fit"], "max_depth": [1]}
    search, said = warned(lambda: GridSearchCV(Stump(), grid, cv=2).fit(X, Y))
    run, children = only(), by_number(only())
    assert_equal_to_results(run, search)
    assert [child.status for child in children] == ["FINISHED", "FAILED"]
    assert run.status == "FINISHED"
    error = children[1].error
    assert (error["type"], error["message"]) == ("builtins.LookupError", "LookupError: no fit at depth 1: two lines")
    assert "in fit" in error["traceback"]
    autolog.disable()
    _, bare = warned(lambda: GridSearchCV(Stump(), grid, cv=2).fit(X, Y))
    assert said == bare
    assert "fits failed" in said[0][0]


def warned(call: Callable[[], Any]) -> tuple[Any, list[tuple[str, str, int]]]:
    """Give a call's result, and its warnings with the lines that they blame, those of this file as 0."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = call()
    own = Path(__file__).name
    lines = [(Path(each.filename).name, each.lineno) for each in said]
    return result, [
        (str(each.message), name, 0 if name == own else line) for each, (name, line) in zip(said, lines, strict=True)
    ]


def raising(estimator: Any, X: Any, y: Any) -> float:
    """A scorer of the user's own."""
    if estimator.max_depth == 2:
        raise FloatingPointError("not this one")
    return 1.0


@pytest.mark.parametrize(
    "scoring",
    [raising, "accuracy", ["accuracy", "f1_macro"]],
    ids=["callable", "name", "several"],
)
def test_an_error_of_a_scorer_is_on_its_candidate(scoring: Any) -> None:
    """Where scikit-learn goes on with `error_score`; its warnings are those without autolog, frames and all."""
    grid = {"max_depth": [1, 2]} if scoring is raising else {"fails": ["", "predict"]}
    search = GridSearchCV(Stump(), grid, cv=2, scoring=scoring, refit=False, return_train_score=True)
    _, said = warned(lambda: search.fit(X, Y))
    children = assert_equal_to_results(only(), search)
    assert [child.status for child in children] == ["FINISHED", "FAILED"]
    kind = "FloatingPointError" if scoring is raising else "ZeroDivisionError"
    error = children[1].error
    assert error is not None
    assert error["type"] == f"builtins.{kind}"
    assert error["message"] in (f"{kind}: no prediction", f"{kind}: not this one")
    assert kind in error["traceback"]
    autolog.disable()
    assert said == warned(lambda: search.fit(X, Y))[1]
    assert "Scoring failed" in said[0][0]


def test_what_a_scorer_must_not_return_is_complained_of_in_the_same_words() -> None:
    """The message names the scorer as it is; the run and its first candidate have failed, the others were not tried."""

    def complaint() -> str:
        with pytest.raises(ValueError, match="scoring must return a number") as caught:
            GridSearchCV(Stump(), FEW, cv=2, scoring=nothing).fit(X, Y)
        return str(caught.value)

    ours = complaint()
    run = only()
    autolog.disable()
    assert ours == complaint()
    assert run.status == "FAILED"
    assert [child.status for child in by_number(run)] == ["FAILED"]


def nothing(estimator: Any, X: Any, y: Any) -> str:
    return "nothing"


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_that_is_raised_is_the_users_own(jobs: int) -> None:
    """The candidate that failed says so, those that did not finish were killed, the run failed with the exception."""
    search = GridSearchCV(Stump(), {"max_depth": [1], "fails": ["", "fit", ""]}, cv=2, error_score="raise", n_jobs=jobs)
    with pytest.raises(LookupError, match="no fit at depth 1:\n") as caught:
        search.fit(X, Y)
    assert type(caught.value) is LookupError
    assert not hasattr(search, "cv_results_")
    run = only()
    assert (run.status, run.error["type"]) == ("FAILED", "builtins.LookupError")
    children = by_number(run)
    assert children[0].status == "FINISHED" or jobs == 2
    assert (children[1].status, children[1].error["type"]) == ("FAILED", "builtins.LookupError")
    assert {child.status for child in children[2:]} <= {"KILLED", "FINISHED"}
    assert len(children) == 2 if jobs == 1 else True


def test_an_error_that_cannot_be_assigned_to_is_the_users() -> None:
    """It leaves what tries candidates as itself, and not as what went wrong on its way; the next round is whole."""
    search = Retrying(Stump(), FEW, cv=Once()).fit(X, Y)
    assert type(search.caught_) is Frozen
    assert_equal_to_results(only(), search)


class Once(StratifiedKFold):
    """Splits whose first use fails with an error whose class lets nobody assign to it."""

    def __init__(self) -> None:
        super().__init__(2)
        self.used = 0

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Any]:
        self.used += 1
        if self.used == 1:
            raise Frozen(self.used)
        return super().split(X, y, groups)


class Retrying(GridSearchCV):
    """A search that tries its candidates again where that failed."""

    def _run_search(self, evaluate_candidates: Callable[..., Any], callback_ctx: Any = None) -> None:
        candidates = [{"max_depth": 1}, {"max_depth": 2}]
        try:
            evaluate_candidates(candidates)
        except Exception as error:
            self.caught_ = error
            evaluate_candidates(candidates)


# ---- under every way of running


@contextmanager
def backend(name: str) -> Iterator[None]:
    with joblib.parallel_backend(name, n_jobs=2) if name else warnings.catch_warnings():
        yield


@pytest.mark.parametrize(
    ("name", "jobs", "more"),
    [
        ("", 2, {}),
        ("", -1, {"pre_dispatch": 1}),
        ("", 2, {"pre_dispatch": "all"}),
        ("threading", None, {}),
        ("multiprocessing", None, {}),
        ("loky", None, {}),
    ],
)
def test_a_search_is_whole_under_every_backend(name: str, jobs: int | None, more: dict[str, Any]) -> None:
    """Nothing is missing, nothing twice, and no split was written at the end only."""
    with backend(name):
        search = GridSearchCV(Stump(), FEW, cv=3, n_jobs=jobs, return_train_score=True, **more).fit(X, Y)
    assert_whole(only(), search)


def test_halving_in_processes_numbers_its_rounds_on() -> None:
    """Each iteration's candidates are children of their own, with its resources."""
    search = HalvingGridSearchCV(Stump(), {"max_depth": [1, 2, 3, 4]}, cv=2, factor=2, random_state=0, n_jobs=2).fit(
        X, Y
    )
    run = only()
    assert_whole(run, search)
    assert [child.tags["iter"] for child in by_number(run)] == search.cv_results_["iter"].tolist()


def test_searches_in_threads_keep_their_candidates_apart(store: Path) -> None:
    """Four at once give four complete runs."""
    searches = [
        GridSearchCV(Stump(seconds=0.001), {"max_depth": [n, n + 10]}, cv=2, n_jobs=1 + n % 2) for n in range(4)
    ]
    threads = [threading.Thread(target=search.fit, args=(X, Y)) for search in searches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {run.params["param_grid"]["max_depth"][0]: run for run in tops()}
    for number, search in enumerate(searches):
        assert_whole(found[number], search)


def forked(work: Callable[[], Any]) -> None:
    """Do it in a child that is forked from this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 and newer warn of threads, such as those of BLAS
        child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def test_what_forked_children_train_inside_a_run_are_children_of_it() -> None:
    """Each a run of its own, never the explicit run itself, which only its own process's first fit goes on."""
    with autolog.start_run(run_name="mine") as outer:
        forked(lambda: GridSearchCV(Stump(), FEW, cv=2).fit(X, Y))
        forked(lambda: GridSearchCV(Stump(), {"max_depth": [4, 5]}, cv=2).fit(X, Y))
        forked(lambda: Stump(max_depth=6).fit(X, Y))
        assert autolog.get_run(outer.run_id).params == {}
        Stump(max_depth=7).fit(X, Y)
    run = only()
    assert (run.run_name, run.params["max_depth"], run.earlier_params, run.splits) == ("mine", 7, {}, [])
    first, second, fit = sorted(run.children(), key=lambda each: each.start_time)
    assert [child.params["max_depth"] for child in by_number(first)] == [1, 2, 3]
    assert [child.params["max_depth"] for child in by_number(second)] == [4, 5]
    assert fit.params["max_depth"] == 6
    assert {each.status for each in (first, second, fit, *by_number(first), *by_number(second))} == {"FINISHED"}


def test_a_search_in_a_forked_child_alone_is_whole() -> None:
    """It is a top-level run, written by the child."""
    forked(lambda: GridSearchCV(Stump(), FEW, cv=2).fit(X, Y))
    run = only()
    assert "best_max_depth" in run.params
    assert [each.status for each in by_number(run)] == ["FINISHED"] * 3


# ---- searches within something, and something within searches


def test_a_search_in_a_search_is_below_the_candidate_that_trained_it() -> None:
    """Of each split a run of its own, whose candidates are its own; the same with processes in both."""
    for jobs in (1, 2):
        inner = GridSearchCV(Stump(), {"max_depth": [1, 2]}, cv=2, n_jobs=jobs)
        outer = GridSearchCV(inner, {"estimator__seconds": [0.0, 0.001]}, cv=2, n_jobs=jobs).fit(X, Y)
        run = next(each for each in tops() if each.params["n_jobs"] == jobs)
        assert_equal_to_results(run, outer)
        for candidate in by_number(run):
            searches = candidate.children()
            assert [each.run_name for each in searches] == ["GridSearchCV"] * 2
            for each in searches:
                assert [(child.status, len(values(child, "split_test_score"))) for child in each.children()] == [
                    ("FINISHED", 2)
                ] * 2


def test_a_cross_validated_search_has_a_search_in_each_fold() -> None:
    """The folds' scores are those returned."""
    scores = cross_val_score(GridSearchCV(Stump(), FEW, cv=2), X, Y, cv=3)
    run = only()
    assert values(run, "test_score") == scores.tolist()
    folds = run.children()
    assert sorted(child.metrics["test_score"] for child in folds) == sorted(scores)
    assert [[len(search.children()) for search in fold.children()] for fold in folds] == [[3]] * 3


@pytest.mark.parametrize(
    ("make", "searches"),
    [
        (lambda search: make_pipeline(StandardScaler(), search), 1),
        (lambda search: VotingClassifier([("a", search), ("b", DummyClassifier())]), 1),
        (lambda search: BaggingClassifier(search, n_estimators=2, random_state=0), 2),
        (lambda search: BaggingClassifier(search, n_estimators=2, random_state=0, n_jobs=2), 2),
        (lambda search: MultiOutputClassifier(search), 2),
        (lambda search: StackingClassifier([("a", search)], final_estimator=DummyClassifier(), cv=2), 3),
    ],
    ids=["pipeline", "voting", "bagging", "bagging in processes", "several outputs", "stacking"],
)
def test_a_search_inside_an_estimator_is_a_child_of_its_run(make: Callable[[Any], Any], searches: int) -> None:
    """Each of them with candidates of its own."""
    model = make(GridSearchCV(Stump(), {"max_depth": [1, 2]}, cv=2))
    model.fit(X, np.column_stack([Y, Y]) if isinstance(model, MultiOutputClassifier) else Y)
    run = only()
    assert run.run_name == type(model).__name__
    found = _searches_below(run)
    assert len(found) == searches
    for search in found:
        assert [child.params["max_depth"] for child in by_number(search)] == [1, 2]
        assert {child.status for child in search.children()} == {"FINISHED"}


def _searches_below(run: Run) -> list[Run]:
    children = run.children()
    mine = [child for child in children if child.run_name == "GridSearchCV"]
    return mine + [each for child in children if child not in mine for each in _searches_below(child)]


def test_inside_an_explicit_run_the_first_search_is_that_run() -> None:
    """A second one is a child of it, and what is logged after belongs to the run."""
    with autolog.start_run(run_name="mine") as run:
        first = GridSearchCV(Stump(), FEW, cv=2).fit(X, Y)
        GridSearchCV(Stump(), FEW, cv=2).fit(X, Y)
        autolog.log_metric("after", 1.0)
    found = autolog.get_run(run.run_id)
    second = [child for child in found.children() if child.run_name == "GridSearchCV"]
    assert [len(by_number(each)) for each in second] == [3]
    assert [child.params["max_depth"] for child in by_number(found)] == [1, 2, 3]
    assert found.metrics["best_cv_score"] == first.best_score_
    assert found.metrics["after"] == 1.0


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_paused_search_records_nothing(jobs: int) -> None:
    """Neither itself nor its candidates, in whichever process."""
    with autolog.paused():
        GridSearchCV(Stump(), FEW, cv=2, n_jobs=jobs).fit(X, Y)
    assert autolog.search_runs(output_format="list") == []


def test_a_search_of_a_plugin_that_was_not_asked_for_writes_nothing(store: Path) -> None:
    """Not onto the user's own run either, and not in workers; nor does a subclass that searches twice."""
    autolog.disable()
    autolog.enable("pandas", backend=store)
    with autolog.start_run(run_name="mine"):
        GridSearchCV(Stump(), FEW, cv=2).fit(X, Y)
        GridSearchCV(Stump(), FEW, cv=2, n_jobs=2).fit(X, Y)
        CoarseToFine(Stump(), FEW, cv=2).fit(X, Y)
        cross_val_score(Stump(), X, Y, cv=2)
    (run,) = autolog.search_runs(output_format="list")
    assert (run.run_name, run.status, run.notes) == ("mine", "FINISHED", [])
    assert (run.params, run.metrics, run.tags, run.splits) == ({}, {}, {}, [])
    assert (run.models, run.inputs, list(run.artifacts)) == ([], [], [])


@pytest.mark.parametrize(("most", "jobs"), [(2, 1), (2, 2), (0, 1), (9, 1)])
def test_max_tuning_runs_keeps_the_best_and_loses_no_split(most: int, jobs: int) -> None:
    """The best by rank are children, like any; the splits of all candidates are on the search's own run."""
    autolog.enable("sklearn", max_tuning_runs=most)
    search = GridSearchCV(Stump(), {"max_depth": [5, 1, 3]}, cv=2, n_jobs=jobs).fit(X, Y)
    run = only()
    results = search.cv_results_
    best = sorted(range(3), key=lambda row: results["rank_test_score"][row])[:most]
    assert sorted(child.params["max_depth"] for child in run.children()) == sorted([5, 1, 3][row] for row in best)
    for child in run.children():
        row = [5, 1, 3].index(child.params["max_depth"])
        assert child.status == "FINISHED"
        assert child.metrics["rank_test_score"] == results["rank_test_score"][row]
        assert values(child, "split_test_score") == [results[f"split{split}_test_score"][row] for split in (0, 1)]
    told = {(each["candidate"], each["split"]): each["metrics"]["split_test_score"] for each in run.splits}
    assert told == {(row, split): results[f"split{split}_test_score"][row] for row in range(3) for split in (0, 1)}
    assert [each["params"] for each in run.splits if each["split"] == 0 and each["candidate"] == 1] == [
        {"max_depth": 1}
    ]
    assert run.notes == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_max_tuning_runs_keeps_the_errors_and_times_of_what_it_keeps(jobs: int) -> None:
    """A candidate that failed is FAILED with its error; the search, which has ended well, has none."""
    autolog.enable("sklearn", max_tuning_runs=2)
    grid = {"fails": ["fit", ""], "max_depth": [1]}
    search, _ = warned(lambda: GridSearchCV(Stump(), grid, cv=2, n_jobs=jobs).fit(X, Y))
    run = only()
    failed, finished = by_number(run)
    assert (failed.status, finished.status, finished.error) == ("FAILED", "FINISHED", None)
    assert failed.error["message"].startswith("LookupError: no fit at depth 1")
    assert "in fit" in failed.error["traceback"]
    for row, child in enumerate((failed, finished)):
        for name in ("fit_time", "score_time"):
            times = values(child, f"split_{name}")
            assert len(times) == 2
            assert np.mean(times) == pytest.approx(search.cv_results_[f"mean_{name}"][row])
    assert (run.status, run.error, run.notes) == ("FINISHED", None, [])


# ---- what the search's own run says


def test_several_metrics_and_the_choice_among_them() -> None:
    """By name, by a function, and none; scorers' dicts; train scores: all that `cv_results_` has is on the children."""
    both = {"acc": "accuracy", "f1": make_scorer(f1_score, average="macro")}

    def last(results: dict[str, Any]) -> int:
        return len(results["params"]) - 1

    def scores(estimator: Any, X: Any, y: Any) -> dict[str, float]:
        return {"acc": accuracy_score(y, estimator.predict(X)), "f1": 0.5}

    for scoring, refit in ((both, "f1"), (both, last), (scores, "acc"), ("accuracy", last), (both, False)):
        search = GridSearchCV(Stump(), FEW, cv=2, scoring=scoring, refit=refit, return_train_score=True).fit(X, Y)
        run = tops()[0]
        children = assert_equal_to_results(run, search)
        if refit is False:
            assert "best_child_run_id" not in run.tags
            assert run.models == []
            assert [note.partition(":")[0] for note in run.notes] == ["no model", "no best candidate"]
        else:
            assert run.tags["best_child_run_id"] == children[search.best_index_].run_id
            assert run.metrics.get("best_cv_score") == vars(search).get("best_score_")
            assert run.notes == []


def test_the_table_of_results_is_whole() -> None:
    """`cv_results.json` has every column of `cv_results_`, in its order, with its values."""
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Stump()),
        {"standardscaler": [StandardScaler(), None], "stump__max_depth": [1, 2]},
        cv=2,
    ).fit(X, Y)
    table = json.loads(only().artifact_path("cv_results.json").read_text("ascii"))
    results = search.cv_results_
    assert table["columns"] == list(results)
    columns = dict(zip(results, zip(*table["data"], strict=True), strict=True))
    for name, found in columns.items():
        if name.startswith(("split", "mean_", "std_", "rank_")):
            assert list(found) == results[name].tolist()
    assert columns["param_standardscaler"] == ("StandardScaler", "StandardScaler", None, None)
    assert [each["stump__max_depth"] for each in columns["params"]] == [1, 2, 1, 2]


def fetched(X: Any, password: str) -> Any:
    """Give the data back."""
    return X


def test_the_table_of_results_has_no_secrets(store: Path) -> None:
    """`cv_results.json` has neither a secret among the params nor one that `exclude_params` names."""
    autolog.enable(backend=store, exclude_params=["*max_depth"])
    steps = FunctionTransformer(fetched, kw_args={"password": "hunter2"})
    grid = {"functiontransformer__kw_args": [{"password": "hunter3"}], "stump__max_depth": [1, 2]}
    GridSearchCV(make_pipeline(steps, Stump()), grid, cv=2).fit(X, Y)
    text = only().artifact_path("cv_results.json").read_text("ascii")
    assert "hunter" not in text and "max_depth" not in text and "[redacted]" in text


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_the_file_hides_is_hidden_in_every_candidate(
    jobs: int, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is tried, and in what is told of the best one, whose `best_` params go by the bare name."""
    (tmp_path / "pyproject.toml").write_text("[tool.autolog]\nredact = ['fail*']\nexclude_params = ['max_depth']\n")
    (tmp_path / "elsewhere").mkdir()
    autolog.enable(backend=store)
    monkeypatch.chdir(tmp_path / "elsewhere")
    GridSearchCV(Stump(), {"fails": ["hunter2"], "max_depth": [41], "seconds": [0.0]}, cv=2, n_jobs=jobs).fit(X, Y)
    run = only()
    (child,) = by_number(run)
    assert child.params == {"fails": "[redacted]", "seconds": 0.0}
    best = {name: value for name, value in run.params.items() if name.startswith("best_")}
    assert best == {"best_fails": "[redacted]", "best_seconds": 0.0}
    assert not [path for path in store.rglob("*.json*") if b"hunter2" in path.read_bytes()]


@pytest.mark.parametrize("jobs", [1, 2])
def test_weights_and_groups_reach_the_search_as_without_autolog(jobs: int) -> None:
    """What is passed on to each fit arrives there, and the results are those without autolog, bit for bit."""
    weight = np.linspace(0, 1, len(Y))

    def results() -> Any:
        search = GridSearchCV(
            LogisticRegression(max_iter=200), {"C": [0.1, 1.0]}, cv=KFold(2, shuffle=True, random_state=3)
        )
        search.set_params(n_jobs=jobs)
        return search.fit(X, Y, sample_weight=weight)

    ours = results()
    assert_whole(only(), ours)
    autolog.disable()
    theirs = results()
    for name in ours.cv_results_:
        if "time" not in name:
            np.testing.assert_array_equal(ours.cv_results_[name], theirs.cv_results_[name])
    assert ours.best_estimator_.coef_.tolist() == theirs.best_estimator_.coef_.tolist()


# ---- nothing is left behind


def test_nothing_is_left_behind(capfd: pytest.CaptureFixture[str]) -> None:
    """The fitted search pickles to the same bytes, the random states stand where they stood, and so does the output."""
    import random

    def search() -> tuple[Any, ...]:
        random.seed(1)
        np.random.seed(1)
        found = GridSearchCV(Stump(), FEW, cv=KFold(2, shuffle=True), verbose=2, scoring="accuracy").fit(X, Y)
        for name in [name for name in found.cv_results_ if "time" in name]:
            found.cv_results_[name][:] = 0
        found.refit_time_ = 0.0
        said = capfd.readouterr().out.partition("total time")[0]
        return pickle.dumps(found), random.getstate(), np.random.get_state()[1].tolist(), said, sorted(vars(found))

    before = set(threading.enumerate())
    given = Stump()
    as_it_was = copy.deepcopy(vars(given))
    ours = search()
    GridSearchCV(given, FEW, cv=2).fit(X, Y)
    assert vars(given) == as_it_was
    autolog.disable()
    theirs = search()
    assert ours == theirs
    begun = {thread.name for thread in threading.enumerate() if thread not in before}
    assert begun <= {"autolog-afterwards", "autolog-environment", "autolog-writer"}

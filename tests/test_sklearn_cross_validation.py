"""Cross-validation and its curves: a parent with a child a fold, point or permutation; scores as they are returned."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.feature_selection import RFECV
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import (
    KFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import autolog
from autolog.store.run import Run

X, Y = load_iris(return_X_y=True)
X, Y = X[::2], Y[::2]
JOBS = pytest.mark.parametrize("jobs", [1, 2])


@pytest.fixture(autouse=True)
def recording(store: Path) -> None:
    autolog.enable(backend=store, silent=True)


def only() -> Run:
    (run,) = [run for run in autolog.search_runs(output_format="list") if run.parent_run_id is None]
    assert run.status == "FINISHED"
    return run


def children(run: Run) -> list[Run]:
    """Give the children by number; all have finished."""
    found = run.children()
    assert {child.status for child in found} == {"FINISHED"}
    return sorted(found, key=lambda child: [int(digits) for digits in _numbers(str(child.run_name))])


def _numbers(name: str) -> list[str]:
    return "".join(each if each.isdigit() else " " for each in name).split() or ["0"]


def values(run: Run, name: str) -> list[float]:
    return [value for _, value, _ in run.history(name)]


@JOBS
def test_cross_validate_has_a_child_a_fold_with_the_scores_returned(jobs: int) -> None:
    """Several metrics, train scores and times: series of the parent with their means, and each fold's on its child."""
    given = {"cv": 3, "scoring": ["accuracy", "f1_macro"], "return_train_score": True, "n_jobs": jobs}
    found = cross_validate(GaussianNB(), X, Y, return_estimator=True, return_indices=True, **given)
    run = only()
    assert {name: run.params[name] for name in given} == given
    assert run.params["estimator__var_smoothing"] == 1e-9
    assert run.inputs[0]["name"] == "X"
    names = [name for name in found if name not in ("estimator", "indices")]
    assert len(names) == 6
    for name in names:
        assert values(run, name) == found[name].tolist()
        assert run.metrics[f"mean_{name}"] == np.mean(found[name])
        assert run.metrics[f"std_{name}"] == np.std(found[name])
        assert [child.metrics[name] for child in children(run)] == found[name].tolist()
    assert run.notes == []


@JOBS
def test_cross_val_score_is_exactly_what_it_returns(jobs: int) -> None:
    """On the parent and on its folds; it is one run, not that of `cross_validate` inside it."""
    scores = cross_val_score(GaussianNB(), X, Y, cv=4, n_jobs=jobs)
    run = only()
    assert run.run_name == "cross_val_score"
    assert values(run, "test_score") == scores.tolist()
    assert run.metrics["mean_test_score"] == scores.mean()
    assert [child.metrics["test_score"] for child in children(run)] == scores.tolist()


@JOBS
def test_metrics_of_cross_validated_predictions_join_their_run(jobs: int) -> None:
    """Those computed from the very array, by class or by probability, are linked; its folds are children."""
    predicted = cross_val_predict(GaussianNB(), X, Y, cv=3, n_jobs=jobs)
    first = only()
    cross_val_score(GaussianNB(), X, Y, cv=2)
    accuracy = accuracy_score(Y, predicted)
    first = autolog.get_run(first.run_id)
    assert first.metrics == {"accuracy_score_X": accuracy}
    assert [child.run_name for child in children(first)] == ["fold 0", "fold 1", "fold 2"]
    probabilities = cross_val_predict(GaussianNB(), X, Y, cv=3, n_jobs=jobs, method="predict_proba")
    loss = log_loss(Y, probabilities)
    assert autolog.get_run(autolog.last_run().run_id).metrics == {"log_loss_X": loss}


@JOBS
@pytest.mark.parametrize("sizes", [[0.5, 1.0], [20, 20, 40, 10]])
@pytest.mark.parametrize("increments", [False, True])
@pytest.mark.filterwarnings("ignore:Removed duplicate entries:RuntimeWarning")
def test_a_learning_curve_has_a_child_a_size(jobs: int, sizes: list[Any], increments: bool) -> None:
    """Each with every fold's scores; the parent's series are over the sizes. Sizes given twice are one."""
    found = learning_curve(
        SGDClassifier(random_state=0, max_iter=5, tol=None) if increments else GaussianNB(),
        X,
        Y,
        train_sizes=sizes,
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
        n_jobs=jobs,
        exploit_incremental_learning=increments,
        return_times=True,
    )
    run = only()
    assert run.notes == []
    assert [step for step, _, _ in run.history("mean_test_score")] == found[0].tolist()
    points = {child.params["train_size"]: child for child in children(run)}
    assert sorted(points) == found[0].tolist()
    for name, scores in zip(("train_score", "test_score", "fit_time", "score_time"), found[1:], strict=True):
        assert values(run, f"mean_{name}") == scores.mean(axis=1).tolist()
        assert values(run, f"std_{name}") == scores.std(axis=1).tolist()
        for size, row in zip(found[0].tolist(), scores, strict=True):
            assert values(points[size], f"split_{name}") == row.tolist()
            assert points[size].metrics[f"mean_{name}"] == row.mean()


@JOBS
@pytest.mark.parametrize(
    ("name", "given", "names"),
    [
        ("logisticregression__C", np.logspace(-2, 0, 3), [0.01, 0.1, 1.0]),
        ("standardscaler", [StandardScaler(), None, MinMaxScaler()], ["StandardScaler", None, "MinMaxScaler"]),
        ("logisticregression__class_weight", ["balanced", None], ["balanced", None]),
    ],
    ids=["numbers", "estimators", "texts"],
)
def test_a_validation_curve_has_a_child_a_value(jobs: int, name: str, given: Any, names: list[Any]) -> None:
    """Its param is the value, typed; each has every fold's scores, means and deviations as computed from them."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    train, test = validation_curve(model, X, Y, param_name=name, param_range=given, cv=2, n_jobs=jobs)
    run = only()
    assert run.notes == []
    points = run.children()
    assert len(points) == len(names)
    by_value = {child.params[name]: child for child in points}
    for row, value in enumerate(names):
        child = by_value[value]
        assert type(child.params[name]) is type(value)
        assert values(child, "split_test_score") == test[row].tolist()
        assert values(child, "split_train_score") == train[row].tolist()
        assert (child.metrics["mean_test_score"], child.metrics["std_test_score"]) == (
            test[row].mean(),
            test[row].std(),
        )
    assert values(run, "mean_train_score") == train.mean(axis=1).tolist()


@JOBS
def test_a_permutation_test_has_a_child_a_permutation(jobs: int) -> None:
    """Score and p-value are the parent's; it draws no number more than without autolog."""
    score, scores, pvalue = permutation_test_score(
        GaussianNB(), X, Y, cv=2, n_permutations=5, n_jobs=jobs, random_state=np.random.RandomState(3)
    )
    run = only()
    assert (run.metrics["score"], run.metrics["pvalue"]) == (score, pvalue)
    assert values(run, "permutation_score") == scores.tolist()
    assert [child.metrics["permutation_score"] for child in children(run)] == scores.tolist()
    autolog.disable()
    bare = permutation_test_score(GaussianNB(), X, Y, cv=2, n_permutations=5, random_state=np.random.RandomState(3))
    assert bare[1].tolist() == scores.tolist()


def test_the_folds_of_another_library_and_of_indices_are_described_not_copied() -> None:
    """A splitter's params are the run's; splits given as indices are counted, and taken from a generator but once."""
    splits = list(KFold(3).split(X))
    scores = cross_val_score(GaussianNB(), X, Y, cv=KFold(3))
    for cv in (splits, iter(splits), (pair for pair in splits), [(list(a), list(b)) for a, b in splits]):
        assert cross_val_score(GaussianNB(), X, Y, cv=cv).tolist() == scores.tolist()
    runs = autolog.search_runs(output_format="list", order_by=["start_time ASC"])
    runs = [run for run in runs if run.parent_run_id is None]
    assert [len(run.children()) for run in runs] == [3] * 5
    shown = [str(run.params["cv"]) for run in runs]
    assert shown[1] == shown[4] == "3 splits, given by their rows"
    assert [text for text in shown if len(text) > 200] == []


class Moody(ClassifierMixin, BaseEstimator):
    """A classifier that does not train on data that begins with the first row."""

    def fit(self, X: Any, y: Any) -> Moody:
        if X[0, 0] == 5.1:
            raise LookupError("not from there")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X), dtype=int)


@JOBS
def test_a_fold_that_fails_says_so_and_the_others_have_their_scores(jobs: int) -> None:
    """With `error_score=nan` the run goes on, its mean is as numpy has it; the warning is the one without autolog."""

    def validate() -> tuple[Any, list[str]]:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            return cross_validate(Moody(), X, Y, cv=KFold(3), n_jobs=jobs), [str(each.message) for each in said]

    found, said = validate()
    run = only()
    folds = sorted(run.children(), key=lambda child: str(child.run_name))
    assert [child.status for child in folds] == ["FINISHED", "FAILED", "FAILED"]
    assert folds[1].error["type"] == "builtins.LookupError"
    np.testing.assert_array_equal(values(run, "test_score"), found["test_score"])
    assert np.isnan(run.metrics["mean_test_score"])
    autolog.disable()
    assert said == validate()[1]


@pytest.mark.parametrize("call", [cross_validate, cross_val_score, cross_val_predict])
def test_an_error_that_is_raised_ends_the_run_with_it(call: Callable[..., Any]) -> None:
    """The fold that failed says so too."""
    given = {} if call is cross_val_predict else {"error_score": "raise"}
    with pytest.raises(LookupError, match="not from there"):
        call(Moody(), X, Y, cv=KFold(3), **given)
    (run,) = [run for run in autolog.search_runs(output_format="list") if run.parent_run_id is None]
    assert (run.status, run.error["type"]) == ("FAILED", "builtins.LookupError")
    assert [child.status for child in sorted(run.children(), key=lambda child: str(child.run_name))] == [
        "FINISHED",
        "FAILED",
    ]


def test_feature_elimination_is_a_fit_with_what_it_found() -> None:
    """`RFECV` is one run, whose scores are those of its `cv_results_`."""
    selector = RFECV(LogisticRegression(max_iter=200), cv=2).fit(X, Y)
    run = only()
    assert run.run_name == "RFECV"
    assert selector.cv_results_["mean_test_score"].tolist() in [values(run, name) for name in run.metrics]

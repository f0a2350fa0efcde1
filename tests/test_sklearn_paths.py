"""What the `…CV` estimators keep of their folds: a child run a fold, whose series are the very numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autolog
from autolog.testing import only_top_run

pytest.importorskip("sklearn")
from sklearn.base import BaseEstimator
from sklearn.covariance import GraphicalLassoCV
from sklearn.datasets import load_diabetes, load_iris
from sklearn.feature_selection import RFECV, SelectKBest
from sklearn.linear_model import ElasticNetCV, LarsCV, LassoCV, LogisticRegression, LogisticRegressionCV, Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)

pytestmark = [
    pytest.mark.usefixtures("recording"),
    pytest.mark.filterwarnings(
        "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::FutureWarning", "ignore::RuntimeWarning"
    ),
]


def values(run: autolog.Run, key: str) -> list[float]:
    """The values of a metric, in the order of their steps, which count from 0."""
    points = run.history(key)
    assert [step for step, _, _ in points] == list(range(len(points)))
    return [value for _, value, _ in points]


def folds(run: autolog.Run, key: str) -> Any:
    """What the child runs have, in the order of the folds; they are finished."""
    children = sorted(run.children(), key=lambda child: child.run_name)
    assert [(child.run_name, child.status) for child in children] == [
        (f"fold {number}", "FINISHED") for number in range(len(children))
    ]
    return np.array([values(child, key) for child in children])


def equal(found: Any, expected: Any) -> bool:
    """Bit for bit."""
    return np.array_equal(np.asarray(found), np.asarray(expected, dtype=float))


@pytest.mark.parametrize(
    ("model", "alphas"),
    [
        (LassoCV(cv=3), "alphas_"),
        (make_pipeline(StandardScaler(), LassoCV(cv=3)), "alphas_"),
        (LarsCV(cv=3), "cv_alphas_"),
    ],
)
def test_errors_along_alphas_are_a_series_a_fold(model: BaseEstimator, alphas: str) -> None:
    """With the alphas themselves and the mean on the parent, and the alpha chosen."""
    last = make_pipeline(model.fit(*DIABETES))[-1]
    last = last[-1] if hasattr(last, "steps") else last
    run = only_top_run()
    assert equal(folds(run, "mse"), last.mse_path_.T)
    assert equal(values(run, "path_alpha"), getattr(last, alphas))
    assert equal(values(run, "mean_mse"), last.mse_path_.T.mean(axis=0))
    assert run.metrics["alpha"] == last.alpha_


def test_ratios_are_part_of_the_path() -> None:
    """Of an elastic net each point has an alpha and a ratio; the child of a fold has all points."""
    model = ElasticNetCV(l1_ratio=[0.2, 0.9], cv=3).fit(*DIABETES)
    run = only_top_run()
    assert equal(folds(run, "mse"), model.mse_path_.reshape(-1, 3).T)
    assert equal(values(run, "path_alpha"), model.alphas_.ravel())
    ratios = values(run, "path_l1_ratio")
    best = int(np.argmin(values(run, "mean_mse")))
    assert (values(run, "path_alpha")[best], ratios[best]) == (model.alpha_, model.l1_ratio_)


@pytest.mark.parametrize("legacy", [True, False])
def test_scores_along_the_cs_are_a_series_a_fold(legacy: bool) -> None:
    """In the shape of either version; scores that are the same for all classes are told once."""
    given = {"use_legacy_attributes": legacy} if "use_legacy_attributes" in LogisticRegressionCV().get_params() else {}
    model = LogisticRegressionCV(Cs=[0.1, 1.0, 10.0], cv=3, **given).fit(*IRIS)
    run = only_top_run()
    scores = model.scores_ if isinstance(model.scores_, np.ndarray) else model.scores_[0]
    assert equal(folds(run, "score"), scores.reshape(3, 3))
    assert equal(values(run, "path_C"), model.Cs_)


def test_features_left_and_alphas_of_a_covariance_have_scores() -> None:
    """A `cv_results_` with an array a split is read by its names."""
    model = RFECV(Ridge(), cv=3).fit(*DIABETES)
    run = only_top_run()
    assert equal(folds(run, "test_score"), [model.cv_results_[f"split{split}_test_score"] for split in range(3)])
    assert equal(values(run, "mean_test_score"), model.cv_results_["mean_test_score"])
    if "n_features" in model.cv_results_:
        assert equal(values(run, "path_n_features"), model.cv_results_["n_features"])


def test_a_sparse_covariance_is_told_by_fold() -> None:
    """Each fold has its log-likelihoods along the alphas."""
    model = GraphicalLassoCV(cv=3, alphas=3, n_refinements=2).fit(IRIS[0])
    run = only_top_run()
    assert equal(folds(run, "test_score"), [model.cv_results_[f"split{split}_test_score"] for split in range(3)])
    assert equal(values(run, "path_alpha"), model.cv_results_["alphas"])


def test_what_has_no_folds_has_its_mean_on_the_run() -> None:
    """Errors of left-out rows, and the curve of a threshold, are no runs."""
    stored = "store_cv_results" if "store_cv_results" in RidgeCV().get_params() else "store_cv_values"
    model = RidgeCV([0.1, 1.0], **{stored: True}).fit(*DIABETES)
    run = only_top_run()
    kept = getattr(model, stored.removeprefix("store_") + "_")
    assert equal(values(run, "mean_mse"), kept.mean(axis=0))
    assert equal(values(run, "path_alpha"), [0.1, 1.0])
    assert (run.children(), run.metrics["best_score"]) == ([], model.best_score_)


def test_the_curve_of_a_threshold_is_on_the_run() -> None:
    """The scores at each threshold, and the best of them."""
    selection = pytest.importorskip("sklearn.model_selection")
    if not hasattr(selection, "TunedThresholdClassifierCV"):
        pytest.skip("this version has none")
    model = selection.TunedThresholdClassifierCV(LogisticRegression(), store_cv_results=True, cv=2, thresholds=5)
    model.fit(IRIS[0][:100], IRIS[1][:100])
    run = only_top_run()
    assert equal(values(run, "mean_score"), model.cv_results_["scores"])
    assert equal(values(run, "path_threshold"), model.cv_results_["thresholds"])
    assert (run.metrics["best_threshold"], run.metrics["best_score"]) == (model.best_threshold_, model.best_score_)


def test_a_search_over_such_an_estimator_has_its_candidates_only() -> None:
    """The folds of the best estimator are no children of the search; scores of features are no path."""
    GridSearchCV(make_pipeline(SelectKBest(k=3), LassoCV(cv=2)), {"lassocv__eps": [0.01]}, cv=2).fit(*DIABETES)
    assert [child.run_name for child in only_top_run().children()] == ["candidate 0"]


def test_the_path_of_a_single_split_is_that_of_one_fold() -> None:
    """Its errors have no axis for the fold; the one child has a value an alpha."""
    model = LassoCV(cv=ShuffleSplit(1, random_state=0)).fit(*DIABETES)
    run = only_top_run()
    assert equal(folds(run, "mse"), [model.mse_path_.ravel()])
    assert equal(values(run, "path_alpha"), model.alphas_)
    assert equal(values(run, "mean_mse"), model.mse_path_.ravel())


@pytest.mark.parametrize("cv", [3, ShuffleSplit(1, random_state=0)])
def test_alphas_that_are_given_are_the_path_of_each_ratio(cv: Any) -> None:
    """Four alphas and three ratios are twelve points, each with its own alpha, ratio and errors."""
    alphas, ratios = [1.0, 0.1, 0.01, 0.001], [0.1, 0.5, 0.9]
    model = ElasticNetCV(alphas=alphas, l1_ratio=ratios, cv=cv).fit(*DIABETES)
    run = only_top_run()
    errors = model.mse_path_.reshape(3, 4, -1)
    found = zip(values(run, "path_l1_ratio"), values(run, "path_alpha"), folds(run, "mse").T.tolist(), strict=True)
    assert [(ratio, alpha, each) for ratio, alpha, each in found] == [
        (ratio, alpha, errors[row, column].tolist())
        for row, ratio in enumerate(ratios)
        for column, alpha in enumerate(alphas)
    ]

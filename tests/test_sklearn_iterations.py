"""What an estimator keeps of its iterations, and what it has found, are metrics of its run: the very numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from autolog.testing import series, top_runs

pytest.importorskip("sklearn")
from sklearn.base import BaseEstimator
from sklearn.cluster import DBSCAN, BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.covariance import GraphicalLasso
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import RFE
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import BayesianRidge, Lasso, LogisticRegression, Ridge, SGDClassifier
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from autolog_sklearn import findings, iterations

IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)

pytestmark = [
    pytest.mark.usefixtures("recording"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def counted(values: Any) -> list[tuple[int, float]]:
    """The values with steps from 0."""
    return list(enumerate(np.asarray(values, dtype=float).tolist()))


# ---- per iteration


SERIES = [
    (
        MLPClassifier((4,), max_iter=7, early_stopping=True),
        {"loss": "loss_curve_", "validation_score": "validation_scores_"},
    ),
    (
        GradientBoostingRegressor(n_estimators=6, subsample=0.5),
        {"train_score": "train_score_", "oob_improvement": "oob_improvement_", "oob_score": "oob_scores_"},
    ),
    (
        HistGradientBoostingClassifier(max_iter=5, early_stopping=True),
        {"train_score": "train_score_", "validation_score": "validation_score_"},
    ),
    (
        AdaBoostClassifier(n_estimators=4),
        {"estimator_error": "estimator_errors_", "estimator_weight": "estimator_weights_"},
    ),
    (FactorAnalysis(2, max_iter=9), {"loglike": "loglike_"}),
    (BayesianRidge(compute_score=True), {"log_marginal_likelihood": "scores_"}),
]


@pytest.mark.parametrize(("model", "names"), SERIES, ids=lambda value: type(value).__name__)
def test_each_iteration_is_a_point_of_a_series(model: BaseEstimator, names: dict[str, str]) -> None:
    """The values are those of the attribute bit for bit, the steps count from 0."""
    model.set_params(random_state=0) if "random_state" in model.get_params() else None
    model.fit(*IRIS)
    (run,) = top_runs()
    for metric, attribute in names.items():
        assert len(getattr(model, attribute)) > 1
        assert series(run, metric) == counted(getattr(model, attribute))


def test_objective_and_gap_of_a_graphical_lasso_are_two_series() -> None:
    """What is kept as pairs is logged as two metrics."""
    model = GraphicalLasso(alpha=0.05).fit(IRIS[0])
    (run,) = top_runs()
    assert series(run, "cost") == counted([cost for cost, _ in model.costs_])
    assert series(run, "dual_gap") == counted([gap for _, gap in model.costs_])


def test_boosting_that_stops_early_has_no_points_that_never_were() -> None:
    """AdaBoost allocates its arrays for all rounds; only those of the rounds made are logged."""
    x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    model = AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), n_estimators=5).fit(x, y)
    assert (len(model.estimators_), len(model.estimator_errors_)) == (1, 5)
    assert series(top_runs()[0], "estimator_error") == [(0, 0.0)]


def test_a_lower_bound_is_a_series_where_the_version_keeps_one() -> None:
    """It ends with the number that older versions keep alone; the mixture says whether it has converged."""
    model = GaussianMixture(3, random_state=0, n_init=2).fit(IRIS[0])
    (run,) = top_runs()
    kept = getattr(model, "lower_bounds_", [model.lower_bound_])
    assert series(run, "lower_bound") == counted(kept)
    assert (run.metrics["n_iter"], run.params["converged_"]) == (model.n_iter_, True)


def test_a_very_long_series_is_bounded_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Points at equal distances are kept at their own steps, and the last; a note counts the rest."""
    monkeypatch.setattr(iterations, "_MOST", 10)
    model = MLPClassifier((2,), max_iter=35, random_state=0, n_iter_no_change=99).fit(*IRIS)
    (run,) = top_runs()
    points = series(run, "loss")
    assert points == [counted(model.loss_curve_)[step] for step in (*range(0, 35, 4), 34)]
    assert any("25 of the points of 'loss'" in note for note in run.notes)


def test_a_search_and_a_pipeline_tell_of_the_model_inside() -> None:
    """The best estimator's series are the search's; of a pipeline the last step's, others under the step's name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        pipeline = make_pipeline(StandardScaler(), PCA(2), MLPClassifier((3,), max_iter=5, random_state=0))
        search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0.1]}, cv=2).fit(*IRIS)
    (run,) = top_runs()
    best = search.best_estimator_
    assert series(run, "loss") == counted(best[-1].loss_curve_)
    assert run.metrics["pca__explained_variance_ratio_sum"] == best[1].explained_variance_ratio_.sum()
    assert "n_components" not in run.metrics


def test_a_warm_start_goes_on_from_the_earlier_run() -> None:
    """The run names the earlier one and has the new points only, at their true steps; a cold fit has neither."""
    warm = MLPClassifier((3,), max_iter=4, warm_start=True, random_state=0)
    for _ in range(2):
        warm.fit(*IRIS)
    pipeline = make_pipeline(GradientBoostingRegressor(n_estimators=2, warm_start=True, random_state=0)).fit(*DIABETES)
    pipeline.set_params(gradientboostingregressor__n_estimators=5).fit(*DIABETES)
    cold = MLPClassifier((3,), max_iter=4, random_state=0).fit(*IRIS)
    cold.fit(*IRIS)
    first, second, boosted, more, _, again = top_runs()
    assert second.tags["continued_from"] == first.run_id
    assert series(first, "loss") + series(second, "loss") == counted(warm.loss_curve_)
    assert series(second, "loss")[0][0] == 4
    assert more.tags["continued_from"] == boosted.run_id
    assert [step for step, _ in series(more, "train_score")] == [2, 3, 4]
    assert "continued_from" not in {**first.tags, **again.tags}
    assert series(again, "loss") == counted(cold.loss_curve_)


# ---- what was found


def test_numbers_of_classes_and_targets_are_named_by_them() -> None:
    """By the class, the pair of classes, or the target's number; of very many, the largest."""
    names = load_iris().target_names[IRIS[1]]
    svc = SVC().fit(IRIS[0], names)
    lasso = Lasso().fit(DIABETES[0], np.column_stack([DIABETES[1], DIABETES[1] * 2]))
    many = Lasso().fit(DIABETES[0], np.column_stack([DIABETES[1] * factor for factor in range(1, 31)]))
    first, second, third = top_runs()
    pairs = {"setosa_versicolor": 0, "setosa_virginica": 1, "versicolor_virginica": 2}
    assert {f"n_iter_{pair}": svc.n_iter_[place] for pair, place in pairs.items()}.items() <= first.metrics.items()
    assert first.metrics["n_support_vectors"] == svc.n_support_.sum()
    assert [second.metrics[f"n_iter_{target}"] for target in (0, 1)] == list(lasso.n_iter_)
    assert third.metrics["n_iter_max"] == max(many.n_iter_)


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (LogisticRegression(max_iter=20), {"n_iter": 20.0}),
        (LinearSVC(max_iter=3, dual=True, random_state=0), {"n_iter": 3.0}),
        (RandomForestClassifier(30, oob_score=True, random_state=0), {"oob_score": None}),
        (KMeans(3, n_init=1, random_state=0), {"inertia": None, "n_iter": None, "n_clusters": 3.0}),
        (MiniBatchKMeans(3, n_init=1, random_state=0), {"inertia": None, "n_iter": None, "n_steps": None}),
        (BisectingKMeans(3, random_state=0), {"inertia": None, "n_clusters": 3.0}),
        (DBSCAN(), {"n_clusters": 2.0, "n_noise": 17.0}),
        (IsolationForest(n_estimators=5, random_state=0), {"offset": -0.5}),
        (PCA(2), {"n_components": 2.0, "noise_variance": None}),
        (DecisionTreeClassifier(max_depth=2), {"depth": 2.0, "n_leaves": 3.0}),
        (RFE(Ridge(), n_features_to_select=2), {"n_features": 2.0}),
        (GaussianProcessRegressor(optimizer=None, alpha=0.1), {"log_marginal_likelihood_value": None}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_an_estimator_has_found_is_a_metric(model: BaseEstimator, found: dict[str, float | None]) -> None:
    """The number that the attribute of that name holds, or what is counted; and no further metric but of training."""
    model.fit(*IRIS)
    (run,) = top_runs()
    metrics = {name: value for name, value in run.metrics.items() if not name.startswith("training_")}
    expected = {name: getattr(model, f"{name}_") if value is None else value for name, value in found.items()}
    assert expected.items() <= metrics.items()
    assert metrics.keys() - expected.keys() <= {"n_iter", "n_clusters", "max_samples", "explained_variance_ratio_sum"}


def test_what_is_no_number_is_a_param_by_the_attributes_name() -> None:
    """It stands beside the param that the user chose."""
    IsotonicRegression(increasing="auto").fit(np.arange(9.0), -np.arange(9.0))
    (run,) = top_runs()
    assert (run.params["increasing"], run.params["increasing_"]) == ("auto", False)


def test_outliers_are_counted_where_they_were_told_anyway() -> None:
    """`fit_predict` gives the share flagged; a plain fit predicts nothing for it."""
    model = IsolationForest(n_estimators=10, random_state=0)
    flagged = make_pipeline(StandardScaler(), model).fit_predict(IRIS[0])
    model.fit(IRIS[0])
    asked, fitted = top_runs()
    assert asked.metrics["outlier_fraction"] == np.mean(flagged == -1)
    assert "outlier_fraction" not in fitted.metrics


class Odd(MLPClassifier):
    """A user's class that keeps things of its own under known names."""

    asked = 0

    @property
    def n_features(self) -> int:
        type(self).asked += 1
        return 1

    def fit(self, X: Any, y: Any) -> Odd:
        super().fit(X, y)
        self.loss_curve_ = ["a", object()]
        return self


@pytest.mark.autolog_swallows  # objects on the model are pickled, and of these classes not all can be
def test_nothing_of_a_users_class_is_read_or_run() -> None:
    """Its attributes may mean anything; the run has none of them, and its properties are not asked."""
    Odd((2,), max_iter=2).fit(*IRIS)
    (run,) = top_runs()
    assert not {"loss", "n_iter"} & run.metrics.keys()
    assert Odd.asked == 0


def test_attributes_of_other_types_than_usual_are_passed_over() -> None:
    """What is no number where a number is usual is left out, and harms nothing."""
    model = SGDClassifier().fit(*IRIS)
    model.n_iter_, model.C_, model.inertia_, model.labels_ = "many", [None], True, [1, 2]
    model.loss_curve_, model.train_score_ = [], np.array(["a"])
    assert findings.findings(model) == {}
    assert iterations.iterations(model, {}) == {}

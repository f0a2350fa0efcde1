"""Curves and matrices as data: what scikit-learn's own functions give, thinned truly, and no rows of the data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as skm
from sklearn.calibration import calibration_curve
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor, StackingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import autolog
from autolog.recording.charts import MOST, chart
from autolog.testing import only_top_run
from autolog_sklearn import scoring
from autolog_sklearn.classified import classified
from autolog_sklearn.curves import classification_charts
from autolog_sklearn.diagram import diagram_charts
from autolog_sklearn.ranking import ranked, thinned
from autolog_sklearn.residuals import residual_charts
from autolog_sklearn.weights import weight_charts

pytestmark = pytest.mark.filterwarnings("ignore:::sklearn")

CANCER = load_breast_cancer(return_X_y=True)
WINE = load_wine(return_X_y=True, as_frame=True)
DIABETES = load_diabetes(return_X_y=True)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a busy machine leave no metrics out."""
    monkeypatch.setattr(scoring, "_FREE", 60.0)


def charts_of(*given: Any, **more: Any) -> dict[str, dict[str, Any]]:
    """The charts of a classifier's prediction by kind, through JSON."""
    said = classified(*given)
    return as_read(classification_charts(said, **more)) if said is not None else {}


def as_read(charts: Any) -> dict[str, dict[str, Any]]:
    """Charts by kind, as a reader finds them; NaN would be no JSON."""
    return {each["kind"]: each for each in json.loads(json.dumps(list(charts), allow_nan=False))}


def column(found: dict[str, Any], name: str) -> list[Any]:
    """A column of a table, infinity as a number."""
    cells = [row[found["columns"].index(name)] for row in found["data"]]
    return [float(cell["$float"]) if isinstance(cell, dict) else cell for cell in cells]


def recorded(run: Any, name: str = "training") -> dict[str, dict[str, Any]]:
    """The charts in a run's file."""
    return {each["kind"]: each for each in json.loads(run.artifact_path(f"charts/{name}.json").read_text())["charts"]}


# ---- the same as scikit-learn's


LABELS = [
    np.array([-3, 0, 7, 12]),
    np.array(["ant", "bee", "", "ünit"]),
    np.array([2.0, 0.0, 5.0]),
    np.array([True, False]),
]


@given(st.sampled_from(LABELS), st.data())
@settings(deadline=None, max_examples=60)
def test_a_confusion_matrix_is_scikit_learns(labels: Any, data: st.DataObject) -> None:
    """Its cells and its labels are those of `confusion_matrix`, whatever classes are missing on either side."""
    codes = st.lists(st.integers(0, len(labels) - 1), min_size=9, max_size=9)
    true, predicted = labels[data.draw(codes)], labels[data.draw(codes)]
    found = charts_of(true, predicted)["confusion_matrix"]
    known = found["labels"]
    assert known == sorted({*true.tolist(), *predicted.tolist()})
    matrix = np.zeros((len(known), len(known)), int)
    for one, other, count in found["data"]:
        matrix[known.index(one), known.index(other)] = count
    assert matrix.tolist() == skm.confusion_matrix(true, predicted).tolist()


def test_a_matrix_of_many_classes_keeps_the_greatest_cells_and_says_so() -> None:
    """Of 400 classes the table has as many cells as allowed, the fullest, and tells how many it lacks."""
    rng = np.random.default_rng(0)
    true, predicted = np.append(rng.integers(0, 400, 5000), [7] * 50), np.append(rng.integers(0, 400, 5000), [9] * 50)
    found = charts_of(true, predicted)["confusion_matrix"]
    matrix = skm.confusion_matrix(true, predicted)
    assert len(found["data"]) == MOST
    assert found["cells_left_out"] == np.count_nonzero(matrix) - MOST
    assert max(column(found, "count")) == matrix.max()
    assert sorted(column(found, "count")) == sorted(matrix.ravel().tolist())[-MOST:]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0])), min_size=2))
@settings(deadline=None, max_examples=120)
def test_binary_curves_are_scikit_learns(rows: list[tuple[bool, float]]) -> None:
    """ROC, precision-recall and calibration equal scikit-learn's functions, points, areas and thresholds alike."""
    true, score = np.array([row[0] for row in rows]).astype(int), np.array([row[1] for row in rows])
    proba = np.column_stack((1 - score, score))
    found = charts_of(true, None, proba, [0, 1])
    bins = calibration_curve(true, score, n_bins=10)
    assert column(found["calibration_curve"], "fraction_of_positives") == pytest.approx(bins[0], rel=1e-12)
    assert column(found["calibration_curve"], "mean_predicted_probability") == pytest.approx(bins[1], rel=1e-12)
    assert sum(column(found["calibration_curve"], "rows")) == len(true)
    if len(set(true)) == 1:
        assert found.keys() == {"calibration_curve"}
        return
    theirs = skm.roc_curve(true, score)
    names = ("false_positive_rate", "true_positive_rate", "threshold")
    assert [column(found["roc_curve"], name) for name in names] == [values.tolist() for values in theirs]
    assert found["roc_curve"]["areas"] == [pytest.approx(skm.roc_auc_score(true, score), rel=1e-12)]
    curve = found["precision_recall_curve"]
    assert curve["average_precisions"] == [pytest.approx(skm.average_precision_score(true, score), rel=1e-12)]
    precision, recall, thresholds = skm.precision_recall_curve(true, score)
    points = set(zip(precision, recall, [*thresholds, np.inf], strict=True))
    ours = [column(curve, name) for name in ("precision", "recall", "threshold")]
    assert set(zip(*ours, strict=True)) <= points
    assert skm.auc(ours[1], ours[0]) == pytest.approx(skm.auc(recall, precision), rel=1e-12)
    assert (ours[1][0], ours[1][-1], ours[2][-1]) == (recall[0], 0.0, np.inf)


def test_curves_by_class_are_those_of_each_against_the_rest() -> None:
    """Of three string classes, each has the curve that scikit-learn gives for it alone."""
    data, target = WINE[0].to_numpy(), np.array(["c", "a", "b"])[WINE[1]]
    model = GaussianNB().fit(data[:, :2], target)
    proba = model.predict_proba(data[:, :2])
    found = charts_of(target, None, proba, model.classes_)["roc_curve"]
    assert found["classes"] == ["a", "b", "c"]
    for place, name in enumerate("abc"):
        points = [row[1:3] for row in found["data"] if row[0] == name]
        theirs = skm.roc_curve(target == name, proba[:, place])
        assert points == np.column_stack(theirs[:2]).tolist()
        assert found["areas"][place] == pytest.approx(skm.roc_auc_score(target == name, proba[:, place]))


def test_curves_of_many_classes_are_those_with_most_rows_within_the_bound() -> None:
    """Of 30 classes 20 have a curve, none absent from the truth; the table stays within the bound and says so."""
    rng = np.random.default_rng(0)
    true = np.concatenate([[code] * (code + 1) * 3 for code in range(29)])  # class 29 has no row
    proba = rng.dirichlet(np.ones(30), len(true))
    found = charts_of(true, None, proba, np.arange(30))
    for kind in ("roc_curve", "precision_recall_curve"):
        assert found[kind]["classes"] == list(range(9, 29))
        assert found[kind]["classes_left_out"] == 10
        assert len(found[kind]["data"]) <= MOST


def test_a_multilabel_prediction_has_counts_by_label() -> None:
    """They are those of `multilabel_confusion_matrix`."""
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 2, (2, 40, 5))
    (found,) = charts_of(true, predicted).values()
    theirs = skm.multilabel_confusion_matrix(true, predicted).reshape(5, 4)
    assert [row[1:] for row in found["data"]] == theirs.tolist()


@pytest.mark.parametrize("scores", [[0.1, np.nan, 0.3], [0.1, np.inf, 0.3], [0.5, 0.5]])
def test_scores_that_cannot_be_ranked_have_no_curve(scores: list[float]) -> None:
    """NaN, infinity and another length leave the curves out, and the confusion matrix in."""
    assert charts_of([0, 1, 1], [0, 1, 0], None, [0, 1], scores).keys() == {"confusion_matrix"}


# ---- thinning


def test_a_thinned_curve_has_its_ends_and_its_area() -> None:
    """A curve of 200,000 scores becomes one of at most 1,000 points with the same area to a ten-thousandth."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, 200_000)
    score = rng.normal(true * 0.8, 1)
    found = charts_of(true, None, None, [0, 1], score)
    roc, curve = found["roc_curve"], found["precision_recall_curve"]
    x, y = column(roc, "false_positive_rate"), column(roc, "true_positive_rate")
    assert 900 < len(x) <= MOST
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert skm.auc(x, y) == pytest.approx(skm.roc_auc_score(true, score), abs=1e-4)
    precision, recall, _ = skm.precision_recall_curve(true, score)
    area = skm.auc(column(curve, "recall"), column(curve, "precision"))
    assert area == pytest.approx(skm.auc(recall, precision), abs=1e-3)
    assert len(curve["data"]) <= MOST


def test_rows_are_ranked_once_for_metrics_and_curves(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    """One sort of the scores serves the area under the curve and both curves."""
    from autolog_sklearn import classified as module

    calls = []
    monkeypatch.setattr(module, "ranked", lambda *given: calls.append(1) or ranked(*given))
    autolog.enable(backend=store, silent=True)
    GaussianNB().fit(*CANCER)
    assert {"roc_curve", "precision_recall_curve"} <= recorded(only_top_run(store)).keys()
    assert "training_roc_auc" in only_top_run(store).metrics
    assert len(calls) == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(2, 20))
def test_thinning_keeps_order_ends_and_bound(values: list[float], most: int) -> None:
    """Whatever the curve, the points chosen are in order, at most as many as allowed, and include both ends."""
    kept = thinned(np.arange(len(values)) / len(values), np.array(values), most).tolist()
    assert kept == sorted(set(kept))
    assert (kept[0], kept[-1], len(kept) <= max(most, 1)) == (0, len(values) - 1, True)


# ---- residuals


def test_residuals_are_counted_in_round_cells() -> None:
    """Every row is in the cell around it; the cells' sides are 1, 2 or 5 at a power of ten; 1,000 are enough."""
    rng = np.random.default_rng(0)
    true, predicted = rng.normal(50, 20, (2, 5_000))
    found = as_read(residual_charts(true, predicted))["residuals"]
    ((width, height),) = found["cells"]
    assert {f"{side:e}"[0] for side in (width, height)} <= set("125")
    assert len(found["data"]) <= MOST
    counts = {(round(x / width - 0.5), round(y / height - 0.5)): rows for _, x, y, rows in found["data"]}
    cells = zip(np.floor(predicted / width), np.floor((true - predicted) / height), strict=True)
    expected: dict[Any, int] = {}
    for cell in cells:
        expected[cell] = expected.get(cell, 0) + 1
    assert counts == expected


def test_quantiles_of_residuals_have_rows_beyond_them() -> None:
    """They equal numpy's, of each output, and those that would stand for a row or so are left out."""
    rng = np.random.default_rng(0)
    true, predicted = rng.normal(size=(2, 60, 3))
    found = as_read(residual_charts(true, predicted))["residual_quantiles"]
    assert [row[1] for row in found["data"][:5]] == [0.1, 0.25, 0.5, 0.75, 0.9]
    for output, quantile, residual in found["data"]:
        assert residual == pytest.approx(np.quantile((true - predicted)[:, output], quantile), rel=1e-12)


@pytest.mark.parametrize("true", [[5.0, 5.0], [1e300, -1e300], [1e-310, 0.0], [1.0, 1.0 + 1e-15], [-3.0, 1e6]])
def test_residuals_of_any_size_are_counted(true: list[float]) -> None:
    """Constants, the largest and the smallest numbers find their cells, all rows of them."""
    found = as_read(residual_charts(np.array(true), np.array(true) / 2))["residuals"]
    assert sum(row[3] for row in found["data"]) == 2
    assert len(found["data"]) <= MOST


def test_no_number_of_the_data_is_written(store: Path) -> None:
    """Neither a target nor a prediction stands in what a regression's fit has written."""
    data, target = DIABETES[0], DIABETES[1] + np.random.default_rng(0).normal(0, 1e-3, len(DIABETES[1]))
    autolog.enable(backend=store, silent=True)
    model = Ridge().fit(data, target)
    written = recorded(only_top_run(store))
    cells = {cell for each in written.values() for row in each["data"] for cell in row if isinstance(cell, float)}
    assert not cells & {*target.tolist(), *model.predict(data).tolist(), *data.ravel().tolist()} - {0.0}
    assert {"residuals", "residual_quantiles", "coefficients"} <= written.keys()


# ---- what a model has learned


def test_coefficients_have_the_features_names_through_a_pipeline(store: Path) -> None:
    """They are the model's, the largest first, named by the transformers before it, and say of which class."""
    autolog.enable(backend=store, silent=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(*WINE)
    rows = recorded(only_top_run(store))["coefficients"]["data"]
    names = list(WINE[0].columns)
    assert {(name, of): value for name, of, value in rows} == {
        (names[feature], of): value for (of, feature), value in np.ndenumerate(model[-1].coef_)
    }
    assert abs(rows[0][2]) == np.abs(model[-1].coef_[:, names.index(rows[0][0])])[0]
    largest = [max(abs(row[2]) for row in rows if row[0] == name) for name in dict.fromkeys(row[0] for row in rows)]
    assert largest == sorted(largest, reverse=True)


@pytest.mark.parametrize("missing", [5, 1500, 2500, 3000])
def test_of_many_features_the_greatest_are_kept_with_their_names(missing: int) -> None:
    """As many as fit the table, the greatest first, of equal ones the first, and NaN, where it gets in at all, last."""
    model = LinearRegression().fit(*DIABETES)
    model.coef_ = np.random.default_rng(0).integers(-40, 40, 3000) / 4
    model.coef_[:missing] = np.nan
    model.feature_names_in_ = np.array([f"feature {number}" for number in range(3000)], dtype=object)
    (found,) = as_read(weight_charts(model, 1.0)).values()
    expected = np.argsort(-np.abs(model.coef_), kind="stable")[:1000]
    assert column(found, "feature") == [f"feature {number}" for number in expected]
    assert found["features_left_out"] == 2000


@pytest.mark.parametrize("model", [DecisionTreeClassifier(max_depth=3), GradientBoostingClassifier(n_estimators=5)])
def test_importances_are_the_models(model: Any) -> None:
    """Trees and what is made of trees give their importances, by numbered features where they have no names."""
    model.fit(*CANCER)
    (found,) = as_read(weight_charts(model, 1.0)).values()
    assert dict(found["data"]) == {f"x{place}": value for place, value in enumerate(model.feature_importances_)}
    assert column(found, "importance") == sorted(model.feature_importances_, reverse=True)


def test_importances_of_too_many_trees_are_not_computed() -> None:
    """Where adding up the trees would take longer than allowed, there is no table."""
    model = RandomForestRegressor(20, max_depth=2).fit(*DIABETES)
    assert list(weight_charts(model, 1e-4)) == []
    assert len(list(weight_charts(model, 1.0))) == 1


def test_a_search_has_the_charts_of_its_best_estimator(store: Path) -> None:
    """The refitted pipeline's coefficients and the search's diagram are on the search's run."""
    autolog.enable(backend=store, silent=True)
    search = GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [1.0, 2.0]}, cv=2)
    search.fit(*load_diabetes(return_X_y=True, as_frame=True))
    found = recorded(only_top_run(store))
    best = search.best_estimator_[-1].coef_
    assert sorted(column(found["coefficients"], "coefficient")) == sorted(best.tolist())
    assert "bmi" in column(found["coefficients"], "feature")
    assert column(found["diagram"], "kind") == ["GridSearchCV", "Pipeline", "StandardScaler", "Ridge"]


def test_a_users_function_that_names_features_is_not_called() -> None:
    """A transformer that would ask the user's code for names leaves the features numbered."""

    def names(*_: Any) -> Any:
        raise AssertionError("the user's function was called")

    model = make_pipeline(FunctionTransformer(np.log1p, feature_names_out=names), LinearRegression())
    model.fit(WINE[0].to_numpy(), WINE[1])
    (found,) = as_read(weight_charts(model, 1.0)).values()
    assert set(column(found, "feature")) == {f"x{number}" for number in range(13)}


class Weighty(LinearRegression):
    """A user's own estimator, whose attributes may be code."""

    @property
    def feature_importances_(self) -> Any:
        raise AssertionError("the user's property was called")


def test_a_users_own_class_is_not_asked() -> None:
    """Nothing is read of an estimator that is not scikit-learn's own."""
    assert list(weight_charts(Weighty().fit(*DIABETES), 1.0)) == []


def test_secrets_among_names_are_taken_out() -> None:
    """A label or a feature that is a secret by its shape is not written."""
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    found = json.dumps(chart("coefficients", {"feature": ["age", token]}, labels=[token]))
    assert token not in found
    assert "age" in found


# ---- the structure


def test_the_diagram_has_every_part_with_its_path_and_columns() -> None:
    """Pipelines, column transformers, unions and stacks are told from the outside to the inside."""
    frame = pd.DataFrame({"age": range(20), "sex": ["m", "f"] * 10})
    columns = ColumnTransformer([("num", StandardScaler(), ["age"]), ("cat", OneHotEncoder(), ["sex"])])
    union = FeatureUnion([("same", "passthrough"), ("scaled", StandardScaler())])
    stack = StackingClassifier([("lr", LogisticRegression())], final_estimator=DecisionTreeClassifier(), cv=2)
    model = Pipeline([("columns", columns), ("union", union), ("stack", stack)]).fit(frame, [0, 1] * 10)
    (found,) = diagram_charts(model)
    parts = [dict(zip(found["columns"], row, strict=True)) for row in found["data"]]
    assert [(part["depth"], part["path"], part["kind"], part["abreast"]) for part in parts] == [
        (0, "", "Pipeline", False),
        (1, "columns", "ColumnTransformer", False),
        (2, "columns__num", "StandardScaler", True),
        (2, "columns__cat", "OneHotEncoder", True),
        (1, "union", "FeatureUnion", False),
        (2, "union__same", "FunctionTransformer", True),
        (2, "union__scaled", "StandardScaler", True),
        (1, "stack", "StackingClassifier", False),
        (2, "stack__lr", "LogisticRegression", True),
        (2, "stack__final_estimator", "DecisionTreeClassifier", False),
    ]
    assert [part["columns"] for part in parts if part["columns"]] == ["age", "sex"]


def test_an_estimator_without_parts_has_no_diagram() -> None:
    """A forest's template tree is no part that the user gave it."""
    assert list(diagram_charts(RandomForestRegressor(2).fit(*DIABETES))) == []


# ---- what the user measures


def test_metrics_of_a_known_prediction_give_its_charts_once(store: Path) -> None:
    """Labels give a confusion matrix, scores their curves, under the data's name, however many metrics there are."""
    autolog.enable(backend=store, silent=True)
    X_test, y_test = CANCER
    model = GaussianNB().fit(*CANCER)
    predicted, scores = model.predict(X_test), model.predict_proba(X_test)
    skm.accuracy_score(y_test, predicted)
    run = only_top_run(store)
    first = run.artifact_path("charts/X_test_labels.json").stat().st_mtime_ns
    skm.f1_score(y_test, predicted)
    skm.roc_auc_score(y_test, scores[:, 1])
    skm.average_precision_score(y_test, scores[:, 1])
    run = only_top_run(store)
    assert run.artifact_path("charts/X_test_labels.json").stat().st_mtime_ns == first
    assert recorded(run, "X_test_labels").keys() == {"confusion_matrix"}
    found = recorded(run, "X_test_scores")
    assert found.keys() == {"roc_curve", "precision_recall_curve"}
    assert found["roc_curve"]["of"] == "X_test"
    assert found["roc_curve"]["areas"] == [pytest.approx(skm.roc_auc_score(y_test, scores[:, 1]))]


def test_probabilities_and_numbers_have_their_charts(store: Path) -> None:
    """A Brier score's probabilities are calibrated, a regression's numbers have residuals."""
    autolog.enable(backend=store, silent=True)
    X_test, y_test = CANCER
    scores = GaussianNB().fit(*CANCER).predict_proba(X_test)
    skm.brier_score_loss(y_test, scores[:, 1])
    assert "calibration_curve" in recorded(only_top_run(store), "X_test_probabilities")
    X_new, y_new = DIABETES
    predicted = LinearRegression().fit(*DIABETES).predict(X_new)
    skm.mean_absolute_error(y_new, predicted)
    run = autolog.search_runs(output_format="list", store=store)[0]
    assert recorded(run, "X_new_residuals").keys() == {"residuals", "residual_quantiles"}


def test_the_positive_class_is_the_one_the_user_names(store: Path) -> None:
    """With `pos_label` the curves speak of that class."""
    autolog.enable(backend=store, silent=True)
    X_test, y_test = CANCER[0], np.array(["bad", "good"])[CANCER[1]]
    model = GaussianNB().fit(X_test, y_test)
    scores = model.predict_proba(X_test)
    area = skm.average_precision_score(y_test, scores[:, 0], pos_label="bad")
    found = recorded(only_top_run(store), "X_test_scores")["precision_recall_curve"]
    assert found["classes"] == ["bad"]
    assert found["average_precisions"] == [pytest.approx(area)]


def test_what_is_only_inferred_has_no_charts(store: Path) -> None:
    """What is made of a prediction, or is a part of it, gives a metric that says so, and no chart."""
    autolog.enable(backend=store, silent=True)
    X_test, y_test = CANCER
    scores = GaussianNB().fit(*CANCER).predict_proba(X_test)
    skm.accuracy_score(y_test, (scores[:, 1] > 0.3).astype(int))
    skm.roc_auc_score(y_test[:100], scores[:100, 1])
    run = only_top_run(store)
    assert "accuracy_score_X_test[inferred]" in run.metrics
    assert [path for path in run.artifacts if path.startswith("charts/")] == ["charts/training.json"]


def test_curves_that_the_user_computes_are_kept_as_returned(store: Path) -> None:
    """The table of `roc_curve` and the like has the points that the function gave; a matrix its cells."""
    autolog.enable(backend=store, silent=True)
    X_test, y_test = CANCER
    model = GaussianNB().fit(*CANCER)
    predicted, scores = model.predict(X_test), model.predict_proba(X_test)[:, 1]
    theirs = skm.roc_curve(y_test, scores, drop_intermediate=False)
    precision, recall, _ = skm.precision_recall_curve(y_test, scores)
    truth, mean = calibration_curve(y_test, scores, n_bins=4)
    matrix = skm.confusion_matrix(y_test, predicted, normalize="true")
    run = only_top_run(store)
    names = ("false_positive_rate", "true_positive_rate", "threshold")
    found = recorded(run, "X_test_roc_curve")["roc_curve"]
    assert [column(found, name) for name in names] == [values.tolist() for values in theirs]
    found = recorded(run, "X_test_precision_recall_curve")["precision_recall_curve"]
    assert [column(found, name) for name in ("precision", "recall")] == [precision.tolist(), recall.tolist()]
    found = recorded(run, "X_test_calibration_curve")["calibration_curve"]
    assert found["data"] == np.column_stack((truth, mean)).tolist()
    found = recorded(run, "X_test_confusion_matrix")["confusion_matrix"]
    assert {(row[0], row[1]): row[2] for row in found["data"]} == dict(np.ndenumerate(matrix))


@pytest.mark.parametrize(
    ("given", "meaning"),
    [
        ({}, "count"),
        ({"normalize": "true"}, "share"),
        ({"normalize": "all"}, "share"),
        ({"sample_weight": 0.5 + CANCER[1]}, "weight"),
        ({"sample_weight": 0.5 + CANCER[1], "normalize": "pred"}, "share"),
    ],
)
def test_what_stands_in_a_matrix_is_called_what_it_is(store: Path, given: Any, meaning: str) -> None:
    """Rows that are counted, shares of them, or their weights."""
    autolog.enable(backend=store, silent=True)
    X_test, y_test = CANCER
    predicted = GaussianNB().fit(*CANCER).predict(X_test)
    matrix = skm.confusion_matrix(y_test, predicted, **given)
    found = recorded(only_top_run(store), "X_test_confusion_matrix")["confusion_matrix"]
    assert found["columns"] == ["true", "predicted", meaning]
    assert {(row[0], row[1]): row[2] for row in found["data"]} == dict(np.ndenumerate(matrix))


def test_a_labels_order_of_the_users_is_the_matrix_order(store: Path) -> None:
    """`labels=` gives the rows and columns their meaning."""
    autolog.enable(backend=store, silent=True)
    X_test, y_test = CANCER[0], np.array(["bad", "good"])[CANCER[1]]
    predicted = GaussianNB().fit(X_test, y_test).predict(X_test)
    matrix = skm.confusion_matrix(y_test, predicted, labels=["good", "bad"])
    found = recorded(only_top_run(store), "X_test_confusion_matrix")["confusion_matrix"]
    assert found["labels"] == ["good", "bad"]
    assert {(row[0], row[1]): row[2] for row in found["data"]}[("good", "bad")] == matrix[0, 1]


# ---- what a fit gives


def test_charts_never_make_a_prediction_of_their_own(store: Path) -> None:
    """Without training metrics there is no prediction, and so no curve; the coefficients are still there."""
    autolog.enable(backend=store, silent=True, log_training_metrics=False)
    LogisticRegression(max_iter=10_000).fit(*CANCER)
    assert recorded(only_top_run(store)).keys() == {"coefficients"}


def test_a_program_that_only_fits_imports_nothing_to_draw_with(store: Path) -> None:
    """Recording charts imports neither matplotlib nor a module of scikit-learn that the program has not."""
    program = (
        "import sys; from sklearn.naive_bayes import GaussianNB; import autolog\n"
        f"before = set(sys.modules); autolog.enable(backend={str(store)!r}, silent=True)\n"
        "GaussianNB().fit([[0.0], [1.0], [2.0], [3.0]] * 5, [0, 0, 1, 1] * 5)\n"
        "unasked = ('matplotlib', 'sklearn.metrics', 'sklearn.calibration', 'sklearn.model_selection')\n"
        "print([name for name in set(sys.modules) - before if name.startswith(unasked)])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
    assert "roc_curve" in recorded(only_top_run(store))

"""Every function of `sklearn.metrics` and every scorer: which numbers are recorded, under which names."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import pickle
import threading
import types
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from joblib import Parallel, delayed

import autolog
from recorded import measured_later

pytest.importorskip("sklearn")
import sklearn.metrics
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_multilabel_classification
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    auc,
    check_scoring,
    classification_report,
    f1_score,
    get_scorer,
    log_loss,
    make_scorer,
    mean_squared_error,
    precision_recall_fscore_support,
    r2_score,
    recall_score,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autolog_sklearn import metrics
from autolog_sklearn.results import parts

BINARY = load_breast_cancer(return_X_y=True)
CLASSES = load_iris(return_X_y=True)
NUMBERS = load_diabetes(return_X_y=True)
LABELS = make_multilabel_classification(80, n_classes=3, random_state=0)


@pytest.fixture(autouse=True)
def recording(tmp_path: Path) -> None:
    """Record into a folder of the test's own, without models and without metrics of autolog's own."""
    autolog.enable(backend=str(tmp_path / "runs"), silent=True, log_training_metrics=False, log_models=False)


def last() -> autolog.Run:
    """The latest run."""
    return autolog.search_runs(output_format="list")[0]


# ---- every function

OF_RANKS = {
    "coverage_error",
    "dcg_score",
    "label_ranking_average_precision_score",
    "label_ranking_loss",
    "ndcg_score",
}
NEEDED: dict[str, dict[str, Any]] = {
    "fbeta_score": {"beta": 1.5},
    "metric_at_thresholds": {"metric_func": recall_score},
}
SEVERAL = {
    "class_likelihood_ratios": ("positive_likelihood_ratio", "negative_likelihood_ratio"),
    "homogeneity_completeness_v_measure": ("homogeneity", "completeness", "v_measure"),
}
NO_NUMBERS = {
    "classification_report",
    "confusion_matrix",
    "confusion_matrix_at_thresholds",
    "det_curve",
    "metric_at_thresholds",
    "multilabel_confusion_matrix",
    "pair_confusion_matrix",
    "precision_recall_curve",
    "roc_curve",
    "silhouette_samples",
}
"""Texts, matrices and curves."""
FUNCTIONS = [name for name in sklearn.metrics.__all__ if inspect.isfunction(getattr(sklearn.metrics, name))]


def measurements() -> dict[str, Callable[[Any], Any]]:
    """For each kind of prediction, recorded under its model's name, what calls a function with it and the truth."""
    X, y = BINARY
    _, numbers = NUMBERS
    points, species = CLASSES
    samples, tags = LABELS
    rows = np.abs(NUMBERS[0])
    binary, regression = GaussianNB().fit(X, y), Ridge().fit(rows, numbers)
    clusters = KMeans(3, n_init=1, random_state=0).fit(points)
    ranker = MLPRegressor(hidden_layer_sizes=(4,), random_state=0, solver="lbfgs", max_iter=30).fit(samples, tags)
    labels, scores = binary.predict(X), binary.predict_proba(X)[:, 1]
    positive, ranks = regression.predict(rows), ranker.predict(samples)
    return {
        "GaussianNB_X": lambda function: function(y, labels),
        "GaussianNB_X scores": lambda function: function(y, scores),
        "Ridge_rows": lambda function: function(numbers, positive),
        "MLPRegressor_samples": lambda function: function(tags, ranks),
        "KMeans_points": lambda function: function(species, clusters.labels_),
        "KMeans_points and data": lambda function: function(points, clusters.labels_),
    }


def kind_of(name: str) -> str | None:
    """Which of them a function measures, told by its parameters; None where it measures no prediction."""
    function = getattr(sklearn.metrics, name)
    first, second = [*inspect.signature(function).parameters, "", ""][:2]
    if name in OF_RANKS:
        return "MLPRegressor_samples"
    if second == "y_pred":
        return "Ridge_rows" if function.__module__.endswith("_regression") else "GaussianNB_X"
    if (first, second) == ("X", "labels"):
        return "KMeans_points and data"
    if second in ("y_score", "y_proba", "y_prob", "probas_pred", "pred_decision"):
        return "GaussianNB_X scores"
    return {"y2": "GaussianNB_X", "labels_pred": "KMeans_points"}.get(second)


def recorded() -> dict[str, float]:
    """All metrics computed after fits, each after its model's name."""
    runs = autolog.search_runs(output_format="list")
    return {f"{run.tags['estimator_name']}: {key}": value for run in runs for key, value in measured_later(run).items()}


def test_every_function_records_what_it_returned() -> None:
    """Each number that a function of `sklearn.metrics` gives of predictions joins their run once, and nothing else."""
    measure, before = measurements(), recorded()
    known = {name: kind for name in FUNCTIONS if (kind := kind_of(name)) is not None}
    del known["precision_recall_fscore_support"]  # has a test of its own
    assert len(known) > 50
    for name, kind in known.items():
        function = partial(getattr(sklearn.metrics, name), **NEEDED.get(name, {}))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = measure[kind](function)
        model, data = kind.split(" ")[0].split("_")
        values = {} if name in NO_NUMBERS else {name: result}
        if name in SEVERAL:
            values = {f"{name}.{part}": value for part, value in zip(SEVERAL[name], result, strict=True)}
        more = "(beta=1.5)" if name == "fbeta_score" else ""
        after = recorded()
        expected = {f"{model}: {key}_{data}{more}": value for key, value in values.items()}
        assert {key: after[key] for key in after.keys() - before.keys()} == pytest.approx(expected, nan_ok=True), name
        before = after


def test_functions_that_measure_no_prediction_are_left_alone() -> None:
    """Distances, kernels and what makes scorers keep their code; every other function is looked at."""
    left = {name for name in FUNCTIONS if kind_of(name) is None} - {"auc", "consensus_score"}
    wrapped = {name for name in FUNCTIONS if "_bootstrap" in getattr(sklearn.metrics, name).__code__.co_filename}
    assert (wrapped & left, wrapped | left) == (set(), set(FUNCTIONS))
    assert {"check_scoring", "get_scorer", "make_scorer", "pairwise_distances", "euclidean_distances"} <= left
    assert all(name.startswith(("pairwise", "get_scorer", "make_", "check_", "euclid", "nan_euclid")) for name in left)


def test_every_function_stays_itself() -> None:
    """Pickled by name, as before."""
    for name in FUNCTIONS:
        function = getattr(sklearn.metrics, name)
        assert pickle.loads(pickle.dumps(function)) is function


def test_what_a_new_function_measures_is_told_by_its_parameters() -> None:
    """A name that is not known yet is the prediction where it follows the truth, or comes first."""
    known = {
        ("y_true", "y_quantile", "alpha"): ("y_quantile",),
        ("labels_true", "labels_pred"): ("labels_pred",),
        ("x", "y"): ("x",),
        ("labels",): ("labels",),
        ("X", "labels", "metric"): ("labels",),
        ("X", "Y"): (),
        (): (),
    }
    assert {names: metrics._measured(names) for names in known} == known


# ---- several numbers of one call


def classified() -> tuple[Any, Any, Any]:
    """Predictions of the three kinds of iris, known as those on X, and the truth."""
    X, y = CLASSES
    model = GaussianNB().fit(X, y)
    return y, model.predict(X), model.predict_proba(X)


def test_a_number_for_each_class_is_a_metric_for_each() -> None:
    """With `average=None`, under the class's name: those given, else those there are."""
    y, predicted, proba = classified()
    each = f1_score(y, predicted, average=None)
    some = recall_score(y, predicted, labels=[2, 1], average=None)
    areas = roc_auc_score(y, proba, multi_class="ovr", average=None)
    assert measured_later(last()) == {
        **{f"f1_score_X(class={label})": each[label] for label in range(3)},
        "recall_score_X(class=2, labels=[2, 1])": some[0],
        "recall_score_X(class=1, labels=[2, 1])": some[1],
        **{f"roc_auc_score_X(class={label}, multi_class=ovr)": areas[label] for label in range(3)},
    }


@pytest.mark.parametrize("container", [list, np.array, pd.Series, pl.Series])
def test_classes_are_named_in_every_container(container: Callable[[Any], Any]) -> None:
    """Also as texts; the prediction then is one that was made from it, as long as it is."""
    X, y = CLASSES
    names = np.array(["setosa", "versicolor", "virginica"])
    model = GaussianNB().fit(X, names[y])
    f1_score(container(names[y].tolist()), container(model.predict(X).tolist()), average=None)
    assert set(measured_later(last())) == {f"f1_score_X(class={name})[inferred]" for name in names}


class Kind:
    """A user's label, whose code must not be run for a name."""

    def __hash__(self) -> int:
        raise AssertionError("hashed")


def test_labels_of_a_users_own_class_are_not_looked_at() -> None:
    """The classes are numbered then."""
    kinds = np.array([Kind(), Kind()], dtype=object)
    for labels in (kinds, list(kinds)):
        found = parts(f1_score, np.array([0.5, 1.0]), {"y_true": labels, "y_pred": [0, 1, 2]})
        assert [part.of for part in found] == [{"column": 0}, {"column": 1}]


def test_a_column_that_is_no_class_is_numbered() -> None:
    """Of indicators of several labels, the columns; of several outputs, the outputs."""
    samples, tags = LABELS
    model = KNeighborsClassifier().fit(samples, tags)
    each = f1_score(tags, model.predict(samples), average=None)
    outputs = r2_score(tags, model.predict(samples), multioutput="raw_values")
    assert measured_later(last()) == {
        **{f"f1_score_samples(column={number})": each[number] for number in range(3)},
        **{f"r2_score_samples(multioutput=raw_values, output={number})": outputs[number] for number in range(3)},
    }


def test_a_tuple_is_named_as_documented() -> None:
    """Averaged, and one a class."""
    y, predicted, _ = classified()
    precision, recall, fscore, _ = precision_recall_fscore_support(y, predicted, average="macro")
    support = precision_recall_fscore_support(y, predicted)[3]
    metrics, name = measured_later(last()), "precision_recall_fscore_support"
    assert metrics[f"{name}.precision_X(average=macro)"] == precision
    assert metrics[f"{name}.recall_X(average=macro)"] == recall
    assert metrics[f"{name}.fbeta_score_X(average=macro)"] == fscore
    assert [metrics[f"{name}.support_X(class={label})"] for label in range(3)] == list(support)
    assert len(metrics) == 3 + 4 * 3


def test_a_report_is_a_metric_for_each_of_its_numbers() -> None:
    """As a dict; as a text it holds no numbers."""
    y, predicted, _ = classified()
    classification_report(y, predicted)
    assert measured_later(last()) == {}
    report = classification_report(y, predicted, target_names=["a", "b", "c"], output_dict=True)
    metrics, name = measured_later(last()), "classification_report"
    assert metrics[f"{name}.accuracy_X"] == report["accuracy"]
    assert metrics[f"{name}.f1-score_X(class=b)"] == report["b"]["f1-score"]
    assert metrics[f"{name}.support_X(average=macro)"] == report["macro avg"]["support"]
    assert len(metrics) == 1 + 5 * 4


def test_more_numbers_than_a_run_should_hold_are_noted() -> None:
    """Once, and none of them is recorded in part."""
    X, _ = CLASSES
    outputs = np.tile(X, 101)
    model = LinearRegression().fit(X, outputs)
    for _ in range(2):
        r2_score(outputs, model.predict(X), multioutput="raw_values")
    assert measured_later(last()) == {}
    missing = "r2_score_X(multioutput=raw_values) is missing: 404 numbers, more than 400 metrics of a call"
    assert last().notes == [missing]


def test_the_steps_of_a_calls_numbers_are_the_same() -> None:
    """Each call is the next step; a model trained anew begins anew, in its own run."""
    X, y = CLASSES
    for _ in range(2):
        model = GaussianNB().fit(X, y)
        for _ in range(3):
            f1_score(y, model.predict(X), average=None)
    for run in autolog.search_runs(output_format="list"):
        steps = {key: [step for step, _, _ in run.history(key)] for key in measured_later(run)}
        assert steps == {f"f1_score_X(class={label})": [0, 1, 2] for label in range(3)}


def test_the_area_under_a_curve_shows_what_it_was_given() -> None:
    """That of a curve of the predictions joins their run, under the curve's name; of anything else it is unlinked."""
    y, _, proba = classified()
    fpr, tpr, _ = sklearn.metrics.roc_curve(y == 1, proba[:, 1])
    precision, recall, _ = sklearn.metrics.precision_recall_curve(y == 1, proba[:, 1])
    half = tpr / 2
    areas = auc(fpr, tpr), auc(recall, precision), auc(fpr + 0, half)
    keys = "auc_X(y=tpr)", "auc_X(y=precision)", "auc(y=half)[unlinked]"
    assert measured_later(last()) == dict(zip(keys, areas, strict=True))


# ---- scorers


def test_every_scorer_records_what_it_gave() -> None:
    """Each that scikit-learn knows by a name, as one series that says all of its meaning, sign included."""
    kinds = measurements_of_scorers()
    values: dict[str, float] = {}
    for name in sklearn.metrics.get_scorer_names():
        model, X, y = kinds[kind_of_scorer(name)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = get_scorer(name)(model, X, y)
        before, values = values, recorded()
        (new,) = values.keys() - before.keys()
        assert values[new] == value
        assert new.split(": ")[1].startswith("neg_") == (get_scorer(name)._sign < 0), name
        assert "_X" in new, name


def measurements_of_scorers() -> dict[str, tuple[Any, Any, Any]]:
    """A model of each kind, and the data to score it on."""
    X, y = BINARY
    model = GaussianNB().fit(X, y)
    rows = np.abs(NUMBERS[0])
    return {
        "binary": (model, X, y),
        "numbers": (Ridge().fit(rows, NUMBERS[1]), rows, NUMBERS[1]),
        "tags": (KNeighborsClassifier().fit(*LABELS), *LABELS),
        "clusters": (KMeans(2, n_init=1, random_state=0).fit(X), X, y),
    }


def kind_of_scorer(name: str) -> str:
    """Which of them a scorer is for."""
    if name in ("r2", "explained_variance") or any(part in name for part in ("error", "deviance", "d2_abs", "d2_pin")):
        return "numbers"
    if name.endswith("_samples"):
        return "tags"
    clustered = ("rand", "mutual", "homogeneity", "completeness", "v_measure", "fowlkes")
    return "clusters" if any(part in name for part in clustered) else "binary"


def test_several_scorers_at_once_have_the_users_names() -> None:
    """`check_scoring` of several; of one it gives that scorer, or the model's own score."""
    X, y = BINARY
    model = GaussianNB().fit(X, y)
    try:
        several = check_scoring(model, {"loss": "neg_log_loss", "acc": "accuracy"})(model, X, y)
    except ValueError:
        pytest.skip("before scikit-learn 1.5 it takes one")
    one, own = check_scoring(model, "recall")(model, X, y), check_scoring(model)(model, X, y)
    assert measured_later(last()) == {
        "loss_X": several["loss"],
        "acc_X": several["acc"],
        "recall_score_X": one,
        "score_X": own,
    }


def test_a_scorer_made_of_a_partial_shows_its_arguments() -> None:
    """And a partial that is called by the user."""
    y, predicted, _ = classified()
    X, _ = CLASSES
    macro = partial(f1_score, average="macro")
    value = macro(y, predicted)
    model = GaussianNB().fit(X, y)
    scored = make_scorer(macro, greater_is_better=False)(model, X, y)
    second, first = autolog.search_runs(output_format="list")
    assert measured_later(first) == {"f1_score_X(average=macro)": value}
    assert measured_later(second) == {"neg_f1_score_X(average=macro)": scored}


def test_scorers_made_before_and_after_stay_the_same() -> None:
    """Their pickles, their signature, and that of the class."""
    on = make_scorer(r2_score), pickle.dumps(make_scorer(r2_score)), str(inspect.signature(make_scorer(r2_score)))
    autolog.disable()
    off = make_scorer(r2_score), pickle.dumps(make_scorer(r2_score)), str(inspect.signature(make_scorer(r2_score)))
    assert on[1:] == off[1:]
    assert cloudpickle.dumps(on[0]) == cloudpickle.dumps(off[0])


# ---- whose they are


def test_only_predictions_that_the_user_asked_for_are_inferred_from() -> None:
    """Not those that scikit-learn makes for itself, in displays, importances, scorers or scores."""
    X, y = BINARY
    model, other = GaussianNB().fit(X, y), LogisticRegression(max_iter=10_000).fit(X, y)
    predicted = model.predict(X)
    other.score(X, y)
    get_scorer("f1")(other, X, y)
    permutation_importance(other, X[:, :2].repeat(15, 1), y, n_repeats=1)
    partial_dependence(other, X, [0], grid_resolution=3)
    calibrated = sklearn.metrics.RocCurveDisplay.from_estimator
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "Agg")
        calibrated(other, X, y)
    accuracy_score(y, predicted.tolist())
    second, first = autolog.search_runs(output_format="list")
    assert set(measured_later(first)) == {"accuracy_score_X[inferred]"}
    assert set(measured_later(second)) == {"score_X", "f1_score_X"}


@pytest.mark.parametrize(
    "made",
    [
        lambda proba: proba[:, 1] > 0.3,
        lambda proba: (proba[:, 1] > 0.3).astype(int).tolist(),
        lambda proba: np.where(proba[:, 1] > 0.3, 1, 0),
        lambda proba: proba.argmax(axis=1),
        lambda proba: pd.Series(proba[:, 1] > 0.3),
        lambda proba: pd.DataFrame({"p": proba[:, 1], "yes": proba[:, 1] > 0.5})["yes"],
        lambda proba: pl.Series(proba[:, 1] > 0.3),
        lambda proba: tuple(proba[:, 1] > 0.3),
    ],
)
def test_what_is_made_from_predictions_is_inferred(made: Callable[[Any], Any]) -> None:
    """A comparison, a list, a choice, a column of a frame: as long as the prediction, and nothing else is known."""
    X, y = BINARY
    proba = GaussianNB().fit(X, y).predict_proba(X)
    value = accuracy_score(y, made(proba))
    assert measured_later(last()) == {"accuracy_score_X[inferred]": value}


@pytest.mark.parametrize(
    "shared",
    [
        lambda predicted: pl.Series(predicted).to_numpy(),
        lambda predicted: pd.Series(predicted, copy=False).to_numpy(),
        lambda predicted: pd.Series(predicted, copy=False),
        lambda predicted: np.asarray(memoryview(predicted)),
        lambda predicted: np.frombuffer(memoryview(predicted), predicted.dtype),
    ],
)
def test_what_shares_the_predictions_memory_is_a_view(shared: Callable[[Any], Any]) -> None:
    """Whichever library it came through; a part of it is a part."""
    X, y = BINARY
    predicted = GaussianNB().fit(X, y).predict(X)
    view = shared(predicted)
    if not np.shares_memory(np.asarray(view), predicted):
        pytest.skip("this version of the library copies")
    whole, part = accuracy_score(y, view), accuracy_score(y[:9], view[:9])
    assert measured_later(last()) == {"accuracy_score_X": whole, "accuracy_score_X[9 of 569 rows]": part}


def test_a_series_that_a_users_model_predicts_is_known() -> None:
    """By itself, and by the memory of its values."""

    class Named(GaussianNB):
        def predict(self, x: Any) -> Any:
            return pd.Series(super().predict(x), name="kind")

    X, y = BINARY
    predicted = Named().fit(X, y).predict(X)
    value = accuracy_score(y, predicted)
    assert accuracy_score(y, predicted.to_numpy()) == value
    assert measured_later(last()) == {"accuracy_score_X": value}
    assert len(last().history("accuracy_score_X")) == 2


def test_sparse_predictions_are_known() -> None:
    """A sparse indicator of several labels is known by itself, and what is made dense from it by its length."""
    samples, tags = LABELS
    model = OneVsRestClassifier(GaussianNB()).fit(samples, scipy.sparse.csr_matrix(tags))
    predicted = model.predict(samples)
    f1_score(tags, predicted, average="micro")
    f1_score(tags, predicted.toarray(), average="micro")
    assert set(measured_later(last())) == {
        "f1_score_samples(average=micro)",
        "f1_score_samples(average=micro)[inferred]",
    }


def test_the_parts_of_a_model_that_people_use_are_its_runs() -> None:
    """A search's best estimator, and a pipeline's last step, alone."""
    X, y = BINARY
    steps = make_pipeline(StandardScaler(), GaussianNB())
    search = GridSearchCV(steps, {"gaussiannb__var_smoothing": [1e-9, 1e-3]}, cv=2).fit(X, y)
    best = accuracy_score(y, search.best_estimator_.predict(X))
    scaled = search.best_estimator_[0].transform(X)
    score = search.best_estimator_[-1].score(scaled, y)
    (run,) = autolog.search_runs(output_format="list", filter_string="attributes.parent_run_id IS NULL")
    assert run.metrics["accuracy_score_X"] == best == score == run.metrics["score_scaled"]


def test_truth_and_prediction_may_change_places() -> None:
    """People write `mean_squared_error(model.predict(X), y)`, too."""
    X, y = NUMBERS
    model = Ridge().fit(X, y)
    value = mean_squared_error(model.predict(X), y)
    assert measured_later(last()) == {"mean_squared_error_X": value}


def test_a_deprecated_name_of_the_prediction_is_no_second_metric() -> None:
    """The prediction under its old name is the prediction still."""
    X, y = BINARY
    proba = GaussianNB().fit(X, y).predict_proba(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = log_loss(y, y_pred=proba)
    assert measured_later(last()) == {"log_loss_X": value}


def test_the_score_of_a_model_that_was_not_recorded_is_unlinked() -> None:
    """As is a scorer's number; it is kept on the last run."""
    X, y = BINARY
    with autolog.paused():
        unrecorded = GaussianNB().fit(X, y)
    Ridge().fit(X, y)
    unrecorded.score(X, y)
    get_scorer("accuracy")(unrecorded, X, y)
    assert set(measured_later(last())) == {"score_X[unlinked]", "accuracy_score_X[unlinked]"}


def test_what_is_measured_while_paused_or_off_is_not_recorded() -> None:
    """Neither functions nor scores nor scorers."""
    X, y = BINARY
    model = GaussianNB().fit(X, y)
    predicted = model.predict(X)

    def measure() -> None:
        accuracy_score(y, predicted)
        model.score(X, y)
        get_scorer("accuracy")(model, X, y)
        permutation_importance(model, X[:, :2].repeat(15, 1), y, n_repeats=1)

    with autolog.paused():
        measure()
    found = last()
    autolog.disable()
    measure()
    assert measured_later(found) == measured_later(autolog.get_run(found.run_id)) == {}
    assert found.artifacts == autolog.get_run(found.run_id).artifacts


def test_metrics_of_tasks_threads_and_forks_are_recorded() -> None:
    """An asyncio task, a thread, a forked child, a worker process and an explicit run."""
    X, y = BINARY
    with autolog.start_run() as run:
        model = GaussianNB().fit(X, y)
        predicted = model.predict(X)

        async def task() -> None:
            accuracy_score(y, predicted)
            await asyncio.to_thread(recall_score, y, predicted.tolist())

        asyncio.run(task())
        thread = threading.Thread(target=lambda: f1_score(y, predicted))
        thread.start()
        thread.join()
        forked(lambda: log_loss(y, predicted))
        Parallel(n_jobs=2)(delayed(r2_score)(y, predicted) for _ in range(1))
    keys = set(autolog.get_run(run.run_id).metrics)
    assert {"accuracy_score_X", "recall_score_X[inferred]", "f1_score_X", "log_loss_X"} <= keys
    assert "r2_score[unlinked]" in keys  # in another process nothing tells whose the numbers are


def forked(work: Callable[[], object]) -> None:
    """Do something in a forked child."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 and newer warn of threads, such as those of BLAS
        child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            work()
            code = 0
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_names_in_functions_comprehensions_attributes_and_subscripts() -> None:
    """The data is called what the user's code calls it; what has no name of its own has none."""
    X_all, y_all = BINARY
    model = GaussianNB().fit(X_all, y_all)
    folds = {"late": (X_all[300:], y_all[300:])}
    [accuracy_score(target, model.predict(rows)) for rows, target in folds.values()]
    recall_score(folds["late"][1], model.predict(folds["late"][0]))
    holder = types.SimpleNamespace(X=X_all, y=y_all)
    f1_score(holder.y[9:], model.predict(holder.X[9:]))
    assert set(measured_later(last())) == {"accuracy_score_rows", "recall_score", "f1_score"}


# ---- inspections


def table(run: autolog.Run, name: str) -> dict[str, list[Any]]:
    """A table among a run's files, by columns."""
    found = json.loads(run.artifact_path(name).read_text())
    return dict(zip(found["columns"], map(list, zip(*found["data"], strict=True)), strict=True))


def test_permutation_importances_are_a_table_of_the_run() -> None:
    """Feature by feature, for each metric where there are several; a second one has a file of its own."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = GaussianNB().fit(X, y)
    found = permutation_importance(model, X, y, n_repeats=3, random_state=0)
    several = permutation_importance(model, X, y, n_repeats=2, random_state=0, scoring=["accuracy", "f1_macro"])
    run = last()
    assert measured_later(run) == {}
    assert table(run, "permutation_importance_X.json") == {
        "feature": list(X.columns),
        "importance_mean": found.importances_mean.tolist(),
        "importance_std": found.importances_std.tolist(),
    }
    both = table(run, "permutation_importance_X_1.json")
    assert both["metric"] == ["accuracy"] * 4 + ["f1_macro"] * 4
    assert both["importance_mean"][4:] == several["f1_macro"].importances_mean.tolist()


def test_partial_dependences_are_a_table_of_the_run() -> None:
    """A row a point of the grid."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = GaussianNB().fit(X, y)
    found = partial_dependence(model, X, [1, 3], grid_resolution=4)
    assert table(last(), "partial_dependence_X.json") == {
        X.columns[1]: np.repeat(found["grid_values"][0], 4).tolist(),
        X.columns[3]: np.tile(found["grid_values"][1], 4).tolist(),
        **{f"average_{n}" if n else "average": found.average[n].ravel().tolist() for n in range(3)},
    }


def test_a_grid_too_fine_is_noted() -> None:
    """More than a thousand points are no small table."""
    X, y = NUMBERS
    model = Ridge().fit(X, y)
    partial_dependence(model, X, [0, 2], grid_resolution=40)
    assert "partial_dependence_X.json" not in last().artifacts
    assert last().notes == ["the table partial_dependence_X is missing: it has more than 1,000 rows"]

"""What a user measures after a fit joins the run of the model, under a name that says what was measured."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autolog
from autolog.testing import all_runs, only_run
from recorded import measured_later

pytest.importorskip("sklearn")
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    adjusted_rand_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    fbeta_score,
    get_scorer,
    log_loss,
    make_scorer,
    mean_squared_error,
    precision_score,
    r2_score,
    roc_auc_score,
    roc_curve,
    silhouette_samples,
    silhouette_score,
)
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate, learning_curve
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
X_test, y_test = X[400:], y[400:]


@pytest.fixture(autouse=True)
def recording(tmp_path: Path) -> None:
    """Record into a folder of the test's own, without metrics of autolog's own."""
    autolog.enable(backend=str(tmp_path / "runs"), silent=True, log_training_metrics=False)


def fitted(C: float = 1.0) -> LogisticRegression:
    """A model with a run."""
    return LogisticRegression(C=C).fit(X[:400], y[:400])


# ---- whose it is


def test_a_metric_of_predictions_joins_the_run_of_their_model() -> None:
    """Known by identity, with models alternating, under the functions' names as imported before `enable()`."""
    one, two = fitted(1.0), fitted(0.001)
    first, second = one.predict(X_test), two.predict(X_test)
    expected = [accuracy_score(y_test, second), accuracy_score(y_test, first)]
    probabilities = one.predict_proba(X_test)
    loss = log_loss(y_test, probabilities)
    with_one, with_two = all_runs()
    assert measured_later(with_two) == {"accuracy_score_X_test": expected[0]}
    assert measured_later(with_one) == {"accuracy_score_X_test": expected[1], "log_loss_X_test": loss}


def test_a_view_of_predictions_is_theirs_and_a_part_of_them_says_so() -> None:
    """A column of the probabilities is the whole; a slice of a slice, and the reverse, have series of their own."""
    model = fitted()
    predictions = model.predict(X_test)
    assert measured_later(only_run()) == {}
    score = roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])
    part = accuracy_score(y_test[10:90], predictions[10:][:80])
    reverse = f1_score(y_test[::-1], predictions[::-1], average="macro")
    assert measured_later(only_run()) == {
        "roc_auc_score_X_test": score,
        "accuracy_score_X_test[80 of 169 rows]": part,
        "f1_score_X_test(average=macro)[reordered]": reverse,
    }


def test_one_of_several_columns_is_named() -> None:
    """Each class against the rest has a series of its own; of two classes either column says it all."""
    iris, labels = load_iris(return_X_y=True)
    probabilities = LogisticRegression(max_iter=1000).fit(iris, labels).predict_proba(iris)
    scores = [roc_auc_score(labels == number, probabilities[:, number]) for number in range(3)]
    (run,) = all_runs()
    assert measured_later(run) == {f"roc_auc_score_iris[column {number}]": score for number, score in enumerate(scores)}
    two = fitted().predict_proba(X_test)
    area = roc_auc_score(y_test, two[:, 1])
    assert measured_later(all_runs()[1]) == {"roc_auc_score_X_test": area}


def test_how_far_two_models_agree_is_said_to_be_that() -> None:
    """It is no accuracy of either model, and stands beside that; the same model twice is as before."""
    one, two = fitted(1.0), fitted(0.001)
    first, second = one.predict(X_test), two.predict(X_test)
    agreement = accuracy_score(first, second)
    accuracy = accuracy_score(y_test, second)
    with_one, with_two = all_runs()
    assert measured_later(with_one) == {}
    assert measured_later(with_two) == {
        "accuracy_score_X_test[against predictions]": agreement,
        "accuracy_score_X_test": accuracy,
    }
    accuracy_score(one.predict(X_test), first)
    assert measured_later(all_runs()[0]) == {"accuracy_score_X_test": 1.0}


@pytest.mark.parametrize("kind", ["tree", "network", "lightgbm", "xgboost"])
def test_a_column_of_a_view_belongs_to_the_model_that_made_it(kind: str) -> None:
    """Models that give a view themselves, alternating: numpy knows the column's owner, not the view."""
    one, two = (model.fit(X[:400], y[:400]) for model in giving_views(kind))
    first, second = one.predict_proba(X_test)[:, 1], two.predict_proba(X_test)[:, 1]
    scores = [roc_auc_score(y_test, first), roc_auc_score(y_test, second)]
    assert [measured_later(run) for run in all_runs()] == [{"roc_auc_score_X_test": score} for score in scores]


def giving_views(kind: str) -> list[Any]:
    """Two unequal models of a kind."""
    if kind == "tree":
        return [DecisionTreeClassifier(max_depth=depth, random_state=0) for depth in (1, 3)]
    if kind == "network":
        return [MLPClassifier(size, solver="lbfgs", alpha=1.0, max_iter=500, random_state=0) for size in (2, 3)]
    if kind == "lightgbm":
        return [pytest.importorskip(kind).LGBMClassifier(n_estimators=many, verbose=-1) for many in (2, 5)]
    return [pytest.importorskip(kind).XGBClassifier(n_estimators=many) for many in (2, 5)]


def test_what_is_made_from_predictions_is_inferred_by_length_and_said_to_be() -> None:
    """A comparison is new: it counts as the last prediction of that length, in a series of its own."""
    model, other = fitted(), fitted(0.1)
    probabilities = model.predict_proba(X_test)
    other.predict(X_test[:50])
    inferred = accuracy_score(y_test, (probabilities[:, 1] > 0.3).astype(int))
    known = accuracy_score(y_test, model.predict(X_test))
    first, second = all_runs()
    assert measured_later(first) == {"accuracy_score_X_test[inferred]": inferred, "accuracy_score_X_test": known}
    assert [len(first.history(key)) for key in measured_later(first)] == [1, 1]
    assert measured_later(second) == {}


def test_what_belongs_to_no_prediction_is_unlinked() -> None:
    """A metric of anything else goes to the last run of the context, and its name says that nothing links it."""
    fitted()
    truth, guess = [0, 1, 1], [0, 1, 0]
    accuracy_score(truth, guess)
    assert list(measured_later(only_run())) == ["accuracy_score_truth[unlinked]"]


def test_without_any_run_a_metric_is_not_recorded(tmp_path: Path) -> None:
    """There is nothing that it could belong to."""
    accuracy_score([0, 1], [0, 1])
    assert not (tmp_path / "runs").exists()


def test_predictions_are_known_in_other_threads() -> None:
    """By identity; the thread has no context of its own."""
    model = fitted()
    predictions = model.predict(X_test)
    thread = threading.Thread(target=lambda: accuracy_score(y_test, predictions))
    thread.start()
    thread.join()
    assert list(measured_later(only_run())) == ["accuracy_score_X_test"]


def test_a_model_that_was_not_recorded_has_no_metrics() -> None:
    """What an unrecorded or unpickled model predicts is unlinked, as is what is made from it; not another's."""
    with autolog.paused():
        unrecorded = fitted()
    recorded = fitted(0.5)
    recorded.predict(X_test)
    loaded = pickle.loads(pickle.dumps(recorded))
    accuracy_score(y_test, unrecorded.predict(X_test))
    accuracy_score(y_test, loaded.predict(X_test) == 1, normalize=False)
    assert set(measured_later(only_run())) == {
        "accuracy_score_X_test[unlinked]",
        "accuracy_score_X_test(normalize=False)[unlinked]",
    }


def test_clusters_are_measured_too() -> None:
    """`labels_` and what `fit_predict` gives are predictions, and a metric may compare them with the data."""
    points = X[:100]
    model = KMeans(2, n_init=1, random_state=0).fit(points)
    score = silhouette_score(points, model.labels_)
    labels = KMeans(3, n_init=1, random_state=0).fit_predict(points)
    agreement = adjusted_rand_score(y[:100], labels)
    first, second = all_runs()
    assert measured_later(first) == {"silhouette_score_points": pytest.approx(score)}
    assert measured_later(second) == {"adjusted_rand_score_points": pytest.approx(agreement)}


def test_either_side_of_a_symmetric_metric() -> None:
    """`cohen_kappa_score(y1, y2)` takes the prediction second, as people write it."""
    model = fitted()
    kappa = cohen_kappa_score(y_test, model.predict(X_test))
    assert measured_later(only_run()) == {"cohen_kappa_score_X_test": kappa}


# ---- what it is called


def test_the_data_is_named_as_the_user_names_it() -> None:
    """By a local, a global, an enclosing function's variable; an expression without a name has none."""
    model = fitted()
    held_out = X[450:]

    def in_function(rows: Any) -> None:
        r2_score(y[450:], model.predict(rows))
        mean_squared_error(y[450:], model.predict(held_out))

    in_function(X[450:])
    accuracy_score(y_test, model.predict(X_test))
    f1_score(y[450:], model.predict(X[450:]))
    assert set(measured_later(only_run())) == {
        "r2_score_rows",
        "mean_squared_error_held_out",
        "accuracy_score_X_test",
        "f1_score",
    }


def test_without_a_name_for_the_data_the_truth_names_it() -> None:
    """Predictions on an expression, compared with something that has a name."""
    model = fitted()
    y_late = y[450:]
    accuracy_score(y_late, model.predict(X[450:]))
    assert list(measured_later(only_run())) == ["accuracy_score_y_late"]


def test_arguments_that_change_the_meaning_are_part_of_the_name() -> None:
    """Those that differ from their defaults, by value where they are plain, else by the user's name for them."""
    model = fitted()
    weights = np.linspace(1, 2, len(y_test))
    predictions = model.predict(X_test)
    f1_score(y_test, predictions)
    f1_score(y_test, predictions, average="binary", pos_label=1)
    f1_score(y_test, predictions, average="macro")
    f1_score(y_test, predictions, pos_label=0)
    precision_score(y_test, predictions, pos_label=np.int64(0))
    precision_score(y_test, predictions, labels=[0, 1], average="micro")
    fbeta_score(y_test, predictions, beta=0.5)
    accuracy_score(y_test, predictions, normalize=False)
    accuracy_score(y_test, predictions, sample_weight=weights)
    accuracy_score(y_test, predictions, sample_weight=weights * 2)
    run = only_run()
    assert set(measured_later(run)) == {
        "f1_score_X_test",
        "f1_score_X_test(average=macro)",
        "f1_score_X_test(pos_label=0)",
        "precision_score_X_test(pos_label=0)",
        "precision_score_X_test(average=micro, labels=[0, 1])",
        "fbeta_score_X_test(beta=0.5)",
        "accuracy_score_X_test(normalize=False)",
        "accuracy_score_X_test(sample_weight=weights)",
        "accuracy_score_X_test(sample_weight=…)",
    }
    assert len(run.history("f1_score_X_test")) == 2


def test_the_same_metric_again_is_the_next_point() -> None:
    """A second computation is a second point, at step 1."""
    model = fitted()
    for _ in range(2):
        value = accuracy_score(y_test, model.predict(X_test))
    history = only_run().history("accuracy_score_X_test")
    assert [(step, number) for step, number, _ in history] == [(0, value), (1, value)]


# ---- scores


def test_a_models_score_is_recorded() -> None:
    """`model.score`, and with weights under a name that says so."""
    model = fitted()
    weights = np.linspace(1, 2, len(y_test))
    plain, weighted = model.score(X_test, y_test), model.score(X_test, y_test, weights)
    assert measured_later(only_run()) == {"score_X_test": plain, "score_X_test(sample_weight=weights)": weighted}


def test_a_scorer_names_the_data_as_who_called_it_does() -> None:
    """What scikit-learn's own functions call the data is of no interest."""
    model = fitted()
    made = make_scorer(fbeta_score, beta=2)(model, X_test, y_test)
    known = get_scorer("accuracy")(model, X_test, y_test)
    assert measured_later(only_run()) == {"fbeta_score_X_test(beta=2)": made, "accuracy_score_X_test": known}


def test_what_scikit_learn_measures_for_itself_is_not_the_users() -> None:
    """Inside its validation, curves, searches and importances, whether it calls a function or a model's score."""
    model = fitted()
    permutation_importance(model, X_test, y_test, n_repeats=2, scoring="accuracy")
    permutation_importance(model, X_test, y_test, n_repeats=2)
    for scoring in ("accuracy", None):
        cross_val_score(LogisticRegression(), X, y, cv=2, scoring=scoring)
        cross_validate(LogisticRegression(), X, y, cv=2, scoring=scoring)
    learning_curve(LogisticRegression(), X, y, cv=2, train_sizes=[0.5], scoring="f1")
    GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2, scoring="f1").fit(X, y)
    found = {key for run in all_runs() for key in measured_later(run)}
    assert [key for key in found if key.startswith(("accuracy_score", "f1_score", "score"))] == []
    assert not any("X_test" in key for key in found)


def own_measure(truth: Any, predicted: Any) -> float:
    """A user's metric that uses scikit-learn's."""
    return 1 - f1_score(truth, predicted)


def test_what_the_users_code_measures_inside_scikit_learn_is_the_users() -> None:
    """A scorer of the user's function is one metric, with its name; what the function calls is part of it."""
    model = fitted()
    value = make_scorer(own_measure, greater_is_better=False)(model, X_test, y_test)
    assert measured_later(only_run()) == {"neg_own_measure_X_test": value}
    own_measure(y_test, model.predict(X_test))
    assert set(measured_later(only_run())) == {"neg_own_measure_X_test", "f1_score_X_test"}


def test_what_is_no_number_is_not_a_metric() -> None:
    """Matrices, curves and samples are passed over, without a word."""
    model = fitted()
    predictions = model.predict(X_test)
    confusion_matrix(y_test, predictions)
    roc_curve(y_test, predictions)
    silhouette_samples(X_test, predictions)
    assert (measured_later(only_run()), only_run().notes) == ({}, [])


def test_metrics_can_be_left_out() -> None:
    """`log_post_training_metrics=False` records none of them."""
    autolog.enable(log_post_training_metrics=False)
    model = fitted()
    accuracy_score(y_test, model.predict(X_test))
    model.score(X_test, y_test)
    assert measured_later(only_run()) == {}


class Wrapping(BaseEstimator):
    """Measures itself while it is fitted."""

    def fit(self, x: Any, y: Any) -> Wrapping:
        self.inner_ = Ridge().fit(x, y)
        self.error_ = mean_squared_error(y, self.inner_.predict(x))
        return self

    def predict(self, x: Any) -> Any:
        return self.inner_.predict(x)


def test_what_is_measured_inside_a_fit_is_part_of_the_fit() -> None:
    """A library's own use of metrics is no metric of the user's; what the user measures then is."""
    model = Wrapping().fit(X[:400], y[:400])
    value = mean_squared_error(y_test, model.predict(X_test))
    assert measured_later(only_run()) == {"mean_squared_error_X_test": value}

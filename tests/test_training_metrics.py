"""Training metrics equal scikit-learn's own, and stay silent where there is nothing to measure."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn import metrics as skm
from sklearn.linear_model import LinearRegression, LogisticRegression

from autolog_sklearn.training_metrics import classification_metrics, regression_metrics

# scikit-learn warns of ill-defined averages and many classes; that ours never warns is asserted in `silently`
pytestmark = pytest.mark.filterwarnings("ignore:::sklearn")

LABELS = {
    "integers": np.array([-3, 0, 7, 12]),
    "far integers": np.array([-(2**62), 0, 5, 2**62]),
    "small integers": np.array([0, 1, 2, 250], dtype=np.uint8),
    "floats": np.array([0.0, 1.0, 2.0, 5.0]),
    "strings": np.array(["ant", "bee", "", "ünit"]),
    "objects": np.array(["ant", "bee", "cat", "dog"], dtype=object),
    "bools": np.array([False, True]),
}
LABELS["strings"].sort()


def silently(function, *args, **kwargs):
    """Call it with every warning an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*args, **kwargs)


def assert_equal(ours, theirs):
    """Compare by name, to twelve digits."""
    assert ours.keys() == {f"training_{name}" for name in theirs}
    for name, value in theirs.items():
        assert math.isclose(ours[f"training_{name}"], value, rel_tol=1e-12, abs_tol=1e-15), name


def strided(array):
    """Give equal values in memory that is not contiguous."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


@st.composite
def predictions(draw, sizes=(2, 3, 4), most_rows=25):
    """Draw labels, a prediction, probabilities with ties, zeros and ones, and all classes."""
    labels = LABELS[draw(st.sampled_from(sorted(LABELS)))]
    classes = labels[: draw(st.sampled_from([size for size in sizes if size <= len(labels)] or [2]))]
    rows = draw(st.integers(1, most_rows))
    codes = st.lists(st.integers(0, len(classes) - 1), min_size=rows, max_size=rows)
    parts = draw(npst.arrays(np.int8, (rows, len(classes)), elements=st.integers(0, 3)))
    parts[:, 0] += parts.sum(axis=1) == 0
    proba = parts / parts.sum(axis=1, keepdims=True)
    proba = proba.astype(draw(st.sampled_from([np.float64, np.float32])))
    true, predicted = classes[draw(codes)], classes[draw(codes)]
    if draw(st.booleans()) and true.dtype != object:
        true, predicted, proba = strided(true), strided(predicted), strided(proba)
    return true, predicted, proba, classes


def label_metrics(true, predicted):
    """Give what scikit-learn measures without probabilities."""
    average = {"average": "weighted", "zero_division": 0}
    return {
        "accuracy": skm.accuracy_score(true, predicted),
        "precision_weighted": skm.precision_score(true, predicted, **average),
        "recall_weighted": skm.recall_score(true, predicted, **average),
        "f1_weighted": skm.f1_score(true, predicted, **average),
    }


def defined(metrics):
    """Drop what scikit-learn says is not defined."""
    return {name: value for name, value in metrics.items() if not math.isnan(value)}


@given(predictions())
@settings(deadline=None, max_examples=80)
def test_label_metrics_equal_scikit_learn(case):
    """Accuracy and the weighted averages are those of sklearn.metrics, whatever classes are missing on either side."""
    true, predicted, _, classes = case
    ours = silently(classification_metrics, true, predicted, None, classes)
    assert_equal(ours, label_metrics(true, predicted))
    assert silently(classification_metrics, true, predicted) == ours


@given(predictions(sizes=(2,)))
@settings(deadline=None, max_examples=80)
def test_binary_probability_metrics_equal_scikit_learn(case):
    """Log loss and area under the curve are those the scorers compute from the second class's probability."""
    true, predicted, proba, classes = case
    theirs = label_metrics(true, predicted)
    theirs["neg_log_loss"] = -skm.log_loss(true, proba[:, 1], labels=classes)
    theirs["roc_auc"] = skm.roc_auc_score(true, proba[:, 1])
    assert_equal(silently(classification_metrics, true, predicted, proba, classes), defined(theirs))


@given(predictions(sizes=(3, 4)))
@settings(deadline=None, max_examples=80)
def test_multiclass_probability_metrics_equal_scikit_learn(case):
    """Log loss and the one-versus-rest area equal scikit-learn's, given all classes, some without a row."""
    true, predicted, proba, classes = case
    assume(len(classes) > 2)
    theirs = label_metrics(true, predicted)
    theirs["neg_log_loss"] = -skm.log_loss(true, proba, labels=classes)
    theirs["roc_auc_ovr_weighted"] = skm.roc_auc_score(
        true, proba, labels=classes, multi_class="ovr", average="weighted"
    )
    assert_equal(silently(classification_metrics, true, predicted, proba, classes), defined(theirs))


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_roc_auc_of_scores_equals_scikit_learn(data):
    """Scores of any size and sign, with ties, give scikit-learn's area, and are preferred to probabilities."""
    rows = data.draw(st.integers(1, 30))
    ties = st.sampled_from([-1e300, -1.0, -0.0, 0.0, 5e-324, 1.0]) | st.floats(-10, 10)
    scores = np.array(data.draw(st.lists(ties, min_size=rows, max_size=rows)))
    true = np.array(data.draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows)))
    area = skm.roc_auc_score(true, scores)
    proba = np.full((rows, 2), 0.5)
    ours = silently(classification_metrics, true, true, proba, np.array([0, 1]), scores)
    assert_equal({name: value for name, value in ours.items() if "roc" in name}, defined({"roc_auc": area}))


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_multilabel_metrics_equal_scikit_learn(data):
    """Of a multilabel indicator, accuracy is that of whole rows, and averages are over the labels."""
    shape = data.draw(st.tuples(st.integers(1, 12), st.integers(2, 4)))
    kind = data.draw(st.sampled_from([np.int64, np.bool_, np.float64]))
    indicator = npst.arrays(np.int8, shape, elements=st.integers(0, 1))
    true, predicted = data.draw(indicator).astype(kind), data.draw(indicator).astype(kind)
    # scikit-learn subtracts them, which numpy does not do with bools
    theirs = label_metrics(true.astype(int), predicted.astype(int))
    assert_equal(silently(classification_metrics, true, predicted), theirs)


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_regression_metrics_equal_scikit_learn(data):
    """R² and the errors equal scikit-learn's for one and several outputs, constants, and every mix of dtypes."""
    rows = data.draw(st.integers(1, 15))
    shape = data.draw(st.sampled_from([(rows,), (rows, 1), (rows, 3)]))
    dtypes = st.sampled_from([np.float64, np.float32, np.int32, np.bool_])
    values = npst.arrays(np.float64, shape, elements=st.sampled_from([0, 0.1, 1, 2, -3.7, 100.25]) | st.floats(-9, 9))
    true, predicted = (data.draw(values).astype(data.draw(dtypes)) for _ in range(2))
    if data.draw(st.booleans()):
        true, predicted = strided(true), strided(predicted)
    theirs = {
        "r2": skm.r2_score(true, predicted),
        "neg_mean_squared_error": -skm.mean_squared_error(true, predicted),
        "neg_root_mean_squared_error": -skm.root_mean_squared_error(true, predicted),
        "neg_mean_absolute_error": -skm.mean_absolute_error(true, predicted),
    }
    assert_equal(silently(regression_metrics, true, predicted), defined(theirs))


def test_names_and_values_are_those_of_the_scorers():
    """A fitted model's metrics are what get_scorer gives for the same names, the prefix aside."""
    rng = np.random.default_rng(0)
    data = rng.normal(size=(60, 3))
    for size in (2, 3):
        true = np.array(["a", "b", "c"])[rng.integers(0, size, 60)]
        model = LogisticRegression().fit(data, true)
        scores = model.decision_function(data) if size == 2 else None
        ours = classification_metrics(
            true, model.predict(data), model.predict_proba(data), model.classes_, scores=scores
        )
        assert_equal(ours, {name[9:]: skm.get_scorer(name[9:])(model, data, true) for name in ours})
        assert len(ours) == 6
    regressor = LinearRegression().fit(data, data[:, 0] ** 2)
    ours = regression_metrics(data[:, 0] ** 2, regressor.predict(data))
    assert_equal(ours, {name[9:]: skm.get_scorer(name[9:])(regressor, data, data[:, 0] ** 2) for name in ours})
    assert len(ours) == 4


def test_many_rows_equal_scikit_learn():
    """Rounding does not add up over many rows."""
    rng = np.random.default_rng(1)
    true = rng.integers(0, 5, 50_000)
    proba = rng.dirichlet(np.ones(5), 50_000).astype(np.float32)
    predicted = proba.argmax(axis=1)
    theirs = label_metrics(true, predicted)
    theirs["neg_log_loss"] = -skm.log_loss(true, proba)
    theirs["roc_auc_ovr_weighted"] = skm.roc_auc_score(true, proba, multi_class="ovr", average="weighted")
    assert_equal(classification_metrics(true, predicted, proba, np.arange(5)), theirs)


def test_one_class_in_truth_leaves_the_area_out():
    """Where only one class is in the truth there is a log loss but no area under a curve."""
    proba = np.array([[0.2, 0.8], [0.6, 0.4]])
    ours = silently(classification_metrics, np.array([1, 1]), np.array([1, 0]), proba, np.array([0, 1]))
    assert "training_neg_log_loss" in ours
    assert "training_roc_auc" not in ours


def test_one_row_has_no_r2():
    """R² of a single row is left out, the errors are given."""
    ours = silently(regression_metrics, np.array([1.0]), np.array([3.0]))
    assert ours.keys() == {
        f"training_neg_{name}_error" for name in ("mean_squared", "root_mean_squared", "mean_absolute")
    }


def test_a_class_unknown_to_the_model_leaves_probabilities_out():
    """A label without a column of probabilities says nothing about them; the labels are still measured."""
    ours = silently(
        classification_metrics, np.array([0, 1, 5]), np.array([0, 1, 1]), np.full((3, 2), 0.5), np.array([0, 1])
    )
    assert ours.keys() == {f"training_{name}" for name in label_metrics([0], [0])}


@pytest.mark.parametrize("proba", [[[0.5, 0.6], [1.2, -0.2]], [[np.nan, 0.5], [0.5, 0.5]], [[1.0], [1.0]], [0.1, 0.2]])
def test_what_is_no_probability_is_not_measured(proba):
    """Values outside 0 to 1, nan, and another shape leave out what would come of them; scikit-learn refuses them."""
    ours = silently(classification_metrics, np.array([0, 1]), np.array([0, 1]), np.array(proba), np.array([0, 1]))
    assert len(ours) == 4


def test_empty_classes_are_taken_from_the_truth():
    """Without classes the columns are the labels of the truth in their order."""
    true, proba = np.array(["b", "a"]), np.array([[0.1, 0.9], [0.8, 0.2]])
    ours = silently(classification_metrics, true, true, proba, np.array([]))
    assert ours == silently(classification_metrics, true, true, proba, np.array(["a", "b"]))
    assert ours["training_roc_auc"] == 1.0


def test_nullable_pandas_columns_are_measured():
    """A nullable column, which numpy sees as objects, is measured as its numbers."""
    column = pd.Series([1, 0, 1, 1], dtype="Int64").astype(object)
    assert classification_metrics(column, np.array([1, 0, 0, 1]))["training_accuracy"] == 0.75
    assert regression_metrics(column, np.array([1, 0, 0, 1]))["training_neg_mean_absolute_error"] == -0.25


class Label:
    """A user's own label, which no code of ours may compare."""

    def __eq__(self, other):
        raise AssertionError

    __hash__ = __lt__ = __eq__


@pytest.mark.parametrize(
    ("true", "predicted"),
    [
        ([], []),
        ([0, 1], [0]),
        ([0.5, 1.0], [0.5, 1.0]),
        ([np.nan, 1.0], [0.0, 1.0]),
        (["a", "b"], [0, 1]),
        ([b"a", b"b"], [b"a", b"b"]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ([1j, 2j], [1j, 2j]),
        (np.array([Label(), Label()]), np.array([Label(), Label()])),
        (np.array(["a", None]), np.array(["a", None])),
        (5, 5),
    ],
)
def test_what_cannot_be_classified_gives_nothing(true, predicted):
    """Input that no classification metric is defined for gives no metric, no error and no warning."""
    assert silently(classification_metrics, true, predicted) == {}


@pytest.mark.parametrize(
    ("true", "predicted"),
    [
        ([], []),
        ([0.0, 1.0], [0.0]),
        ([np.inf, 1.0], [0.0, 1.0]),
        (["a", "b"], ["a", "b"]),
        (np.array([Label(), Label()]), np.array([0.0, 1.0])),
        (np.zeros((2, 2, 2)), np.zeros((2, 2, 2))),
    ],
)
def test_what_cannot_be_regressed_gives_nothing(true, predicted):
    """Input that no regression metric is defined for gives no metric, no error and no warning."""
    assert silently(regression_metrics, true, predicted) == {}


def test_an_overflow_is_left_out():
    """An error beyond the largest float is no number, and is left out without a warning."""
    ours = silently(regression_metrics, np.array([1e200, 0.0]), np.array([-1e200, 0.0]))
    assert ours.keys() == {"training_neg_mean_absolute_error"}


def test_arguments_stay_as_they_are():
    """Nothing that is given is written to."""
    true, proba = np.array([0, 1, 1]), np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
    for array in (true, proba):
        array.flags.writeable = False
    assert len(classification_metrics(true, true, proba, np.array([0, 1]))) == 6
    assert len(regression_metrics(proba[:, 0], proba[:, 1])) == 4


@pytest.mark.parametrize(("rows", "measured"), [(1_000, True), (1_001, False)])
def test_the_area_over_classes_is_left_out_beyond_its_bound(rows, measured):
    """Of 400 classes a thousand rows are ranked, and no more; all else is measured."""
    rng = np.random.RandomState(0)
    true, proba = np.append(np.arange(400), rng.randint(0, 400, rows - 400)), rng.dirichlet(np.ones(400), rows)
    found = silently(classification_metrics, true, proba.argmax(axis=1), proba, np.arange(400))
    assert ("training_roc_auc_ovr_weighted" in found) is measured
    assert {"training_accuracy", "training_f1_weighted", "training_neg_log_loss"} <= found.keys()

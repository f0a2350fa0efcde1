"""What is said to predict without a trace leaves none; what would run other code, or leave a trace, is named."""

from __future__ import annotations

import inspect
import pickle
import random
from collections import Counter
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectFromModel
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF
from sklearn.impute import IterativeImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LinearRegression, LogisticRegression, RANSACRegressor
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, PowerTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.discovery import all_estimators

import autolog
from autolog.testing import only_run
from autolog_sklearn import scoring
from autolog_sklearn.own_code import prediction_is_safe

pytestmark = pytest.mark.filterwarnings("ignore:::sklearn", "ignore:::scipy", "ignore:::joblib")

ROWS = np.abs(np.random.RandomState(0).normal(size=(40, 4))) + 0.1
LABELS = np.random.RandomState(1).randint(0, 2, 40)
TARGETS = (LABELS, LABELS + 1, np.column_stack([LABELS, 1 - LABELS]))
"""What an estimator may want to be fitted to: labels, positive numbers, several outputs."""

REQUIRED = {
    "estimator": LogisticRegression(),
    "estimators": [("first", LogisticRegression()), ("second", DecisionTreeClassifier())],
    "param_grid": {"C": [1.0, 2.0]},
    "param_distributions": {"C": [1.0, 2.0]},
    "steps": [("scale", StandardScaler()), ("classify", LogisticRegression())],
    "transformers": [("scale", StandardScaler(), [0, 1])],
    "transformer_list": [("scale", StandardScaler())],
    "dictionary": ROWS[:3],
}
KINDS = [(name, cls) for name, cls in all_estimators() if hasattr(cls, "predict") or hasattr(cls, "transform")]


def own_function(values):
    """Stand for a function of the user's."""
    return np.asarray(values)


def own_metric(one, other):
    """Stand for a distance of the user's."""
    return float(np.abs(one - other).sum())


def own_kernel(one, other):
    """Stand for a kernel of the user's."""
    return one @ np.transpose(other)


def own_tokenizer(text):
    """Stand for a tokenizer of the user's."""
    return text.split()


class OwnTransformer(TransformerMixin, BaseEstimator):
    """Stands for a class of the user's."""

    def fit(self, rows, labels=None):
        return self

    def transform(self, rows):
        return rows


class OwnClassifier(LogisticRegression):
    """Stands for a user's class that inherits all its methods from scikit-learn."""


class OwnKernel(RBF):
    """Stands for a user's kernel of a Gaussian process."""


@cache
def fitted(cls):
    """Fit a class with its defaults, in a pipeline where it cannot predict, or give None where it wants other data."""
    needed = [name for name, each in inspect.signature(cls).parameters.items() if each.default is each.empty]
    if not REQUIRED.keys() >= set(needed):
        return None
    model = cls(**{name: clone(REQUIRED[name], safe=False) for name in needed})
    if not hasattr(cls, "predict"):
        model = make_pipeline(model, LogisticRegression())
    return next(filter(None, (fit_or_none(model, target) for target in TARGETS)), None)


def fit_or_none(model, target):
    """Fit, or give None where the target is of the wrong kind."""
    try:
        return model.fit(ROWS.copy(), target)
    except (AttributeError, IndexError, TypeError, ValueError):
        return None


def state_of_the_world(model, rows):
    """Give all that a prediction must not change."""
    return pickle.dumps(model), rows.tobytes(), pickle.dumps(np.random.get_state()), random.getstate()


def predict_all(model, rows):
    """Predict in every way the model has."""
    for name in ("predict", "predict_proba", "decision_function"):
        if hasattr(model, name):
            getattr(model, name)(rows)


def assert_traceless(model, capfd):
    """Predict, and find everything as it was."""
    capfd.readouterr()
    rows = ROWS.copy()
    before = state_of_the_world(model, rows)
    predict_all(model, rows)
    assert state_of_the_world(model, rows) == before
    assert capfd.readouterr() == ("", "")


UNSAFE = {
    "Isomap",
    "IterativeImputer",
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "KNeighborsTransformer",
    "LatentDirichletAllocation",
    "LocallyLinearEmbedding",
    "NMF",
    "RadiusNeighborsClassifier",
    "RadiusNeighborsRegressor",
    "RadiusNeighborsTransformer",
}
"""With their defaults: they hold a tree that counts its queries, or a random state that predicting may draw from."""


@pytest.mark.parametrize(("name", "cls"), KINDS, ids=[name for name, _ in KINDS])
def test_a_safe_prediction_leaves_no_trace(name, cls, capfd):
    """Predicting with what is called safe changes no random state, no data and no pickle, and prints nothing."""
    model = fitted(cls)
    if model is None:
        pytest.skip("wants other data")
    reason = prediction_is_safe(model)
    assert (reason is not None) == (name in UNSAFE), reason
    if reason is None:
        assert_traceless(model, capfd)


def test_most_estimators_are_tried():
    """The proof above covers the estimators of scikit-learn but for a few that want data of another kind."""
    assert sum(fitted(cls) is None for _, cls in KINDS) < len(KINDS) / 8


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), PowerTransformer(), LogisticRegression(), verbose=True),
        GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2, scoring=make_scorer(own_metric), n_jobs=1, verbose=1),
        RandomForestClassifier(5, random_state=np.random.RandomState(0), n_jobs=2),
        MLPClassifier(5, max_iter=5, random_state=np.random.RandomState(0)),
        GradientBoostingClassifier(n_estimators=3, verbose=1),
        HistGradientBoostingClassifier(max_iter=3, verbose=1),
        VotingClassifier([("a", SVC(probability=False)), ("b", KNeighborsClassifier(algorithm="brute"))]),
        DummyClassifier(strategy="prior"),
        DummyClassifier(strategy="uniform", random_state=0),
        make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()),
        make_pipeline(FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 1}), LogisticRegression()),
        GaussianProcessClassifier(RBF(), random_state=np.random.RandomState(0)),
        BaggingClassifier(n_estimators=3),
    ],
    ids=lambda model: str(type(model).__name__),
)
def test_what_fitting_alone_uses_does_not_matter(model, capfd):
    """A scorer, a verbosity or a random state that prediction does not touch leaves it safe, and without a trace."""
    model = clone(model).fit(ROWS, LABELS)
    assert prediction_is_safe(model) is None
    assert_traceless(model, capfd)


LR = LogisticRegression()
OWN = [
    (OwnClassifier(), "OwnClassifier is not"),
    (make_pipeline(OwnTransformer(), LR), "OwnTransformer is not"),
    (GridSearchCV(OwnClassifier(), {"C": [1.0]}, cv=2), "OwnClassifier is not"),
    (VotingClassifier([("a", LR), ("b", OwnClassifier())]), "OwnClassifier is not"),
    (BaggingClassifier(OwnClassifier(), n_estimators=2), "OwnClassifier is not"),
    (make_pipeline(FeatureUnion([("own", OwnTransformer())]), LR), "OwnTransformer is not"),
    (make_pipeline(ColumnTransformer([("own", OwnTransformer(), [0])]), LR), "OwnTransformer is not"),
    (GaussianProcessClassifier(OwnKernel()), "OwnKernel is not"),
    (make_pipeline(FunctionTransformer(own_function), LR), "own_function"),
    (make_pipeline(FunctionTransformer(partial(own_function)), LR), "own_function"),
    (make_pipeline(FunctionTransformer(np.vectorize(own_function)), LR), "own_function"),
    (make_pipeline(FunctionTransformer(OwnTransformer().transform), LR), "OwnTransformer"),
    (make_pipeline(FunctionTransformer(np.frompyfunc(float, 1, 1)), LR), "float"),
    (make_pipeline(FunctionTransformer(np.random.permutation), LR), "RandomState"),
    (TransformedTargetRegressor(LinearRegression(), func=own_function, inverse_func=own_function), "own_function"),
    (KNeighborsRegressor(metric=own_metric, algorithm="brute"), "own_metric"),
    (KNeighborsClassifier(weights=own_function, algorithm="brute"), "own_function"),
    (SVC(kernel=own_kernel), "own_kernel"),
    (make_pipeline(Nystroem(kernel=own_metric, n_components=5), LR), "own_metric"),
]
TRACES = [
    (make_pipeline(StandardScaler(copy=False), LR), "copy=False"),
    (make_pipeline(FunctionTransformer(np.nan_to_num, kw_args={"copy": False}), LR), "copy=False"),
    (LinearRegression(copy_X=False), "copy_X=False"),
    (KMeans(2, n_init=1, copy_x=False), "copy_x=False"),
    (RandomForestClassifier(2, verbose=1), "verbose"),
    (BaggingClassifier(n_estimators=2, verbose=2), "verbose"),
    (DummyClassifier(strategy="uniform"), "draws"),
    (DummyClassifier(strategy="stratified", random_state=np.random.RandomState(0)), "draws"),
    (make_pipeline(IterativeImputer(sample_posterior=True, random_state=0), LinearRegression()), "RandomState"),
    (KNeighborsClassifier(algorithm="ball_tree"), "BallTree"),
]


@pytest.mark.parametrize(("model", "reason"), OWN + TRACES, ids=[f"{index}" for index in range(len(OWN + TRACES))])
def test_the_reason_is_named(model, reason):
    """A user's class or function on the way, and each kind of trace, is named in a few words."""
    answer = prediction_is_safe(clone(model).fit(ROWS.copy(), LABELS))
    assert answer is not None
    assert reason in answer
    assert len(answer) < 120


def test_a_tokenizer_of_the_user_is_named():
    """A function that a text's transformation calls is found."""
    model = make_pipeline(TfidfVectorizer(tokenizer=own_tokenizer, token_pattern=None), LR)
    assert "own_tokenizer" in prediction_is_safe(clone(model).fit(["a b", "b c"], [0, 1]))
    assert prediction_is_safe(make_pipeline(TfidfVectorizer(), clone(LR)).fit(["aa bb", "bb cc"], [0, 1])) is None


def test_a_method_of_the_user_on_an_instance_is_named():
    """A prediction method that the user hung on the instance is theirs."""
    model = clone(LR).fit(ROWS, LABELS)
    model.predict = own_function
    assert "own_function" in prediction_is_safe(model)


def test_what_the_user_hung_on_an_instance_is_left_alone():
    """An attribute of the user's that no prediction mentions changes nothing, and none of its code runs."""

    class Loud:
        def __getattribute__(self, name):
            raise AssertionError

        __eq__ = __hash__ = __bool__ = __repr__ = __getattribute__

    model = clone(LR).fit(ROWS, LABELS)
    model.mine = Loud()
    assert prediction_is_safe(model) is None
    model.classes_ = Loud()
    assert "Loud is not" in prediction_is_safe(model)


def test_one_foreign_tree_among_many_is_found():
    """Every member of an ensemble counts, not the first few."""
    model = RandomForestClassifier(300, max_depth=1).fit(ROWS, LABELS)
    assert prediction_is_safe(model) is None
    model.estimators_[250] = OwnClassifier()
    assert "OwnClassifier" in prediction_is_safe(model)


def test_the_walk_ends():
    """A model that holds itself is walked once, and one with too many parts is not called safe."""
    model = make_pipeline(StandardScaler(), clone(LR)).fit(ROWS, LABELS)
    model.steps.append(("self", model))
    assert prediction_is_safe(model) is None
    model.steps.append(("many", [[] for _ in range(10_000)]))
    assert "10,000 parts" in prediction_is_safe(model)


def test_looking_leaves_no_trace():
    """The estimator that was looked at is as it was: the walk itself leaves no trace either."""
    model = RANSACRegressor(random_state=np.random.RandomState(0)).fit(ROWS, ROWS[:, 0])
    before = pickle.dumps(model)
    assert prediction_is_safe(model) is None
    assert pickle.dumps(model) == before


def test_a_class_of_the_tests_that_scikit_learn_ships_is_nobodys_library():
    """What stands in scikit-learn's own tests counts as a user's: it may count its calls."""
    cls = type("Counting", (LogisticRegression,), {"__module__": "sklearn.metrics.tests.test_score_objects"})
    assert "is not scikit-learn's own class" in prediction_is_safe(cls().fit(ROWS, LABELS))


# ---- fits that are recorded: X and the user's functions are touched as often as without autolog


def combine(feature, category):
    """Stand for a namer of the user's."""
    CALLS["combine"] += 1
    return f"{feature}_{category}"


def importances(model):
    """Stand for a user's own look at coefficients."""
    CALLS["importances"] += 1
    return np.abs(model.coef_).ravel()


def name_features(transformer, names):
    """Stand for a user's own names."""
    CALLS["name_features"] += 1
    return list(names)


CALLS = Counter()
TOUCHING = {
    "copy is numpy's False": lambda rows: StandardScaler(copy=np.False_),
    "out": lambda rows: FunctionTransformer(np.log1p, kw_args={"out": rows}),
    "out of a partial": lambda rows: FunctionTransformer(partial(np.log1p, out=rows)),
    "combiner": lambda rows: OneHotEncoder(sparse_output=False, feature_name_combiner=combine),
    "names": lambda rows: FunctionTransformer(np.log1p, feature_names_out=name_features),
    "getter": lambda rows: SelectFromModel(LogisticRegression(), importance_getter=importances),
}


def what_a_fit_touches(make, as_pandas):
    """Fit a pipeline; give the rows that it leaves, and how often it called the user's functions."""
    rows = ROWS.round(1)
    step = make(rows)
    if as_pandas:
        step.set_output(transform="pandas")
    data = pd.DataFrame(rows, columns=list("abcd"), copy=False) if as_pandas else rows
    CALLS.clear()
    make_pipeline(step, LogisticRegression()).fit(data, LABELS)
    return rows.tobytes(), Counter(CALLS)


@pytest.mark.parametrize("as_pandas", [False, True])
@pytest.mark.parametrize("make", TOUCHING.values(), ids=TOUCHING)
def test_a_recorded_fit_touches_what_a_fit_touches(make, as_pandas, store, monkeypatch):
    """A recorded fit writes to X, and calls the user's functions, as often as one that nobody watches."""
    monkeypatch.setattr(scoring, "_FREE", 60.0)
    alone = what_a_fit_touches(make, as_pandas)
    autolog.enable("sklearn", backend=store, silent=True)
    assert what_a_fit_touches(make, as_pandas) == alone
    assert only_run().status == "FINISHED"


@pytest.mark.parametrize("name", list(TOUCHING)[:3])
def test_such_a_fit_says_why_it_has_no_metrics(name, store):
    """What would write to X again is named in a note of the run."""
    autolog.enable("sklearn", backend=store, silent=True)
    what_a_fit_touches(TOUCHING[name], False)
    run = only_run()
    assert not [key for key in run.metrics if key.startswith("training_")]
    assert any("overwrite the data" in note or "write to an array" in note for note in run.notes)

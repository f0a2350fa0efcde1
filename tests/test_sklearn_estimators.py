"""Every estimator of scikit-learn gives the same with autolog as without, and is recorded as what it is."""

from __future__ import annotations

import functools
import inspect
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
import pytest

import autolog

pytest.importorskip("sklearn")
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.datasets import make_classification, make_regression
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils._testing import set_random_state
from sklearn.utils.discovery import all_estimators

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecated classes say so
    CLASSES = dict(all_estimators())

ROWS = 60
TEXT = ["one two", "two three", "three"] * (ROWS // 3)
SPECIAL = {
    "FeatureHasher": ([{"a": 1.0}, {"b": 2.0}],),
    "DictVectorizer": ([{"a": 1.0}, {"b": 2.0}],),
    "IsotonicRegression": (np.arange(10.0), np.arange(10.0) ** 2),
    "LabelBinarizer": (TEXT,),
    "LabelEncoder": (TEXT,),
    "MultiLabelBinarizer": ([(1, 2), (3,)],),
    "PatchExtractor": (np.arange(4.0 * 64).reshape(4, 8, 8),),
}
CANNOT_FIT = {"SparseCoder", "QuadraticDiscriminantAnalysis", "SequentialFeatureSelector"}


class World(NamedTuple):
    """What a fit leaves behind for the user to see."""

    error: str | None
    model: bytes
    predictions: bytes
    random_state: bytes
    warnings: list[tuple[str, str, int]]
    data: bytes


@functools.cache
def tables() -> dict[str, tuple[Any, Any]]:
    """The data for classifiers and for the rest."""
    return {
        "classifier": make_classification(ROWS, 6, n_informative=4, n_classes=2, random_state=0),
        "regressor": make_regression(ROWS, 6, noise=1, random_state=0),
    }


def estimator(name: str) -> BaseEstimator:
    """One instance of a class, with scikit-learn's own choice of params for tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from sklearn.utils._test_common.instance_generator import _construct_instances
        except ImportError:  # before scikit-learn 1.6
            from sklearn.utils.estimator_checks import _construct_instance, _set_checking_parameters

            model = _construct_instance(CLASSES[name])
            _set_checking_parameters(model)
            return model
        return next(iter(_construct_instances(CLASSES[name])))


class Wants(NamedTuple):
    """What kind of data an estimator says it takes."""

    text: bool
    positive: bool
    pairwise: bool
    positive_target: bool
    one_target: bool


def wants(model: BaseEstimator) -> Wants:
    """Ask an estimator of any version of scikit-learn."""
    if hasattr(model, "__sklearn_tags__"):
        tags = model.__sklearn_tags__()
        given, target = tags.input_tags, tags.target_tags
        text = given.string and not given.two_d_array
        return Wants(text, given.positive_only, given.pairwise, target.positive_only, target.single_output)
    told = model._get_tags()
    text = "string" in told["X_types"] and "2darray" not in told["X_types"]
    positive = (told["requires_positive_X"], told["pairwise"], told["requires_positive_y"])
    return Wants(text, *positive, not told["multioutput_only"])


def arguments(model: BaseEstimator) -> tuple[Any, ...]:
    """What the estimator can be fitted to."""
    if type(model).__name__ in SPECIAL:
        return SPECIAL[type(model).__name__]
    wanted = wants(model)
    if isinstance(model, CountVectorizer) or wanted.text:
        return (TEXT,)
    x, y = tables()["classifier" if is_classifier(model) else "regressor"]
    x = np.abs(x) if wanted.positive else x
    x = x @ x.T if wanted.pairwise else x
    y = np.abs(y) + 0.1 if wanted.positive_target else y
    y = np.arange(ROWS) % 2 if type(model).__name__ == "NeighborhoodComponentsAnalysis" else y
    return x.copy(), np.column_stack([y, y]) if not wanted.one_target else y.copy()


def world(model: BaseEstimator) -> World:
    """Fit and predict, and see what is there then."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        model = clone(model)
        set_random_state(model, 0)
        given = arguments(model)
        np.random.seed(0)
        error, predictions = None, None
        try:
            model.fit(*given)
            if hasattr(model, "predict"):
                predictions = model.predict(given[0])
        except Exception as raised:
            error = repr(raised)
        state = pickle.dumps(np.random.get_state())
        seen = [(str(each.message), each.filename, each.lineno) for each in warned]
        return World(error, pickle.dumps(model), pickle.dumps(predictions), state, seen, pickle.dumps(given))


@pytest.mark.parametrize("name", sorted(set(CLASSES) - {"FrozenEstimator"}))
def test_an_estimator_is_the_same_and_recorded(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A fit leaves the same bytes, predictions, random state and warnings; a predictor's is a run, others none."""
    model = estimator(name)
    without = world(model)
    capfd.readouterr()
    autolog.enable(backend=str(tmp_path / "runs"), silent=True)
    recorded = world(model)
    autolog.disable()
    if recorded != without:  # only what scikit-learn itself gives differently each time, such as measured times, may
        again = world(model)
        differing = [now == then for now, then in zip(recorded, without, strict=True)]
        assert differing == [now == then for now, then in zip(again, without, strict=True)]
    assert recorded.error is None or name in CANNOT_FIT, recorded.error
    assert capfd.readouterr() == ("", "")
    runs = autolog.search_runs(output_format="list") if (tmp_path / "runs").exists() else []
    runs = [run for run in runs if run.parent_run_id is None]
    predicts = any(hasattr(model, method) for method in ("predict", "score", "fit_predict"))
    assert [run.status for run in runs] == (["FINISHED" if recorded.error is None else "FAILED"] if predicts else [])
    for run in runs:
        assert run.tags["estimator_class"] == f"{CLASSES[name].__module__}.{name}"
        assert len(run.inputs) == 1
        assert len(run.models) == (recorded.error is None)
        assert run.notes == [] or all(note.startswith("no training metrics") for note in run.notes)
        for metric, value in run.metrics.items():
            assert metric.startswith(OTHERS) or value == kept(loaded(recorded.model), metric), metric


def loaded(model: bytes) -> BaseEstimator:
    """The fitted estimator again; making one of a deprecated class warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pickle.loads(model)


def kept(model: BaseEstimator, metric: str) -> float:
    """What the fitted estimator itself says under a metric's name."""
    model = vars(model).get("best_estimator_", model)
    if metric in COUNTED:
        return COUNTED[metric](model)
    names = SERIES.get(metric, (f"{metric}_",))
    value = next(getattr(model, name) for name in names if hasattr(model, name))
    return float(np.ravel(value)[-1])


OTHERS = ("training_", "best_cv_", "mean_", "path_")  # tested with what computes them
SERIES = {
    "loss": ("loss_curve_",),
    "validation_score": ("validation_scores_", "validation_score_"),
    "estimator_error": ("estimator_errors_",),
    "estimator_weight": ("estimator_weights_",),
    "cost": ("costs_",),
}
COUNTED: dict[str, Callable[[Any], float]] = {
    "cost": lambda model: model.costs_[-1][0],
    "dual_gap": lambda model: model.costs_[-1][1] if hasattr(model, "costs_") else model.dual_gap_,
    "explained_variance_ratio_sum": lambda model: model.explained_variance_ratio_.sum(),
    "n_inliers": lambda model: model.inlier_mask_.sum(),
    "n_outliers": lambda model: model.outliers_.sum(),
    "n_support_vectors": lambda model: model.n_support_.sum(),
    "n_self_labeled": lambda model: (model.labeled_iter_ > 0).sum(),
    "n_clusters": lambda model: len({*model.labels_} - {-1}),
    "n_noise": lambda model: (model.labels_ == -1).sum(),
    "depth": lambda model: model.get_depth(),
    "n_leaves": lambda model: model.get_n_leaves(),
    "n_iter_max": lambda model: np.max(model.n_iter_),
}


def test_every_class_and_function_is_restored_by_identity(tmp_path: Path) -> None:
    """After `disable()` each class and each function has the very objects it had before."""
    before = _everything()
    for _ in range(2):
        autolog.enable(backend=str(tmp_path / "runs"), silent=True)
        assert _everything() != before
        autolog.disable()
        assert _everything() == before


def _everything() -> dict[str, dict[str, int]]:
    """The identity of what each class of estimators holds, and of the code of each function of scikit-learn."""
    ancestors = {base for cls in CLASSES.values() for base in cls.__mro__ if base is not object}
    held = {f"{cls.__module__}.{cls.__qualname__}": _identities(vars(cls)) for cls in ancestors}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "sklearn" and inspect.ismodule(module):
            functions = {key: each for key, each in vars(module).items() if isinstance(each, FunctionType)}
            held[name] = _identities({**functions, **{f"{key} code": each.__code__ for key, each in functions.items()}})
    return held


def _identities(members: Any) -> dict[str, int]:
    # abc begins a new cache where a class is changed; copyreg notes what it pickled
    return {key: id(each) for key, each in members.items() if key not in ("_abc_impl", "__slotnames__")}

"""What is recorded of a fit of scikit-learn: params, data, signature, metrics, model, and how it ended."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

import autolog
from autolog.testing import all_runs, only_run
from elsewhere import python

pytest.importorskip("sklearn")
import sklearn
from joblib import parallel_backend
from scipy import sparse
from sklearn import semi_supervised
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import shuffle

from autolog_sklearn import scoring
from autolog_sklearn.params import deep_params

IRIS = load_iris(return_X_y=True)
CANCER = load_breast_cancer(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)


pytestmark = pytest.mark.usefixtures("recording")


# ---- params


def double(x: Any) -> Any:
    """Double."""
    return 2 * x


def test_params_are_deep_and_keep_their_types() -> None:
    """Numbers, None, text, tuples, numpy's scalars and arrays, NaN, functions: each is read back as what it was."""
    state = np.random.RandomState(0)
    pipeline = Pipeline(
        [
            ("scale", StandardScaler(with_mean=np.bool_(False))),
            ("skip", "passthrough"),
            ("double", FunctionTransformer(double)),
            (
                "tree",
                RandomForestClassifier(
                    np.int64(2), max_features=0.5, class_weight={0: 1.0, 1: 2.5, 2: 1}, random_state=state
                ),
            ),
        ]
    ).fit(*IRIS)
    params = only_run().params
    assert params["steps"] == [
        ("scale", "StandardScaler"),
        ("skip", "passthrough"),
        ("double", "FunctionTransformer"),
        ("tree", "RandomForestClassifier"),
    ]
    assert params["scale__with_mean"] is False
    assert params["memory"] is None
    assert params["double__func"] == f"{__name__}.double"
    assert (params["tree__n_estimators"], type(params["tree__n_estimators"])) == (2, int)
    assert params["tree__max_features"] == 0.5
    assert params["tree__class_weight"] == {0: 1.0, 1: 2.5, 2: 1}
    assert params["tree__random_state"] == repr(state)
    assert {f"tree__{name}" for name in pipeline["tree"].get_params()} <= set(params)


def test_params_of_compositions_go_all_the_way_down() -> None:
    """Column transformers keep their columns; ensembles and meta-estimators name and show what is inside."""
    columns = ColumnTransformer(
        [("numbers", make_pipeline(StandardScaler(), PCA(2)), [0, 1]), ("rest", "drop", slice(2, 4))]
    )
    voting = VotingClassifier(
        [("tree", DecisionTreeClassifier(max_depth=3)), ("bag", BaggingClassifier(LogisticRegression(C=0.3)))]
    )
    params = deep_params(make_pipeline(columns, voting))
    assert params["columntransformer__transformers"] == [("numbers", "Pipeline", [0, 1]), ("rest", "drop", slice(2, 4))]
    assert params["columntransformer__numbers__pca__n_components"] == 2
    assert params["votingclassifier__estimators"] == [("tree", "DecisionTreeClassifier"), ("bag", "BaggingClassifier")]
    assert params["votingclassifier__tree__max_depth"] == 3
    assert params["votingclassifier__bag__estimator"] == "LogisticRegression"
    assert params["votingclassifier__bag__estimator__C"] == 0.3
    target = deep_params(TransformedTargetRegressor(Ridge(alpha=2.0), func=np.log1p))
    assert (target["regressor"], target["regressor__alpha"], target["func"]) == ("Ridge", 2.0, np.log1p)


@pytest.mark.parametrize(
    "model", [LogisticRegression(), Ridge(), SVC(), make_pipeline(PCA(), KMeans()), BaggingClassifier(SVC())]
)
def test_params_have_the_names_that_scikit_learn_gives(model: BaseEstimator) -> None:
    """They are those of `get_params`, less what is marked as deprecated and the steps, which stand as names."""
    theirs = {
        name for name, value in model.get_params().items() if not (isinstance(value, str) and value == "deprecated")
    }
    assert set(deep_params(model)) == theirs - {name for name, _ in getattr(model, "steps", ())}


class Careless(BaseEstimator):
    """Takes anything, and computes one of its params when asked."""

    asked = 0

    def __init__(self, C: float = 1.0, computed: int = 0, *rest: Any, **more: Any) -> None:
        self.C = C
        self._rest = rest, more

    @property
    def computed(self) -> int:
        type(self).asked += 1
        return 1

    @computed.setter
    def computed(self, value: int) -> None:
        raise AssertionError("never set")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        type(self).asked += 1
        return {}

    def fit(self, x: Any, y: Any) -> Careless:
        return self

    def predict(self, x: Any) -> Any:
        return x


def test_no_code_of_the_users_is_run_for_params() -> None:
    """Neither a `get_params` nor a property that the user wrote; what `__init__` kept is there all the same."""
    Careless(2.0, 3, 4, other=5).fit(*IRIS)
    run = only_run()
    assert (run.params, run.notes) == ({"C": 2.0}, run.notes)
    assert Careless.asked == 0


# ---- which fits are runs


def test_inner_fits_are_part_of_the_outermost() -> None:
    """A pipeline with an ensemble in it is one run; a lone transformer is none; `fit_predict` is one."""
    make_pipeline(
        StandardScaler(), VotingClassifier([("a", DecisionTreeClassifier()), ("b", LogisticRegression())])
    ).fit(*IRIS)
    StandardScaler().fit_transform(IRIS[0])
    StandardScaler().fit(IRIS[0])
    KMeans(2, n_init=1).fit_predict(IRIS[0])
    KMeans(2, n_init=1).fit_transform(IRIS[0])
    assert [run.run_name for run in all_runs()] == ["Pipeline", "KMeans", "KMeans"]
    make_pipeline(StandardScaler(), PCA(2)).fit_transform(IRIS[0])
    assert [run.run_name for run in all_runs()][3:] == ["Pipeline"]  # its last step, PCA, has a score


def test_inside_an_explicit_run_the_first_fit_is_the_runs_own() -> None:
    """The first fit is recorded on the run that the user opened, and each further one on a child of it."""
    with autolog.start_run(run_name="mine"):
        LogisticRegression(C=2, max_iter=500).fit(*IRIS)
        Ridge(alpha=3).fit(*DIABETES)
        KMeans(2, n_init=1).fit(IRIS[0])
    (mine,) = (run for run in all_runs() if run.parent_run_id is None)
    assert (mine.run_name, mine.status, mine.params["C"]) == ("mine", "FINISHED", 2)
    assert mine.tags["estimator_name"] == "LogisticRegression"
    assert [(child.run_name, child.status) for child in mine.children()] == [
        ("Ridge", "FINISHED"),
        ("KMeans", "FINISHED"),
    ]


def test_libraries_and_users_classes_are_recorded() -> None:
    """XGBoost's, LightGBM's and a user's estimators are runs, with the params that their library tells."""
    xgboost, lightgbm = pytest.importorskip("xgboost"), pytest.importorskip("lightgbm")
    xgboost.XGBClassifier(n_estimators=2, max_depth=2).fit(*CANCER)
    lightgbm.LGBMRegressor(n_estimators=2, verbose=-1, extra_trees=True).fit(*DIABETES)
    Careless().fit(*IRIS)
    first, second, third = all_runs()
    assert (first.run_name, first.params["max_depth"], first.params["n_estimators"]) == ("XGBClassifier", 2, 2)
    assert (second.run_name, second.params["n_estimators"], second.params["extra_trees"]) == ("LGBMRegressor", 2, True)
    assert third.tags["estimator_class"] == f"{__name__}.Careless"
    assert [len(run.models) for run in (first, second, third)] == [1, 1, 1]


def test_a_class_defined_after_enable_is_recorded() -> None:
    """Subclasses that come later are wrapped as they are made."""

    class Later(ClassifierMixin, BaseEstimator):
        def fit(self, x: Any, y: Any) -> Later:
            self.inner_ = LogisticRegression(max_iter=500).fit(x, y)
            return self

    Later().fit(*IRIS)
    assert only_run().run_name == "Later"


def test_what_is_paused_or_disabled_is_not_recorded(tmp_path: Path) -> None:
    """Neither in `paused()`, nor after `disable()`, nor with the plugin not asked for."""
    with autolog.paused():
        Ridge().fit(*DIABETES)
    autolog.disable()
    Ridge().fit(*DIABETES)
    autolog.enable("joblib")
    Ridge().fit(*DIABETES)
    assert not (tmp_path / "runs").exists()


def test_threads_have_runs_of_their_own() -> None:
    """Fits at the same time in several threads are a run each, and none is a child of another."""
    threads = [threading.Thread(target=Ridge(alpha=alpha).fit, args=DIABETES) for alpha in (1.0, 2.0, 3.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run.params["alpha"] for run in all_runs()) == [1.0, 2.0, 3.0]
    assert {run.parent_run_id for run in all_runs()} == {None}


# ---- how a fit ends


class Raising(BaseEstimator):
    """Raises what it is given."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error

    def fit(self, x: Any, y: Any) -> Raising:
        if self.error is not None:
            raise self.error
        return self

    def predict(self, x: Any) -> Any:
        return x


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("bad data"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (SystemExit(), "FINISHED"),
        (SystemExit(0), "FINISHED"),
        (SystemExit(2), "FAILED"),
        (SystemExit("message"), "FAILED"),
        (GeneratorExit(), "FAILED"),
    ],
)
def test_the_status_says_how_a_fit_ended(error: BaseException, status: str) -> None:
    """An exception goes on as it is, and the run has it with its traceback; the next fit is recorded again."""
    with pytest.raises(type(error)) as caught:
        make_pipeline(StandardScaler(), Raising(error)).fit(*IRIS)
    assert caught.value is error
    run = only_run()
    assert run.status == status
    assert run.error["type"] == f"builtins.{type(error).__name__}"
    assert str(error) in run.error["message"]
    assert "raise self.error" in run.error["traceback"]
    assert "make_pipeline(StandardScaler(), Raising(error)).fit(*IRIS)" in run.error["traceback"]
    assert "autolog" not in run.error["traceback"].replace(__file__, "")  # neither our frames nor our wrappers
    assert run.models == []
    Ridge().fit(*DIABETES)
    assert all_runs()[-1].status == "FINISHED"


def test_a_traceback_begins_at_the_script_however_deep_it_is(tmp_path: Path) -> None:
    """Of a deep recursion the middle is left out, and how much of it is said; a module of the user's is never ours."""
    (tmp_path / "autolog_mine.py").write_text("def train(model):\n    model.fit([[0.0]], [0.0])\n")
    (tmp_path / "train.py").write_text(
        "import autolog, autolog_mine\nfrom sklearn.linear_model import Ridge\n"
        "autolog.enable(backend='runs', silent=True)\n"
        "def deep(depth):\n    deep(depth - 1) if depth else autolog_mine.train(Ridge(alpha='no'))\n"
        "deep(300)\n"
    )
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, check=False, capture_output=True)
    (run,) = autolog.search_runs(store=tmp_path / "runs", output_format="list")
    lines = run.error["traceback"].splitlines()
    assert lines[1:3] == [f'  File "{tmp_path / "train.py"}", line 6, in <module>', "    deep(300)"]
    assert [line for line in lines if "left out" in line] == ['  File "…", line 0, in 103 calls that are left out']
    assert f'  File "{tmp_path / "autolog_mine.py"}", line 2, in train' in lines


# ---- training metrics


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "model", [LogisticRegression(max_iter=50), DecisionTreeClassifier(max_depth=2), LinearSVC(dual=True)]
)
@pytest.mark.parametrize("data", [IRIS, CANCER], ids=["three classes", "two classes"])
def test_training_metrics_of_a_classifier_are_scikit_learns(model: Any, data: Any) -> None:
    """Each bears the name of a scorer and is what that scorer gives for the training data."""
    model.fit(*data)
    metrics = of_training(only_run())
    expected = {"accuracy", "precision_weighted", "recall_weighted", "f1_weighted"}
    if hasattr(model, "predict_proba"):
        expected |= {"neg_log_loss"}
    if data is CANCER:
        expected |= {"roc_auc"}
    elif hasattr(model, "predict_proba"):
        expected |= {"roc_auc_ovr_weighted"}
    assert set(metrics) == {f"training_{name}" for name in expected}
    for name in expected:
        assert metrics[f"training_{name}"] == pytest.approx(get_scorer(name)(model, *data), rel=1e-9)


def of_training(run: autolog.Run) -> dict[str, float]:
    """The training metrics, apart from what the estimator itself has found."""
    return {name: value for name, value in run.metrics.items() if name.startswith("training_")}


def assert_scored(run: autolog.Run, model: Any) -> None:
    """Compare a regressor's training metrics with what the scorers give without further arguments."""
    names = ("r2", "neg_mean_squared_error", "neg_root_mean_squared_error", "neg_mean_absolute_error")
    scored = {f"training_{name}": get_scorer(name)(model, *DIABETES) for name in names}
    assert of_training(run) == pytest.approx(scored, rel=1e-9)


def test_training_metrics_of_a_regressor_are_scikit_learns() -> None:
    """Each of a regressor's bears the name of a scorer too, and is what that scorer gives."""
    model = LinearRegression().fit(*DIABETES)
    assert_scored(only_run(), model)


def test_training_metrics_are_unweighted_however_weights_are_given() -> None:
    """By keyword, by position, or through a pipeline: the metrics are those of the scorers, all rows alike."""
    weight = np.linspace(1, 3, len(DIABETES[1]))
    models = [
        LinearRegression().fit(*DIABETES, sample_weight=weight),
        LinearRegression().fit(*DIABETES, weight),
        make_pipeline(StandardScaler(), Ridge()).fit(*DIABETES, ridge__sample_weight=weight),
    ]
    for run, model in zip(all_runs(), models, strict=True):
        assert_scored(run, model)


def test_several_outputs_are_measured() -> None:
    """A regressor of several targets has training metrics too."""
    targets = np.column_stack([DIABETES[1], DIABETES[1] ** 2])
    model = MultiOutputRegressor(Ridge()).fit(DIABETES[0], targets)
    assert only_run().metrics["training_r2"] == pytest.approx(model.score(DIABETES[0], targets))


def test_costly_training_metrics_are_skipped_and_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where predicting would take longer than allowed there are none, and a note says so; asked for, they are there."""
    monkeypatch.setattr(scoring, "_FREE", 0.0)
    monkeypatch.setattr(scoring, "_SHARE", 0.0)
    LogisticRegression(max_iter=500).fit(*IRIS)
    autolog.enable(log_training_metrics=True)
    LogisticRegression(max_iter=500).fit(*IRIS)
    skipped, asked = all_runs()
    assert of_training(skipped) == {}
    assert any(note.startswith("no training metrics: predicting") for note in skipped.notes)
    assert asked.metrics["training_accuracy"] > 0.9


def work(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        hashlib.sha256(bytes(100_000))


def work_in_a_pool(seconds: float) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work, seconds).result()


@pytest.mark.parametrize(("predict", "is_cheap"), [(time.sleep, True), (work, False), (work_in_a_pool, False)])
def test_a_prediction_is_as_dear_as_what_it_works(predict: Callable[[float], None], is_cheap: bool) -> None:
    """A busy machine, which has a prediction wait, costs no fit its training metrics; work does, a pool's as well."""
    assert scoring._is_cheap([lambda data: predict(0.3)], IRIS[0], len(IRIS[0]), 0.2) is is_cheap


@pytest.mark.parametrize(("seconds", "is_cheap"), [([0.6, 0.0], True), ([0.6, 0.6], False), ([1.2, 0.0], False)])
def test_a_prediction_beside_which_threads_worked_is_tried_again(
    seconds: list[float], is_cheap: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work of threads once costs no fit its training metrics; what took as long again, or much longer, is dear."""
    left = iter([*seconds, *[0.0] * 9])
    monkeypatch.setattr(scoring, "_worked", lambda method, data: next(left))
    assert scoring._is_cheap([len], IRIS[0], len(IRIS[0]), 0.5) is is_cheap


class Placed(ClassifierMixin, BaseEstimator):
    """Notes in which process it is asked for a prediction."""

    asked: ClassVar[list[int]] = []

    def fit(self, x: Any, y: Any) -> Placed:
        self.classes_ = np.unique(y)
        return self

    def predict(self, x: Any) -> Any:
        self.asked.append(os.getpid())
        return np.zeros(len(x), int)


@pytest.mark.parametrize(("jobs", "context"), [(None, partial(parallel_backend, "loky", n_jobs=2)), (2, nullcontext)])
def test_a_prediction_starts_no_processes(jobs: int | None, context: Callable[[], AbstractContextManager[Any]]) -> None:
    """Whatever the model and joblib's context say of jobs, training metrics are computed in this process."""
    Placed.asked.clear()
    with autolog.paused():
        model = BaggingClassifier(Placed(), n_estimators=4).fit(*IRIS).set_params(n_jobs=jobs)
    with context():
        found = scoring.training_metrics(model, *IRIS, len(IRIS[0]), 1.0, True)
    assert found.metrics["training_accuracy"] == pytest.approx(1 / 3)
    assert set(Placed.asked) == {os.getpid()}


@pytest.mark.parametrize("form", ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"])
def test_training_metrics_of_every_sparse_matrix(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that have no rows to try a prediction on, too."""
    monkeypatch.setattr(scoring, "_FREE", 60.0)
    x = sparse.random(80, 5, 0.5, format=form, random_state=0)
    y = np.arange(80) % 2
    model = KNeighborsClassifier().fit(x, y)
    assert only_run().metrics["training_accuracy"] == model.score(x, y)


def test_what_an_estimator_refuses_is_a_note_and_no_error_of_ours() -> None:
    """A prediction of the data it was fitted to, a pickle, a best estimator: the run says which, and why."""
    KNeighborsClassifier(3).fit(IRIS[0][::60][:2], [0, 1])
    GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 2]}, cv=2, refit=False).fit(*IRIS)
    model = Ridge()
    model.lock = threading.Lock()
    model.fit(*DIABETES)
    few, search, locked = (run.notes for run in all_runs() if run.parent_run_id is None)
    assert [note.partition(":")[0] for note in few] == ["no training metrics"]
    assert "ValueError: Expected n_neighbors <= n_samples" in few[0]
    assert search[:2] == [f"no {what}: the search kept no best estimator" for what in ("model", "training metrics")]
    why = "TypeError: cannot pickle '_thread.lock' object"
    assert locked == [f"no model: a sklearn.linear_model._ridge.Ridge cannot be pickled: {why}"]


@pytest.mark.parametrize("steps", [None, [], object(), "steps", [None], [("a",)], [("a", Ridge(), 1)], {"a": Ridge()}])
def test_steps_that_are_none_are_scikit_learns_to_complain_of(steps: Any) -> None:
    """A pipeline of anything but pairs fails as without autolog, and nothing of ours does."""

    def complaint() -> tuple[type, str]:
        with pytest.raises(Exception) as caught:
            Pipeline(steps).fit(*DIABETES)
        return caught.type, str(caught.value)

    ours = complaint()
    autolog.disable()
    assert complaint() == ours


def test_a_time_limit_of_the_users_passes_while_a_model_is_pickled() -> None:
    """What a signal handler raises there is the user's, not a model that cannot be pickled."""

    class Slow(Ridge):
        def __getstate__(self) -> Any:
            signal.raise_signal(signal.SIGALRM)
            return super().__getstate__()

    def out_of_time(*_: Any) -> None:
        raise LookupError("out of time")

    before = signal.signal(signal.SIGALRM, out_of_time)
    try:
        with pytest.raises(LookupError, match="out of time"):
            Slow().fit(*DIABETES)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_what_cannot_predict_without_a_trace_is_not_asked_to() -> None:
    """A prediction that would leave one is not made, and the note says why; not wanted, none is made nor noted."""
    KNeighborsClassifier(algorithm="kd_tree").fit(*IRIS)
    autolog.enable(log_training_metrics=False)
    LogisticRegression(max_iter=500).fit(*IRIS)
    KMeans(2, n_init=1).fit(IRIS[0])
    first, *others = all_runs()
    assert [note for note in first.notes if "KDTree" in note]
    assert [(of_training(run), run.notes) for run in others] == [({}, [])] * 2


# ---- data


def test_the_dataset_is_named_and_known_by_its_content() -> None:
    """The user's name, the shape, the target, and a digest that only the same data has."""
    x_train, y_train = (part[:100] for part in IRIS)
    Ridge().fit(x_train, y_train)
    Ridge().fit(x_train.copy(), y_train.copy())
    changed = x_train.copy()
    changed[50, 2] += 1e-9
    Ridge().fit(changed, y_train)
    first, second, third = (run.inputs[0] for run in all_runs())
    assert (first["name"], second["name"], third["name"]) == ("x_train", "data", "changed")
    assert (first["shape"], first["target"]["shape"], first["context"]) == ([100, 4], [100], "train")
    assert first["digest"] == second["digest"] != third["digest"]


def test_data_and_signature_are_described_as_they_are() -> None:
    """Tables by their columns, arrays by their dtype, sparse matrices and lists by what they are."""
    pandas, polars, sparse = (
        pytest.importorskip("pandas"),
        pytest.importorskip("polars"),
        pytest.importorskip("scipy.sparse"),
    )
    x, y = IRIS[0][:, :2], IRIS[1]
    containers = [
        x,
        pandas.DataFrame(x, columns=["a", "b"]),
        polars.DataFrame(x, schema=["a", "b"]),
        sparse.csr_matrix(x),
        x.tolist(),
    ]
    for container in containers:
        Ridge().fit(container, y)
    kinds = [run.inputs[0]["kind"] for run in all_runs()]
    assert kinds[:3] == ["numpy.ndarray", "pandas.DataFrame", "polars.DataFrame"]
    assert "csr_matrix" in kinds[3]
    assert kinds[4] == "list"
    signatures = [run.signature["inputs"] for run in all_runs()]
    assert signatures[0] == {"type": "tensor", "dtype": "float64", "shape": [-1, 2]}
    assert signatures[1] == [{"name": "a", "type": "float64"}, {"name": "b", "type": "float64"}]
    assert [column["name"] for column in signatures[2]] == ["a", "b"]
    assert all(run.inputs[0]["shape"] == [150, 2] for run in all_runs())
    assert all(run.signature["outputs"] == {"type": "tensor", "dtype": "int64", "shape": [-1]} for run in all_runs())


def test_transformed_data_says_how_it_was_made() -> None:
    """A run trained on a transformer's output, or on a view of it, names the transformers in their order."""
    scaled = StandardScaler(with_std=False).fit_transform(IRIS[0])
    reduced = PCA(2).set_output(transform="default").fit(scaled).transform(scaled)
    Ridge().fit(reduced, IRIS[1])
    Ridge().fit(reduced[:100], IRIS[1][:100])
    Ridge().fit(IRIS[0], IRIS[1])
    *made, raw = [run for run in all_runs() if run.run_name == "Ridge"]
    assert raw.inputs[0]["source"] is None
    for run in made:
        steps = run.inputs[0]["source"]["transformed_by"]
        assert [step["class"] for step in steps] == ["StandardScaler", "PCA"]
        assert (steps[0]["params"]["with_std"], steps[1]["params"]["n_components"]) == (False, 2)


def test_datasets_and_signatures_can_be_left_out() -> None:
    """Each has its switch."""
    autolog.enable(log_datasets=False, log_model_signatures=False)
    Ridge().fit(*DIABETES)
    assert (only_run().inputs, only_run().signature) == ([], None)


def test_rows_are_kept_only_where_they_are_asked_for() -> None:
    """An input example is the first five rows, of a table or an array; without the option no row is stored."""
    pandas = pytest.importorskip("pandas")
    x, y = DIABETES
    Ridge().fit(x, y)
    assert "model/input_example.json" not in only_run().artifacts
    autolog.enable(log_input_examples=True)
    for data, columns in ((x, list(range(10))), (pandas.DataFrame(x[:, :2], columns=["a", "b"]), ["a", "b"])):
        Ridge().fit(data, y)
        run = autolog.search_runs(output_format="list")[0]
        found = json.loads(run.artifact_path("model/input_example.json").read_text("ascii"))
        assert found == {"columns": columns, "data": x[:5, : len(columns)].tolist()}


# ---- model


def test_the_model_is_saved_and_loads_equal() -> None:
    """With digest and the exact versions of what it needs; it predicts what the original does."""
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(*CANCER)
    run = only_run()
    (facts,) = run.models
    data = (autolog.session.get().root / run.run_id / "files" / run.run_id / facts["path"]).read_bytes()
    assert (facts["sha256"], facts["size"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert facts["modules"]["sklearn"] == sklearn.__version__
    assert facts["modules"]["numpy"] == np.__version__
    loaded = autolog.load_model(f"runs:/{run.run_id}/model", trusted=True)
    assert (loaded.predict_proba(CANCER[0]) == model.predict_proba(CANCER[0])).all()


@pytest.mark.autolog_swallows
def test_a_model_can_be_left_out_or_too_large() -> None:
    """It is not saved where that is switched off, nor where it is larger than allowed; then a note says so."""
    autolog.enable(log_models=False)
    Ridge().fit(*DIABETES)
    autolog.enable(log_models=True, max_model_mb=0.001)
    RandomForestClassifier(20, random_state=0).fit(*IRIS)
    left_out, too_large = all_runs()
    assert (left_out.models, left_out.notes, too_large.models) == ([], [], [])
    assert any("max_model_mb" in note or "larger" in note for note in too_large.notes)
    assert too_large.status == "FINISHED"


_WARNS = """
import sys, warnings
import autolog
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import NMF
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

autolog.enable(backend=sys.argv[1])
X, y = load_breast_cancer(return_X_y=True)
steps = NMF(3, max_iter=2, init="random", random_state=0), LogisticRegression()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    filters = list(warnings.filters)
    make_pipeline(*steps).fit(abs(X[:100]), y[:100])
    assert warnings.filters == filters
print(sum("NMF" in str(each.message) or "iterations" in str(each.message) for each in caught))
"""


def test_training_metrics_repeat_no_warning_of_the_fit(tmp_path: Path) -> None:
    """What our predictions warn of is not shown again where no other thread runs, and the filters are as they were."""
    done = python(_WARNS, str(tmp_path / "runs"))
    assert done.stdout == "1\n", done.stderr
    run = only_run(tmp_path / "runs")
    assert "training_score" in run.metrics or "training_accuracy" in run.metrics


def test_what_draws_numbers_or_was_replaced_is_not_called_again() -> None:
    """A function that may draw, a method that somebody replaced and a container of the user's are left alone."""

    class Array(np.ndarray):
        pass

    calls: list[int] = []
    replaced = Ridge()
    replaced.predict = lambda data: calls.append(1)  # type: ignore[method-assign]
    x, y = DIABETES
    for model, data in (
        (make_pipeline(FunctionTransformer(shuffle), Ridge()), x),
        (replaced, x),
        (Ridge(), x.view(Array)),
    ):
        model.fit(data, y)
        run = autolog.search_runs(output_format="list")[0]
        assert "training_r2" not in run.metrics
        assert any("no training metrics" in note for note in run.notes)
    assert calls == []


# ---- what else a fit is given, and users' classes inside scikit-learn's


def test_weights_and_groups_are_inputs_named_by_their_argument() -> None:
    """By keyword, by position, or for a pipeline's step: each has its digest; what is no array is none."""
    x, y = DIABETES
    weights = np.linspace(1, 3, len(y))
    Ridge().fit(x, y, sample_weight=weights)
    Ridge().fit(x, y, weights)
    make_pipeline(StandardScaler(), Ridge()).fit(x, y, ridge__sample_weight=weights)
    DecisionTreeRegressor(max_depth=1).fit(x, y, check_input=True, sample_weight=None)
    first, second, piped, none = all_runs()
    contexts = [[each["context"] for each in run.inputs] for run in (first, second, piped, none)]
    weighted = ["train", "sample_weight"]
    assert contexts == [weighted, weighted, ["train", "ridge__sample_weight"], ["train"]]
    assert {run.inputs[1]["digest"] for run in (first, second, piped)} == {first.inputs[1]["digest"]}
    assert (first.inputs[1]["name"], first.inputs[1]["shape"]) == ("weights", [442])


@pytest.mark.skipif("get_metadata_routing" not in vars(Pipeline), reason="its pipelines route nothing")
def test_weights_that_a_pipeline_routes_are_inputs() -> None:
    """They have the digest that they have where they are given to the step itself."""
    x, y = DIABETES
    weights = np.linspace(1, 3, len(y))
    Ridge().fit(x, y, sample_weight=weights)
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        make_pipeline(scaler, Ridge().set_fit_request(sample_weight=True)).fit(x, y, sample_weight=weights)
    alone, routed = all_runs()
    assert [each["context"] for each in routed.inputs] == ["train", "sample_weight"]
    assert routed.inputs[1]["digest"] == alone.inputs[1]["digest"]


class Asking(ClassifierMixin, BaseEstimator):
    """A user's class that notes when its code is asked for something."""

    asked: ClassVar[list[str]] = []

    def fit(self, x: Any, y: Any) -> Asking:
        self.classes_ = np.unique(y)
        return self

    @property
    def predict(self) -> Any:
        self.asked.append("predict")
        return len

    def __sklearn_tags__(self) -> Any:
        self.asked.append("tags")
        return super().__sklearn_tags__()


def test_a_users_class_as_a_pipelines_last_step_is_asked_nothing_more() -> None:
    """Neither its properties nor its tags are asked for by autolog; the pipeline is a run, and says why no metrics."""
    autolog.disable()
    make_pipeline(StandardScaler(), Asking()).fit(*IRIS)
    without = list(Asking.asked)
    autolog.enable()
    Asking.asked.clear()
    make_pipeline(StandardScaler(), Asking()).fit(*IRIS)
    assert Asking.asked == without
    assert [f"{__name__}.Asking is not scikit-learn's own" in note for note in only_run().notes] == [True]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables_from_transformers_train_as_without(library: str) -> None:
    """With `set_output` the pipeline gives the same, and a run trained on such a table names its columns and origin."""
    pytest.importorskip(library)
    if library not in str(StandardScaler.set_output.__doc__):
        pytest.skip(f"this scikit-learn gives no tables of {library}")
    frame = pytest.importorskip("pandas").DataFrame(IRIS[0], columns=["a", "b", "c", "d"])

    def predictions() -> Any:
        table = StandardScaler().set_output(transform=library).fit_transform(frame)
        return table, LogisticRegression(max_iter=500).fit(table, IRIS[1]).predict_proba(table)

    table, recorded = predictions()
    autolog.disable()
    assert (predictions()[1] == recorded).all()
    (given,) = only_run().inputs
    assert (given["kind"], given["name"]) == (f"{library}.DataFrame", "table")
    assert [name for name, _ in given["columns"]] == ["a", "b", "c", "d"]
    assert [step["class"] for step in given["source"]["transformed_by"]] == ["StandardScaler"]
    assert type(table).__module__.startswith(library)


def test_labels_of_several_kinds_are_measured_or_left_out_truly() -> None:
    """Text labels and multilabel targets have the accuracy that `score` gives, sparse inputs as dense ones."""
    sparse = pytest.importorskip("scipy.sparse")
    autolog.enable(log_training_metrics=True)  # whatever they cost
    x, y = IRIS
    texts, several = load_iris().target_names[y], np.column_stack([y == 0, y > 0]).astype(int)
    trained = [
        (LogisticRegression(max_iter=500), x, texts),
        (KNeighborsClassifier(algorithm="brute"), x, several),
        (LogisticRegression(max_iter=500), sparse.csr_matrix(x), y),
    ]
    for model, data, target in trained:
        model.fit(data, target)
    for run, (model, data, target) in zip(all_runs(), trained, strict=True):
        assert run.metrics["training_accuracy"] == model.score(data, target)


# ---- what has no training metrics


@pytest.mark.parametrize("name", ["LabelSpreading", "LabelPropagation", "SelfTrainingClassifier"])
@pytest.mark.parametrize("piped", [False, True])
def test_rows_without_a_label_are_not_taken_for_a_class(name: str, piped: bool) -> None:
    """Where some labels are -1, a semi-supervised fit has no training metrics, and a note says why."""
    kind = getattr(semi_supervised, name)
    model = kind(LogisticRegression(max_iter=1000)) if name == "SelfTrainingClassifier" else kind(gamma=0.5)
    labels = IRIS[1].copy()
    labels[::3] = -1
    (make_pipeline(StandardScaler(), model) if piped else model).fit(IRIS[0], labels)
    run = only_run()
    assert [key for key in run.metrics if key.startswith("training_")] == []
    assert any("some rows have no label (-1)" in note for note in run.notes)


def test_a_semi_supervised_fit_to_all_labels_has_its_metrics() -> None:
    """With no row left open, it is a classifier as others are; and -1 is a class to those."""
    semi_supervised.LabelSpreading(gamma=0.5).fit(*IRIS)
    LogisticRegression().fit(CANCER[0][:, :2], 2 * CANCER[1] - 1)
    assert all("training_accuracy" in run.metrics for run in all_runs())


class Word(str):
    """A text with methods of the user's."""

    __slots__ = ()
    asked = 0

    def lower(self) -> str:
        Word.asked += 1
        return str.lower(self)


def words(kind: Any) -> Any:
    """Twenty texts in a container."""
    return kind([Word(f"{each} and more") for each in "abcd" * 5])


@pytest.mark.parametrize(
    "kind",
    [
        list,
        lambda cells: np.array(cells, dtype=object),
        lambda cells: pd.Series(cells, dtype=object),
    ],
    ids=["list", "array", "series"],
)
def test_cells_with_methods_of_their_own_are_not_asked_again(kind: Any) -> None:
    """Objects of the user's in X are looked into by the fit alone; a note says why there are no metrics."""
    Word.asked = 0
    labels = [0, 1] * 10
    model = make_pipeline(CountVectorizer(), LogisticRegression())
    with autolog.paused():
        model.fit(words(kind), labels)
    alone, Word.asked = Word.asked, 0
    assert alone == 20
    model.fit(words(kind), labels)
    assert Word.asked == alone
    run = only_run()
    assert "training_accuracy" not in run.metrics
    assert any("own code would run" in note for note in run.notes)
    model.fit(list(map(str, words(list))), labels)
    assert "training_accuracy" in all_runs()[-1].metrics

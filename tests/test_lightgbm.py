"""LightGBM: its params, its cross-validation, its datasets before and after they are used, its text and trees."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest
import scipy.sparse

pytest.importorskip("lightgbm")
import lightgbm
from sklearn.datasets import load_breast_cancer, load_iris

import autolog
from autolog import session
from autolog.testing import all_runs, only_run, only_top_run, series
from autolog_lightgbm import models, trees

pytestmark = [
    pytest.mark.usefixtures("recording"),
    pytest.mark.filterwarnings("ignore:.*'eval_set' is deprecated"),  # LightGBM 4.7 has other names for it
]
X, Y = load_breast_cancer(return_X_y=True)
PARAMS = {"objective": "binary", "num_threads": 1, "verbosity": -1, "num_leaves": 7}
VERSION = tuple(map(int, lightgbm.__version__.split(".")[:2]))


def dataset(**more: Any) -> Any:
    return lightgbm.Dataset(X, Y, **more)


def chart(run: autolog.Run, kind: str) -> dict[str, float]:
    """The importances of a kind, as they are kept."""
    document = json.loads(run.artifact_path("charts/importances.json").read_text())
    return next(dict(each["data"]) for each in document["charts"] if each["importance_type"] == kind)


# ---- params and boosters


@pytest.mark.filterwarnings("ignore:Found `n_estimators` in params")  # LightGBM before 4.7
def test_given_and_effective_params_are_told_apart() -> None:
    """Aliases stand as they were given; what LightGBM settled on has `effective_` before its main name."""
    lightgbm.train({**PARAMS, "eta": 0.5, "seed": 11, "n_estimators": 3}, dataset())
    params = only_run().params
    assert {name: value for name, value in params.items() if not name.startswith("effective_")} == {
        **PARAMS,
        "eta": 0.5,
        "seed": 11,
        "n_estimators": 3,
    }
    effective = ("learning_rate", "num_iterations", "lambda_l2", "boosting", "metric", "max_bin")
    assert [params[f"effective_{name}"] for name in effective] == [0.5, 3, 0, "gbdt", "binary_logloss", 255]
    assert type(params["effective_bagging_seed"]) is int  # that follows from the seed


def test_functions_are_named() -> None:
    """A custom objective, metric and callback are recorded by their names."""

    def squared(predicted: Any, data: Any) -> Any:
        return predicted - data.get_label(), np.ones(len(predicted))

    def halved(predicted: Any, data: Any) -> Any:
        return "halved", 0.5, False

    def mine(env: Any) -> None:
        """Do nothing."""

    callbacks = [mine, lightgbm.early_stopping(50, verbose=False)]
    check = dataset()
    params = {**PARAMS, "objective": squared}
    lightgbm.train(params, dataset(), 2, valid_sets=[check], feval=[halved], callbacks=callbacks)
    params = only_run().params
    assert params["objective"].endswith("squared")
    assert "halved" in str(params["feval"])
    one, other = params["callbacks"]
    assert one.endswith("mine")
    assert "stopping_rounds=50" in other


@pytest.mark.parametrize("kind", ["gbdt", "dart", "goss", "rf"])
def test_every_kind_of_booster_tells_what_it_can(kind: str) -> None:
    """Importances are those of `feature_importance`, for every feature."""
    more = {"bagging_freq": 1, "bagging_fraction": 0.5} if kind == "rf" else {}
    booster = lightgbm.train({**PARAMS, "boosting": kind, **more}, dataset(), 4)
    run = only_run()
    assert run.notes == []
    for each in ("split", "gain"):
        assert chart(run, each) == dict(zip(booster.feature_name(), booster.feature_importance(each), strict=True))
    loaded = autolog.load_model(f"runs:/{run.run_id}/model")
    assert (loaded.predict(X) == booster.predict(X)).all()


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"num_leaves": 2},
        {"num_leaves": 60, "max_depth": 5},
        {"objective": "multiclass", "num_class": 3},
        {"min_gain_to_split": 1e9},
    ],
)
def test_the_shape_of_the_trees_is_that_of_the_librarys_own_table(params: dict[str, Any]) -> None:
    """Trees, leaves and the greatest depth agree with `trees_to_dataframe`; a tree without a split is one leaf."""
    data = lightgbm.Dataset(*load_iris(return_X_y=True)) if "num_class" in params else dataset()
    booster = lightgbm.train({**PARAMS, **params}, data, 7)
    table = booster.trees_to_dataframe()
    leaves = int(table["split_feature"].isna().sum())
    expected = {"n_trees": booster.num_trees(), "depth": int(table["node_depth"].max()) - 1, "n_leaves": leaves}
    expected["n_rounds"] = booster.current_iteration()
    assert trees.shape_of(booster.model_to_string()) == expected
    metrics = only_run().metrics
    assert {name: metrics[name] for name in expected} == expected


def test_no_round_is_the_librarys_error() -> None:
    """LightGBM refuses it, and the run has failed."""
    with pytest.raises((ValueError, lightgbm.basic.LightGBMError)):
        lightgbm.train(PARAMS, dataset(), 0)
    assert only_run().status == "FAILED"


def test_the_file_is_what_the_library_would_have_written(tmp_path: Path) -> None:
    """Byte for byte, also where the training has kept its booster; what early stopping leaves out is noted."""
    learn, check = lightgbm.Dataset(X[:400], Y[:400]), lightgbm.Dataset(X[400:], Y[400:])
    for keep in (False, True):
        callbacks = [lightgbm.early_stopping(2, verbose=False)]
        params = {**PARAMS, "learning_rate": 0.9}
        booster = lightgbm.train(params, learn, 60, valid_sets=[check], callbacks=callbacks, keep_training_booster=keep)
        booster.save_model(tmp_path / f"{keep}.txt")
    for run, keep in zip(all_runs(), (False, True), strict=True):
        path = session.get().open_store().file(run.run_id, run.models[0]["path"])
        assert path.read_bytes() == (tmp_path / f"{keep}.txt").read_bytes()
        assert bool(run.models[0]["notes"]) == keep
        assert len(run.history("valid_0-binary_logloss")) == run.metrics["best_iteration"] + 2


def test_the_text_of_a_training_is_not_kept() -> None:
    """What a training has written of its booster is let go of with the run."""
    lightgbm.train(PARAMS, dataset(), 2)
    lightgbm.LGBMClassifier(n_estimators=2, verbosity=-1, n_jobs=1).fit(X, Y)
    assert models._texts._entry is None


def test_only_the_first_metric_may_stop_a_training() -> None:
    """With `first_metric_only` all metrics are recorded all the same."""
    learn, check = lightgbm.Dataset(X[:400], Y[:400]), lightgbm.Dataset(X[400:], Y[400:])
    params = {**PARAMS, "metric": ["auc", "binary_logloss"], "first_metric_only": True, "early_stopping_round": 2}
    told: dict[str, Any] = {}
    lightgbm.train(params, learn, 60, valid_sets=[check], callbacks=[lightgbm.record_evaluation(told)])
    run = only_run()
    for metric, values in told["valid_0"].items():
        assert series(run, f"valid_0-{metric}") == list(enumerate(values))
    assert {"best_iteration", "best_score_valid_0-auc", "best_score_valid_0-binary_logloss"} <= set(run.metrics)


def test_a_continued_training_goes_on_counting() -> None:
    """Steps are the iterations as LightGBM counts them; the run names the one it goes on from."""
    first = lightgbm.train(PARAMS, dataset(), 3)
    learn = dataset()
    lightgbm.train(PARAMS, learn, 2, valid_sets=[learn], init_model=first)
    one, other = all_runs()
    assert [step for step, _ in series(other, "training-binary_logloss")] == [3, 4]
    assert other.tags["continued_from"] == one.run_id
    assert other.metrics["n_rounds"] == 5


def test_the_order_of_the_users_callbacks_is_the_same() -> None:
    """LightGBM marks each callback with its place from the end of the list; ours does not move them."""

    def first(env: Any) -> None:
        """Do nothing."""

    def second(env: Any) -> None:
        """Do nothing."""

    lightgbm.train(PARAMS, dataset(), 2, callbacks=[first, second])
    assert (first.order, second.order) == (-2, -1)  # type: ignore[attr-defined]


# ---- estimators


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        *(("LGBMClassifier", labels) for labels in ("numbers", "words", "truth", "category")),
        *((name, "numbers") for name in ("LGBMRegressor", "LGBMRanker")),
    ],
)
def test_every_estimator_is_a_run_and_comes_back_as_itself(name: str, labels: str) -> None:
    """Its model is LightGBM's own text, which loads as the estimator with its params and its classes."""
    target: Any = {"words": np.where(Y, "good", "bad"), "truth": Y.astype(bool), "numbers": Y}.get(labels)
    if labels == "category":
        target = pd.Series(np.where(Y, "good", "bad"), dtype="category")
    more = {"group": [10] * 56 + [9]} if name == "LGBMRanker" else {}
    kind = getattr(lightgbm, name)
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    model = kind(n_estimators=3, num_leaves=4, verbosity=-1, n_jobs=1, reg_lambda=2.5).fit(frame, target, **more)
    run = only_run()
    assert [(each["format"], each["model_class"]) for each in run.models] == [
        ("lightgbm-text", f"lightgbm.sklearn.{name}")
    ]
    loaded = autolog.load_model(f"runs:/{run.run_id}/model")
    assert type(loaded) is kind
    assert (loaded.predict(frame) == model.predict(frame)).all()
    assert loaded.predict(frame).dtype == model.predict(frame).dtype
    assert loaded.get_params() == model.get_params()
    assert loaded.n_features_in_ == 3
    if name == "LGBMClassifier":
        assert loaded.classes_.tolist() == model.classes_.tolist()
        assert (loaded.predict_proba(frame) == model.predict_proba(frame)).all()
        assert loaded.score(frame, target) == model.score(frame, target)


def test_what_cannot_be_written_as_text_is_left_out_and_said() -> None:
    """An objective of the user's is no part of the model; the loaded estimator predicts without it."""

    def squared(truth: Any, predicted: Any) -> Any:
        return predicted - truth, np.ones(len(truth))

    model = lightgbm.LGBMRegressor(n_estimators=3, objective=squared, verbosity=-1, n_jobs=1).fit(X, Y)
    run = only_run()
    assert ["objective" in note for note in run.models[0]["notes"]] == [True]
    loaded = autolog.load_model(f"runs:/{run.run_id}/model")
    assert (loaded.predict(X) == model.predict(X)).all()


# ---- cross-validation


@pytest.mark.parametrize("stopping", [None, 2])
def test_cv_has_a_child_a_fold_and_the_means_on_the_parent(stopping: int | None) -> None:
    """The means are those returned, a fold's values are what its booster gives; a metric is computed once a round."""
    rounds: list[list[float]] = []
    calls: list[int] = []

    def noting(env: Any) -> None:
        rounds.append([booster.eval_valid()[0][2] for booster in env.model.boosters])

    def counted(predicted: Any, data: Any) -> Any:
        calls.append(1)
        return "counted", float(len(predicted)), True

    params = {
        **PARAMS,
        "learning_rate": 0.9,
        **({"early_stopping_round": stopping, "first_metric_only": True} if stopping else {}),
    }
    result = lightgbm.cv(params, dataset(), 30, nfold=3, feval=counted, callbacks=[noting])
    run = only_top_run()
    assert (run.run_name, run.status, run.params["nfold"]) == ("lightgbm.cv", "FINISHED", 3)
    assert len(result) == 4
    for name, values in result.items():
        assert series(run, name)[: len(values)] == list(enumerate(values))
        assert len(series(run, name)) == len(rounds)
    folds = sorted(run.children(), key=lambda each: each.run_name or "")
    assert [(fold.run_name, fold.status) for fold in folds] == [(f"fold {number}", "FINISHED") for number in range(3)]
    for number, fold in enumerate(folds):
        assert series(fold, "valid-binary_logloss") == list(enumerate(said[number] for said in rounds))
    assert len(calls) == 3 * len(rounds)
    assert run.metrics.get("best_iteration") == (len(next(iter(result.values()))) if stopping else None)


def test_the_boosters_that_cv_returns_are_kept_with_their_folds() -> None:
    """Each fold has its model, and what is computed of its predictions."""
    from sklearn.metrics import roc_auc_score

    result = lightgbm.cv(PARAMS, dataset(), 3, nfold=2, return_cvbooster=True)
    booster = result["cvbooster"].boosters[1]
    predicted = booster.predict(X)
    area = roc_auc_score(Y, predicted)
    folds = sorted(only_top_run().children(), key=lambda each: each.run_name or "")
    assert [len(fold.models) for fold in folds] == [1, 1]
    loaded = autolog.load_model(f"runs:/{folds[1].run_id}/model")
    assert (loaded.predict(X) == predicted).all()
    assert folds[1].metrics["roc_auc_score_X"] == area


# ---- data


def containers() -> dict[str, Any]:
    frame = pd.DataFrame({"a": X[:, 0], "b": (X[:, 1] > 19).astype("int64")})
    frame["c"] = pd.Categorical(np.where(X[:, 2] > 90, "high", "low"))
    return {
        "chunks": [X[:300], X[300:]],
        "numpy": X,
        "pandas": frame,
        "polars": polars.DataFrame({"a": X[:, 0], "b": X[:, 1]}),
        "pyarrow": pyarrow.table({"a": X[:, 0], "b": X[:, 1]}),
        "sparse": scipy.sparse.csr_matrix(X),
    }


SINCE = {"chunks": (4, 1), "polars": (4, 7), "pyarrow": (4, 2)}
SUPPORTED = [name for name in sorted(containers()) if SINCE.get(name, VERSION) <= VERSION]


@pytest.mark.parametrize("name", SUPPORTED)
def test_a_dataset_is_known_by_what_it_was_made_from(name: str) -> None:
    """Container, columns, digest and signature are those of the data, before and after LightGBM has taken it in."""
    data = containers()[name]
    learn = lightgbm.Dataset(data, Y)
    lightgbm.train(PARAMS, learn, 2)
    lightgbm.train(PARAMS, learn, 3)
    taken = lightgbm.Dataset(data, Y).construct()
    lightgbm.train(PARAMS, taken, 4)
    first, again, later = all_runs()
    (one,), (other,), (third,) = first.inputs, again.inputs, later.inputs
    assert (one["name"], one["context"]) == ("learn", "train")
    assert one["source"] == {"container": "lightgbm.basic.Dataset", "made_from": "data"}
    assert not one["sampled"]
    assert one == other
    assert {**third, "name": "learn"} == one
    assert first.signature == again.signature == later.signature
    if name != "chunks":
        lightgbm.LGBMClassifier(n_estimators=2, verbosity=-1, n_jobs=1).fit(data, Y)
        assert all_runs()[3].inputs[0]["digest"] == one["digest"]


def test_data_is_freed_and_kept_as_without_us() -> None:
    """LightGBM lets go of the data after its first use, unless it was told not to."""
    freed, kept = dataset(), dataset(free_raw_data=False)
    lightgbm.train(PARAMS, freed, 2)
    lightgbm.train(PARAMS, kept, 2)
    assert freed.data is None
    assert kept.data is X


def test_a_dataset_that_was_taken_in_unseen_tells_its_shape() -> None:
    """Nothing is known of its cells; its digest is marked as no whole reading."""
    with autolog.paused():
        learn = dataset().construct()
    lightgbm.train(PARAMS, learn, 2)
    (data,) = only_run().inputs
    assert (data["kind"], data["shape"], data["sampled"]) == ("lightgbm.basic.Dataset", [569, 30], True)


def test_weights_groups_and_evaluation_sets_are_inputs() -> None:
    """Each under its context and the user's name; the data that is trained on is listed once."""
    groups = [10] * 56 + [9]
    learn = dataset(weight=np.ones(len(Y)), group=groups)
    check = lightgbm.Dataset(X[:50], Y[:50], group=[10] * 5, reference=learn)
    params = {**PARAMS, "objective": "lambdarank"}
    lightgbm.train(params, learn, 2, valid_sets=[learn, check], valid_names=["training", "later"])
    inputs = {each["context"]: each for each in only_run().inputs}
    assert list(inputs) == ["train", "later", "weight", "group"]
    assert [inputs[name]["shape"] for name in ("weight", "group")] == [[569], [57]]
    assert (inputs["later"]["name"], inputs["later"]["shape"]) == ("check", [50, 30])


def test_a_file_of_data_is_named(tmp_path: Path) -> None:
    """What LightGBM reads from a file, we do not."""
    path = tmp_path / "train.csv"
    np.savetxt(path, np.column_stack((Y, X)), delimiter=",")
    lightgbm.train(PARAMS, lightgbm.Dataset(str(path)), 2)
    (data,) = only_run().inputs
    assert (data["kind"], data["source"]["made_from"]) == ("file", str(path))


def test_the_librarys_own_logger_says_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """What LightGBM logs is what it logs without us."""

    def said() -> list[str]:
        caplog.clear()
        logger = logging.getLogger("lightgbm-test")
        lightgbm.register_logger(logger)
        learn = dataset()
        with caplog.at_level(logging.INFO, "lightgbm-test"):
            callbacks = [lightgbm.log_evaluation(1)]
            lightgbm.train(
                {**PARAMS, "verbosity": 2, "force_col_wise": True}, learn, 3, valid_sets=[learn], callbacks=callbacks
            )
        return [record.getMessage() for record in caplog.records if record.name == "lightgbm-test"]

    try:
        recorded = said()
        autolog.disable()
        assert said() == recorded != []
    finally:
        lightgbm.register_logger(lightgbm.basic._DummyLogger())


def test_rows_of_a_dataset_are_known_by_the_whole_and_by_which_they_are() -> None:
    """Two subsets have two digests, before LightGBM has taken them in, too; the same rows have the same."""
    whole = dataset(free_raw_data=False)
    for rows in (range(300), range(200, 500), range(300)):
        lightgbm.train(PARAMS, whole.subset(list(rows)), 2)
    one, other, again = (run.inputs[0] for run in all_runs())
    assert [each["shape"] for each in (one, other, again)] == [[300, 30]] * 3
    assert one["digest"] == again["digest"] != other["digest"]
    assert not one["sampled"]


def test_files_are_told_apart_by_their_bytes(tmp_path: Path) -> None:
    """Another file has another digest."""
    for number in (0, 1):
        np.savetxt(tmp_path / f"{number}.csv", np.column_stack((Y, X + number)), delimiter=",")
        lightgbm.train(PARAMS, lightgbm.Dataset(str(tmp_path / f"{number}.csv")), 2)
    one, other = (run.inputs[0] for run in all_runs())
    assert one["digest"] != other["digest"]
    assert not one["sampled"]


@pytest.mark.filterwarnings("ignore:Cannot add features", "ignore:Rese.*ting categorical features")
def test_further_columns_and_other_labels_are_not_taken_for_the_first_ones() -> None:
    """A dataset that has changed since it was taken in tells what it has now."""
    one, more = lightgbm.Dataset(X[:, :10], Y).construct(), lightgbm.Dataset(X[:, 10:], Y).construct()
    one.add_features_from(more)
    lightgbm.train(PARAMS, one, 2)
    assert only_run().inputs[0]["shape"] == [569, 30]


def test_callbacks_of_any_container_have_their_rounds() -> None:
    """LightGBM takes whatever it can count and go through; what we would have to ask is noted."""
    from collections import deque

    class Mine(list):  # type: ignore[type-arg]
        """A list of the user's."""

    for kind in (tuple, set, frozenset, deque, Mine):
        learn = dataset()
        lightgbm.train(PARAMS, learn, 3, valid_sets=[learn], callbacks=kind([lightgbm.log_evaluation(0)]))
    *known, own = all_runs()
    assert [len(run.history("training-binary_logloss")) for run in known] == [3] * 4
    assert own.notes == [f"no rounds: the callbacks are given in a {Mine.__module__}.{Mine.__qualname__}"]


def test_a_kept_booster_is_not_written_where_no_model_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """`keep_training_booster` is there to spare that; the run says what it lacks."""
    written: list[Any] = []
    original = lightgbm.Booster.model_to_string
    autolog.enable(log_models=False)
    noted = lambda self, *given, **more: written.append(more.get("num_iteration")) or original(self, *given, **more)  # noqa: E731
    monkeypatch.setattr(lightgbm.Booster, "model_to_string", noted)
    lightgbm.train(PARAMS, dataset(), 3, keep_training_booster=True)
    run = only_run()
    assert written == [1]
    assert run.params["effective_num_leaves"] == 7
    assert any("depth" in note for note in run.notes)


def test_a_metric_that_is_no_number_costs_itself() -> None:
    """Other metrics of the same rounds are recorded, and a note says which is missing."""

    def odd(predicted: Any, data: Any) -> Any:
        return [("odd", None, True), ("fine", 1.0, True)]

    learn = dataset()
    lightgbm.train(PARAMS, learn, 4, valid_sets=[learn], feval=odd)
    run = only_run()
    assert [len(run.history(f"training-{name}")) for name in ("binary_logloss", "fine")] == [4, 4]
    assert "training-odd" not in run.metrics
    assert len([note for note in run.notes if "'training-odd'" in note]) == 1


class Rows(lightgbm.Sequence):
    """Rows that LightGBM reads by itself."""

    batch_size = 100

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)


def test_chunks_that_only_lightgbm_reads_have_no_digest_of_ours() -> None:
    """What is said of them is what LightGBM knows: the shape, but not that two data sets are the same."""
    for rows in (X, X * 2 + 1):
        lightgbm.train({**PARAMS}, lightgbm.Dataset([Rows(rows), Rows(rows)], np.concatenate([Y, Y])), 2)
    for run in all_runs():
        (data,) = run.inputs
        assert data["sampled"]
        assert data["shape"] in (None, [2 * len(X), X.shape[1]])


def test_weights_that_change_leave_the_data_as_it_is() -> None:
    """The same data in two trainings has the same digest."""
    data = lightgbm.Dataset(X, Y)
    lightgbm.train({**PARAMS}, data, 2)
    data.set_weight(np.ones(len(Y)))
    lightgbm.train({**PARAMS}, data, 2)
    first, second = ([each["digest"] for each in run.inputs if each["context"] == "train"] for run in all_runs())
    assert first == second

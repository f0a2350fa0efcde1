"""XGBoost: its params, its cross-validation, its containers of data, its model's format, trees and importances."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest
import scipy.sparse

pytest.importorskip("xgboost")
import xgboost
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.metrics import mean_squared_error

import autolog
from autolog import session
from autolog.testing import all_runs, only_run, only_top_run, series
from autolog_xgboost import trees

pytestmark = pytest.mark.usefixtures("recording")
X, Y = load_breast_cancer(return_X_y=True)
PARAMS = {"objective": "binary:logistic", "nthread": 1}
NEWEST = tuple(map(int, xgboost.__version__.split(".")[:2])) >= (3, 0)


def matrix(**more: Any) -> Any:
    return xgboost.DMatrix(X, Y, **more)


def chart(run: autolog.Run, kind: str) -> dict[str, float]:
    """The importances of a kind, as they are kept."""
    document = json.loads(run.artifact_path("charts/importances.json").read_text())
    return next(dict(each["data"]) for each in document["charts"] if each["importance_type"] == kind)


# ---- params


def test_given_and_effective_params_are_told_apart() -> None:
    """What was given has its name and type; what XGBoost settled on has `effective_` before it, numbers as numbers."""
    booster = xgboost.train({**PARAMS, "eta": 0.5, "seed": 11, "max_depth": np.int64(2)}, matrix(), 3)
    params = only_run().params
    config = json.loads(booster.save_config())["learner"]
    assert {name: params[name] for name in ("objective", "nthread", "eta", "seed", "max_depth", "num_boost_round")} == {
        "objective": "binary:logistic",
        "nthread": 1,
        "eta": 0.5,
        "seed": 11,
        "max_depth": 2,
        "num_boost_round": 3,
    }
    effective = {name.removeprefix("effective_") for name in params if name.startswith("effective_")}
    assert {"eta", "max_depth", "seed", "lambda", "objective", "booster", "eval_metric", "base_score"} <= effective
    assert (params["effective_max_depth"], params["effective_seed"], params["effective_lambda"]) == (2, 11, 1)
    assert params["effective_objective"] == config["objective"]["name"]
    assert params["effective_eval_metric"] == [metric["name"] for metric in config["metrics"]]
    assert {name for name in params if not name.startswith("effective_")} == {
        "eta",
        "max_depth",
        "nthread",
        "num_boost_round",
        "objective",
        "seed",
    }


def test_params_may_be_a_list_of_pairs() -> None:
    """A name that stands twice, as XGBoost allows for metrics, is a list."""
    xgboost.train([*PARAMS.items(), ("eval_metric", "auc"), ("eval_metric", "error")], matrix(), 2)
    assert only_run().params["eval_metric"] == ["auc", "error"]


def test_functions_are_named() -> None:
    """A custom objective, metric and callback are recorded by their names."""

    def squared(predicted: Any, data: Any) -> Any:
        return predicted - data.get_label(), np.ones(len(predicted))

    def halved(predicted: Any, data: Any) -> Any:
        return "halved", 0.5

    stopping = xgboost.callback.EarlyStopping(rounds=50, metric_name="halved", maximize=False)
    learn = matrix()
    arguments = {"evals": [(learn, "train")], "verbose_eval": False}
    xgboost.train({}, learn, 2, obj=squared, custom_metric=halved, callbacks=[stopping], **arguments)
    params = only_run().params
    assert params["obj"].endswith("squared")
    assert params["custom_metric"].endswith("halved")
    (described,) = params["callbacks"]
    assert described.startswith("EarlyStopping(")
    assert "rounds=50" in described
    assert "metric_name=halved" in described


# ---- boosters of all kinds


@pytest.mark.parametrize("kind", ["gbtree", "dart", "gblinear"])
def test_every_kind_of_booster_tells_what_it_can(kind: str) -> None:
    """Importances are those of `get_score`, of every kind there is; trees are counted as they are."""
    booster = xgboost.train({**PARAMS, "booster": kind}, matrix(), 4)
    run = only_run()
    assert run.notes == []
    kinds = ("weight", "gain", "cover", "total_gain", "total_cover") if kind != "gblinear" else ("weight",)
    for each in kinds:
        assert chart(run, each) == booster.get_score(importance_type=each)
    assert run.metrics["n_rounds"] == 4
    assert run.params["effective_booster"] == kind
    assert run.metrics.get("n_trees") == (None if kind == "gblinear" else 4)
    loaded = autolog.load_model(f"runs:/{run.run_id}/model")
    assert (loaded.predict(matrix()) == booster.predict(matrix())).all()


@pytest.mark.parametrize(
    "params",
    [
        {"max_depth": 6},
        {"max_depth": 1},
        {"grow_policy": "lossguide", "max_leaves": 40, "max_depth": 0, "tree_method": "hist"},
        {"tree_method": "exact", "gamma": 2},
        {"num_parallel_tree": 3, "subsample": 0.5},
        {"objective": "multi:softprob", "num_class": 3},
    ],
)
def test_the_shape_of_the_trees_is_that_of_the_librarys_own_table(params: dict[str, Any]) -> None:
    """Trees, leaves and the greatest depth agree with `trees_to_dataframe`."""
    data = xgboost.DMatrix(*load_iris(return_X_y=True)) if "num_class" in params else matrix()
    booster = xgboost.train({"nthread": 1, **params}, data, 7)
    table = booster.trees_to_dataframe()
    depths = {}
    for row in table.itertuples():
        depth = depths.setdefault(row.ID, 0)
        for child in (row.Yes, row.No):
            if isinstance(child, str):
                depths[child] = depth + 1
    leaves = int((table["Feature"] == "Leaf").sum())
    expected = {"n_trees": table["Tree"].nunique(), "depth": max(depths.values()), "n_leaves": leaves}
    assert trees.shape_of(booster.save_raw("ubj")) == expected
    metrics = only_run().metrics
    assert {name: metrics[name] for name in expected} == expected


def test_no_round_is_a_run_too() -> None:
    """Nothing is trained and nothing is missing."""
    xgboost.train(PARAMS, matrix(), 0)
    run = only_run()
    assert (run.status, run.notes, run.metrics["n_rounds"]) == ("FINISHED", [], 0)
    assert [model["format"] for model in run.models] == ["xgboost-ubj"]


def test_the_best_model_alone_is_kept_where_the_user_wants_it() -> None:
    """With `save_best=True` every round that ran is a point, and the model is the one that the user gets."""
    learn, check = xgboost.DMatrix(X[:400], Y[:400]), xgboost.DMatrix(X[400:], Y[400:])
    stopping = xgboost.callback.EarlyStopping(rounds=3, save_best=True)
    told: dict[str, Any] = {}
    arguments = {"evals": [(check, "check")], "evals_result": told, "verbose_eval": False}
    booster = xgboost.train({**PARAMS, "eta": 0.9}, learn, 60, callbacks=[stopping], **arguments)
    run = only_run()
    assert series(run, "check-logloss") == list(enumerate(told["check"]["logloss"]))
    assert run.metrics["n_rounds"] == booster.num_boosted_rounds() == booster.best_iteration + 1
    assert len(told["check"]["logloss"]) == run.metrics["n_rounds"] + 3
    assert run.metrics["best_iteration"] == booster.best_iteration


def test_a_continued_training_has_its_own_best_iteration_only() -> None:
    """What the earlier training found, which XGBoost hands on, is not said of this one."""
    learn, check = xgboost.DMatrix(X[:400], Y[:400]), xgboost.DMatrix(X[400:], Y[400:])
    first = xgboost.train(PARAMS, learn, 5, evals=[(check, "check")], early_stopping_rounds=4, verbose_eval=False)
    xgboost.train(PARAMS, learn, 2, xgb_model=first)
    one, other = all_runs()
    assert "best_iteration" in one.metrics
    assert "best_iteration" not in other.metrics
    assert other.tags["continued_from"] == one.run_id


def test_when_the_library_prints_at_every_question_it_is_asked_none(capsys: pytest.CaptureFixture[str]) -> None:
    """With verbosity 3 XGBoost prints whenever a booster is looked at; so it is not, and the run says so."""
    learn = matrix()
    with xgboost.config_context(verbosity=3):
        booster = xgboost.train(PARAMS, learn, 2, evals=[(learn, "train")], verbose_eval=False)
        capsys.readouterr()
        model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1).fit(X, Y)
        capsys.readouterr()
        booster.predict(learn)
        asked = capsys.readouterr().out
    one, other = all_runs()
    assert len(one.history("train-logloss")) == 2
    assert one.models == other.models == []
    assert all(any("verbosity=3" in note for note in run.notes) for run in (one, other))
    assert asked == "" or "Using tree method" in asked  # as it is without us, at the first question
    del model


# ---- estimators


CLASSES = ["XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor"]


@pytest.mark.parametrize("name", CLASSES)
def test_every_estimator_is_a_run_and_comes_back_as_itself(name: str, tmp_path: Path) -> None:
    """Its model is XGBoost's own file, which loads as the estimator with its params, and in the plain library."""
    kind = getattr(xgboost, name)
    more = {"qid": np.repeat(np.arange(57), 10)[: len(Y)]} if name == "XGBRanker" else {}
    model = kind(n_estimators=3, max_depth=2, n_jobs=1, reg_lambda=2.5).fit(X, Y, **more)
    run = only_run()
    assert run.run_name == name
    assert [(each["format"], each["model_class"]) for each in run.models] == [
        ("xgboost-ubj", f"xgboost.sklearn.{name}")
    ]
    loaded = autolog.load_model(f"runs:/{run.run_id}/model")
    assert type(loaded) is kind
    assert (loaded.predict(X) == model.predict(X)).all()
    assert loaded.get_params()["reg_lambda"] == 2.5
    plain = kind()
    plain.load_model(session.get().open_store().file(run.run_id, run.models[0]["path"]))
    assert (plain.predict(X) == model.predict(X)).all()


def test_a_rankers_metric_keeps_its_name() -> None:
    """`ndcg@4` is no trouble."""
    groups = np.repeat(np.arange(57), 10)[: len(Y)]
    model = xgboost.XGBRanker(n_estimators=3, eval_metric=["ndcg@4", "map@2"], n_jobs=1)
    model.fit(X, Y, qid=groups, eval_set=[(X, Y)], eval_qid=[groups], verbose=False)
    run = only_run()
    for metric, values in model.evals_result()["validation_0"].items():
        assert series(run, f"validation_0-{metric}") == list(enumerate(values))
    assert {"validation_0-ndcg@4", "validation_0-map@2"} <= set(run.metrics)
    assert [each["context"] for each in run.inputs] == ["train", "qid", "eval_set[0]", "eval_qid[0]"]


# ---- cross-validation


@pytest.mark.parametrize("stopping", [None, 2])
def test_cv_has_a_child_a_fold_and_the_means_on_the_parent(stopping: int | None) -> None:
    """The means are those returned, of rounds that early stopping cut off too; a fold's are what its booster said."""
    rounds: list[Any] = []

    class Noting(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            rounds.append([fold.bst.eval_set(fold.watchlist, epoch) for fold in model.cvfolds])
            return False

    params = {**PARAMS, "eta": 0.9, "eval_metric": ["logloss", "error"]}
    result = xgboost.cv(
        params, matrix(), 40, nfold=3, early_stopping_rounds=stopping, callbacks=[Noting()], as_pandas=False
    )
    run = only_top_run()
    assert (run.run_name, run.status, run.params["nfold"]) == ("xgboost.cv", "FINISHED", 3)
    assert len(result) == 8
    for name, values in result.items():
        assert series(run, name)[: len(values)] == list(enumerate(values))
        assert len(series(run, name)) - len(rounds) in ((0, 1) if stopping else (0,))  # before 3.2 order is chance
    folds = sorted(run.children(), key=lambda each: each.run_name or "")
    assert [(fold.run_name, fold.status) for fold in folds] == [(f"fold {number}", "FINISHED") for number in range(3)]
    for number, fold in enumerate(folds):
        said = [dict(each.split(":") for each in said[number].split()[1:]) for said in rounds]
        for name in ("train-logloss", "test-logloss", "train-error", "test-error"):
            assert series(fold, name)[: len(said)] == list(enumerate(float(each[name]) for each in said))
    if stopping:
        assert len(rounds) < 40
        assert run.metrics["best_iteration"] == len(result["test-error-mean"]) - 1
    assert ("best_score" in run.metrics) == bool(stopping)


def test_a_cv_that_breaks_off_keeps_what_its_folds_had() -> None:
    """The folds have not ended, and are killed with their parent."""

    class Breaking(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if epoch == 2:
                raise KeyboardInterrupt
            return False

    with pytest.raises(KeyboardInterrupt):
        xgboost.cv(PARAMS, matrix(), 9, nfold=2, callbacks=[Breaking()])
    run = only_top_run()
    assert run.status == "KILLED"
    assert [(fold.status, len(fold.history("test-logloss"))) for fold in run.children()] == [("KILLED", 3)] * 2


# ---- data


def containers() -> dict[str, Any]:
    frame = pd.DataFrame({"a": X[:, 0], "b": (X[:, 1] > 19).astype("int64")})
    frame["c"] = pd.Categorical(np.where(X[:, 2] > 90, "high", "low"))
    return {
        "numpy": X,
        "pandas": frame,
        "polars": polars.DataFrame({"a": X[:, 0], "b": X[:, 1]}),
        "pyarrow": pyarrow.table({"a": X[:, 0], "b": X[:, 1]}),
        "sparse": scipy.sparse.csr_matrix(X),
    }


SUPPORTED = [*sorted(containers())] if NEWEST else ["numpy", "pandas", "sparse"]


@pytest.mark.parametrize("made", ["DMatrix", "QuantileDMatrix"])
@pytest.mark.parametrize("name", SUPPORTED)
def test_a_matrix_is_known_by_what_it_was_made_from(name: str, made: str) -> None:
    """Container, columns, digest and signature are those of the data, the same as where it is given to an estimator."""
    data = containers()[name]
    more = {"enable_categorical": True} if name == "pandas" else {}
    learn = getattr(xgboost, made)(data, Y, **more)
    xgboost.train({**PARAMS, "tree_method": "hist"}, learn, 2)
    xgboost.XGBClassifier(n_estimators=2, n_jobs=1, tree_method="hist", **more).fit(data, Y)
    ours, theirs = all_runs()
    (one,), (other,) = ours.inputs, theirs.inputs
    same = ("kind", "shape", "dtype", "columns", "digest", "target", "sampled", "context")
    assert {key: one.get(key) for key in same} == {key: other.get(key) for key in same}
    assert (one["name"], one["source"]) == ("learn", {"container": f"xgboost.core.{made}", "made_from": "data"})
    assert ours.signature == theirs.signature


def test_a_matrix_that_was_made_unseen_tells_its_shape_and_names() -> None:
    """Nothing is read back from it; its digest is marked as no whole reading."""
    with autolog.paused():
        learn = xgboost.DMatrix(X, Y, feature_names=[f"f-{number}" for number in range(X.shape[1])])
    xgboost.train(PARAMS, learn, 2)
    (data,) = only_run().inputs
    assert (data["kind"], data["shape"], data["sampled"]) == ("xgboost.core.DMatrix", [569, 30], True)
    assert data["columns"][0] == ["f-0", "float32"]
    assert data["target"]["shape"] == [569]


def test_other_labels_are_not_taken_for_the_first_ones() -> None:
    """A matrix whose labels are set anew is described by itself."""
    learn = matrix()
    learn.set_label(1 - Y)
    xgboost.train(PARAMS, learn, 2)
    (data,) = only_run().inputs
    assert (data["kind"], data["target"]["dtype"]) == ("xgboost.core.DMatrix", "float32")


def test_weights_groups_and_evaluation_sets_are_inputs() -> None:
    """Each under its context; the data that is trained on is listed once."""
    groups = [10] * 56 + [9]
    learn = xgboost.DMatrix(X, Y, weight=np.ones(57), group=groups)
    check = xgboost.DMatrix(X, Y, group=groups)
    evals = [(learn, "train"), (check, "check")]
    xgboost.train({"objective": "rank:ndcg", "nthread": 1}, learn, 2, evals=evals, verbose_eval=False)
    inputs = {each["context"]: each for each in only_run().inputs}
    assert list(inputs) == ["train", "check", "weight", "group"]
    assert [inputs[name]["shape"] for name in ("weight", "group")] == [[57], [57]]
    assert (inputs["check"]["name"], inputs["check"]["digest"]) == ("check", inputs["train"]["digest"])


class Batches(xgboost.core.DataIter):  # type: ignore[misc]
    """Hands out the data in two batches, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self._next = 0

    def next(self, input_data: Any) -> Any:
        self.asked += 1
        if self._next == 2:
            return 0
        rows = slice(self._next * 300, (self._next + 1) * 300)
        input_data(data=X[rows], label=Y[rows])
        self._next += 1
        return 1

    def reset(self) -> None:
        self._next = 0


def test_a_users_iterator_is_asked_as_often_as_without_us() -> None:
    """What hands out batches is never advanced by us."""
    with autolog.paused():
        bare = Batches()
        xgboost.train(PARAMS, xgboost.QuantileDMatrix(bare), 2)
    recorded = Batches()
    xgboost.train(PARAMS, xgboost.QuantileDMatrix(recorded), 2)
    assert recorded.asked == bare.asked
    (data,) = only_run().inputs
    assert data["shape"] == [569, 30]


def test_callbacks_that_can_be_read_only_once_are_passed_on(recording: None) -> None:
    """A generator of callbacks is read by XGBoost alone."""
    seen: list[int] = []
    noting = {"after_iteration": lambda self, model, epoch, log: bool(seen.append(epoch))}
    made = (type("Noting", (xgboost.callback.TrainingCallback,), noting)() for _ in range(1))
    learn = matrix()
    xgboost.train(PARAMS, learn, 3, evals=[(learn, "train")], verbose_eval=False, callbacks=made)
    assert seen == [0, 1, 2]
    assert len(only_run().history("train-logloss")) == 3


def test_predictions_in_place_join_the_run() -> None:
    """`inplace_predict` is known as `predict` is."""
    data, target = load_diabetes(return_X_y=True)
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(data, target), 3)
    error = mean_squared_error(target, booster.inplace_predict(data))
    assert only_run().metrics["mean_squared_error_data"] == error


# ---- series that are not one value a round


def test_only_values_that_are_new_are_points() -> None:
    """A metric of every third round has a point every third, and what a user's callback adds is of its round."""

    class Adding(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            evals_log.setdefault("mine", {}).setdefault("rate", []).append(float(epoch * 10))
            return False

    rounds: list[int] = []

    def sometimes(predicted: Any, data: Any) -> Any:
        rounds.append(len(rounds))
        third = [("third", float(rounds[-1]))] if rounds[-1] % 3 == 0 else []
        return [("every", float(rounds[-1])), *third]

    learn, told = matrix(), {}
    evals = {"evals": [(learn, "train")], "evals_result": told, "verbose_eval": False}
    xgboost.train(PARAMS, learn, 7, custom_metric=sometimes, callbacks=[Adding()], **evals)
    run = only_run()
    assert series(run, "train-every") == [(step, float(step)) for step in range(7)]
    assert series(run, "train-third") == [(step, float(step)) for step in (0, 3, 6)]
    assert series(run, "mine-rate") == [(step, step * 10.0) for step in range(7)]
    assert {f"{data}-{metric}": values for data, each in told.items() for metric, values in each.items()} == {
        name: [value for _, value in series(run, name)] for name in run.metrics if "-" in name
    }


def test_two_sets_of_one_name_have_all_their_values() -> None:
    """XGBoost puts both into one series; so has the run every value of it."""
    learn, other, told = matrix(), xgboost.DMatrix(X[:100], Y[:100]), {}
    evals = {"evals": [(learn, "both"), (other, "both")], "evals_result": told, "verbose_eval": False}
    xgboost.train(PARAMS, learn, 3, **evals)
    assert [value for _, value in series(only_run(), "both-logloss")] == told["both"]["logloss"]
    assert [step for step, _ in series(only_run(), "both-logloss")] == [0, 0, 1, 1, 2, 2]


def test_a_linear_booster_with_large_weights_is_saved() -> None:
    """Its weights are no counts of splits."""
    target = 3e5 + X[:, :4] @ np.ones(4) * 1e6
    xgboost.train({"booster": "gblinear", "nthread": 1}, xgboost.DMatrix(X[:, :4], target), 20)
    run = only_run()
    assert run.notes == []
    assert len(run.models) == 1


def test_names_that_a_matrix_gives_its_columns_are_recorded() -> None:
    """Given with it or later, where the data itself has none."""
    names = [f"c{number}" for number in range(X.shape[1])]
    learn, later = xgboost.DMatrix(X, Y, feature_names=names), matrix()
    later.feature_names = names
    xgboost.train(PARAMS, learn, 2)
    xgboost.train(PARAMS, later, 2)
    for run in all_runs():
        assert [name for name, _ in run.inputs[0]["columns"]] == names
        assert [column["name"] for column in run.signature["inputs"]] == names


def test_a_home_is_where_the_library_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that begins with ~ is known by the file that it names."""
    monkeypatch.setenv("HOME", str(tmp_path))
    xgboost.train(PARAMS, matrix(), 2).save_model("~/mine.ubj")
    xgboost.train(PARAMS, matrix(), 2, xgb_model="~/mine.ubj")
    one, other = all_runs()
    assert other.tags["continued_from"] == one.run_id


def test_classes_of_the_users_are_not_asked() -> None:
    """What a subclass of DMatrix says of itself is its own; we read what XGBoost has."""

    class Mine(xgboost.DMatrix):  # type: ignore[misc]
        def get_weight(self) -> Any:
            raise AssertionError("asked")

        get_label = num_col = get_group = get_weight

    with autolog.paused():
        learn = Mine(X, Y)
    xgboost.train(PARAMS, learn, 2)
    assert only_run().inputs[0]["shape"] == [569, 30]

"""The CatBoost plugin: what a fit's run has, and that the program does not notice."""

from __future__ import annotations

import hashlib
import inspect
import random
from pathlib import Path
from typing import Any

import catboost
import numpy as np
import pytest
from catboost import CatBoostClassifier, CatBoostRegressor, Pool

import autolog

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X.sum(1)
X_VALID, Y_VALID = X[:20].copy(), Y[:20].copy()


@pytest.fixture(autouse=True)
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Record into the test's folder, until the test has ended."""
    monkeypatch.chdir(tmp_path)
    autolog.enable(backend=tmp_path / "runs", silent=True)
    yield
    autolog.disable()


def runs() -> list[Any]:
    """All that was recorded, the oldest first."""
    return autolog.search_runs(output_format="list")[::-1]


def model(kind: Any = CatBoostRegressor, **more: Any) -> Any:
    """A small model that trains quietly."""
    usual = {"iterations": 8, "depth": 2, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    return kind(**{**usual, **more})


def points(run: Any, name: str) -> list[tuple[int, float]]:
    """The steps and values of a series."""
    return [(step, value) for step, value, _ in run.history(name)]


def test_the_plugin_was_found_by_its_entry_point() -> None:
    """Nobody registered it: it is installed, and CatBoost is imported."""
    from autolog import session

    (record,) = [each for each in session.get().loader.records if each.name == "catboost"]
    assert (record.distribution, record.state, record.reason) == ("autolog-catboost", "loaded", "")


def test_iterations_are_what_catboost_computed() -> None:
    """Each series of each set is that of `get_evals_result`, from iteration 0."""
    trained = model().fit(X, Y, eval_set=[(X_VALID, Y_VALID), (X, Y)])
    (run,) = runs()
    found = trained.get_evals_result()
    assert set(found) == {"learn", "validation_0", "validation_1"}
    for data, metrics in found.items():
        assert points(run, f"{data}-RMSE") == list(enumerate(metrics["RMSE"]))


def test_a_metric_that_is_computed_now_and_then_has_the_steps_of_that() -> None:
    """With `metric_period=3`, iterations 0, 3, 6 and the last."""
    model(metric_period=3).fit(X, Y)
    (run,) = runs()
    assert [step for step, _ in points(run, "learn-RMSE")] == [0, 3, 6, 7]


def test_params_are_those_given_and_those_in_effect() -> None:
    """What the user set has its own name; what CatBoost settled on begins with `effective_`."""
    model(l2_leaf_reg=2.5).fit(X, Y, eval_set=(X_VALID, Y_VALID), early_stopping_rounds=5)
    (run,) = runs()
    found = {name: run.params[name] for name in ("depth", "l2_leaf_reg", "early_stopping_rounds")}
    assert found == {"depth": 2, "l2_leaf_reg": 2.5, "early_stopping_rounds": 5}
    assert run.params["effective_grow_policy"] == "SymmetricTree"
    assert run.metrics["n_trees"] == run.metrics["best_iteration"] + 1


def test_arrays_are_described() -> None:
    """By the plugin that knows them, under the user's names; so is the evaluation set."""
    model().fit(X, Y, eval_set=(X_VALID, Y_VALID))
    (run,) = runs()
    found = [(each["name"], each["context"], each["shape"]) for each in run.inputs]
    assert found == [("X", "train", [60, 3]), ("X_VALID", "validation_0", [20, 3])]
    assert run.signature["inputs"] == {"type": "tensor", "dtype": "float64", "shape": [-1, 3]}


def test_a_pool_is_described() -> None:
    """By its columns and their kinds, which it knows, and nothing else."""
    rows = [[value, "even" if number % 2 else "odd"] for number, value in enumerate(Y.tolist())]
    pool = Pool(rows, Y, feature_names=["sum", "parity"], cat_features=["parity"])
    model().fit(pool)
    (run,) = runs()
    assert (run.inputs[0]["name"], run.inputs[0]["kind"], run.inputs[0]["sampled"]) == ("pool", "catboost.Pool", True)
    assert run.signature["inputs"] == [{"name": "sum", "type": "numeric"}, {"name": "parity", "type": "categorical"}]


def test_the_model_comes_back() -> None:
    """As what it was, with the same predictions."""
    y = (Y > 0).astype(int)
    trained = model(CatBoostClassifier).fit(X, y)
    (run,) = runs()
    again = autolog.load_model(f"runs:/{run.run_id}/model")
    assert type(again) is CatBoostClassifier
    np.testing.assert_array_equal(again.predict_proba(X), trained.predict_proba(X))


def test_an_error_is_the_users() -> None:
    """It passes; the run says that it failed, and why."""
    with pytest.raises(catboost.CatBoostError, match="loss"):
        model(loss_function="no such loss").fit(X, Y)
    (run,) = runs()
    assert (run.status, run.error["type"], run.models) == ("FAILED", "_catboost.CatBoostError", [])


def test_a_further_training_names_the_one_before() -> None:
    """With `init_model`, the run says which run it goes on from."""
    first = model().fit(X, Y)
    model().fit(X, Y, init_model=first)
    one, other = runs()
    assert other.tags["continued_from"] == one.run_id


def test_train_and_an_estimator_of_the_users_are_recorded() -> None:
    """`catboost.train`, and a class that derives from CatBoost's."""

    class Mine(CatBoostRegressor):  # type: ignore[misc]
        pass

    model(Mine).fit(X, Y)
    catboost.train(Pool(X, Y), {"iterations": 3, "verbose": 0, "allow_writing_files": False, "loss_function": "RMSE"})
    assert [run.run_name for run in runs()] == ["Mine", "CatBoost"]


def world(trained: Any) -> Any:
    """What a program can see of a training."""
    weights = hashlib.sha256(np.ascontiguousarray(trained.predict(X)).tobytes()).hexdigest()
    return weights, trained.get_params(), random.getstate(), repr(np.random.get_state())


def test_the_program_notices_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Predictions, params, random states and output are those of a program without autolog, and so are methods."""
    with autolog.paused():
        without = world(model().fit(X, Y)), capfd.readouterr()
    assert (world(model().fit(X, Y)), capfd.readouterr()) == without
    signature, patched = inspect.signature(CatBoostRegressor.fit), inspect.getattr_static(CatBoostRegressor, "fit")
    autolog.disable()
    assert inspect.signature(CatBoostRegressor.fit) == signature
    assert inspect.getattr_static(CatBoostRegressor, "fit") is not patched


def test_metrics_of_predictions_join_the_run() -> None:
    """What scikit-learn computes of what the model predicted belongs to the run that trained it."""
    metrics = pytest.importorskip("sklearn.metrics")
    trained = model().fit(X, Y)
    error = metrics.mean_squared_error(Y, trained.predict(X))
    (run,) = runs()
    assert run.metrics["mean_squared_error_X"] == error

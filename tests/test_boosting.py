"""XGBoost and LightGBM, what holds of both: where a run begins, what its series are, what joins it, what stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("xgboost")
pytest.importorskip("lightgbm")
import lightgbm
import sklearn
import xgboost
from lightgbm import train as lightgbm_train
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_iris
from sklearn.ensemble import AdaBoostClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFECV, SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import train as xgboost_train

import autolog
from autolog.hookspecs import Patches
from autolog.testing import all_runs, in_thread, only_run, only_top_run, series, top_runs
from boosters import LIBRARIES, Library, X, Y, flat

pytestmark = [
    pytest.mark.usefixtures("recording"),
    pytest.mark.filterwarnings("ignore:.*'eval_set' is deprecated"),  # LightGBM 4.7 has other names for it
]
sklearn_version = tuple(map(int, sklearn.__version__.split(".")[:2]))
LEARN, CHECK = (X[:400], Y[:400]), (X[400:], Y[400:])


@pytest.fixture(params=sorted(LIBRARIES))
def library(request: pytest.FixtureRequest) -> Library:
    """Either of them."""
    return LIBRARIES[request.param]


def two_sets(library: Library) -> tuple[Any, Any]:
    """Data to train on, and data to evaluate on."""
    learn = library.data(*LEARN)
    reference = {"reference": learn} if library.name == "lightgbm" else {}
    return learn, library.data(*CHECK, **reference)


def recorded_series(run: autolog.Run, names: Any) -> dict[str, list[tuple[int, float]]]:
    return {name: series(run, name) for name in names}


def as_points(told: dict[str, list[float]], first: int = 0) -> dict[str, list[tuple[int, float]]]:
    return {name: list(enumerate(values, first)) for name, values in told.items()}


# ---- series


def test_every_round_of_every_set_is_a_point_exact_to_the_last_bit(library: Library) -> None:
    """The series have the library's names, a point a round, and the values that it tells itself; nothing is added."""
    learn, check = two_sets(library)
    _, told = library.train(library.params, learn, 12, {"train": learn, "valid": check})
    run = only_run()
    assert len(flat(told)) == 4
    assert recorded_series(run, flat(told)) == as_points(flat(told))
    assert {name for name in run.metrics if "-" in name} == set(flat(told))


@pytest.mark.parametrize("name", ["train", "by name"])
def test_a_function_that_was_imported_by_name_is_seen(library: Library, name: str) -> None:
    """It is the same object whether it was imported before `enable()` or is reached through the module."""
    held = {"xgboost": xgboost_train, "lightgbm": lightgbm_train}[library.name]
    function = held if name == "by name" else {"xgboost": xgboost, "lightgbm": lightgbm}[library.name].train
    assert function is held
    function(library.params, library.data(*LEARN), 2)
    assert only_run().run_name == f"{library.name}.train"


def test_the_round_in_which_early_stopping_fires_is_recorded_too(library: Library) -> None:
    """All rounds that ran have their point; best iteration and score are metrics of their own, as the library says."""
    learn, check = two_sets(library)
    stopping = {"early_stopping_rounds": 2} if library.name == "xgboost" else {"callbacks": [quiet_stopping(2)]}
    booster, told = library.train({**library.params, "learning_rate": 0.9}, learn, 100, {"valid": check}, **stopping)
    run = only_run()
    rounds = len(next(iter(flat(told).values())))
    assert rounds < 100
    assert recorded_series(run, flat(told)) == as_points(flat(told))
    assert run.metrics["best_iteration"] == booster.best_iteration
    best = booster.best_score
    if isinstance(best, dict):
        scores = {f"best_score_valid-{metric}": value for metric, value in best["valid"].items()}
    else:
        scores = {"best_score": best}
    assert {name: value for name, value in run.metrics.items() if name.startswith("best_score")} == scores


def quiet_stopping(rounds: int) -> Any:
    return lightgbm.early_stopping(rounds, verbose=False)


def test_without_early_stopping_there_is_no_best_iteration(library: Library) -> None:
    """Nothing is invented; neither is there a series where nothing was evaluated."""
    library.train(library.params, library.data(*LEARN), 3, {})
    assert set(only_run().metrics) == {"n_rounds", "n_trees", "depth", "n_leaves"}


def test_a_custom_metric_has_its_name_and_its_values(library: Library) -> None:
    """What a function of the user's gives is a series like any other, and it is called once a round, as without us."""
    calls: list[int] = []

    def share(predicted: Any, data: Any) -> Any:
        calls.append(1)
        value = float(np.mean((predicted > 0.5) == data.get_label()))
        return ("share", value) if library.name == "xgboost" else ("share", value, True)

    learn, check = two_sets(library)
    argument = "custom_metric" if library.name == "xgboost" else "feval"
    _, told = library.train(library.params, learn, 5, {"valid": check}, **{argument: share})
    assert series(only_run(), "valid-share") == list(enumerate(flat(told)["valid-share"]))
    assert len(calls) == 5
    assert "share" in str(only_run().params[argument])


def test_points_are_there_while_the_training_is_under_way(library: Library, store: Path) -> None:
    """What a killed training has done stays: all rounds before the one it died in."""
    program = f"""
        import os, signal, autolog
        autolog.enable(backend={str(store)!r}, silent=True)
        import xgboost
        from boosters import LIBRARIES, X, Y
        library = LIBRARIES[{library.name!r}]
        data = library.data(X, Y)
        def die(round):
            if round == 40:
                os.kill(os.getpid(), signal.SIGKILL)
        class Dying(xgboost.callback.TrainingCallback):
            def after_iteration(self, model, epoch, evals_log):
                die(epoch)
        dying = Dying() if library.name == "xgboost" else lambda env: die(env.iteration)
        library.train(library.params, data, 100, {{"train": data}}, callbacks=[dying])
    """
    path = os.pathsep.join([str(Path(__file__).parent / "helpers"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False, timeout=100)
    assert done.returncode == -signal.SIGKILL
    run = only_run(store)
    assert run.status == "LOST"
    assert [step for step, _ in series(run, "train-auc")] == list(range(41))


# ---- where a run begins


def test_two_trainings_are_two_runs_also_of_one_estimator(library: Library) -> None:
    """Each fit has its own."""
    model = library.classifier(**library.estimator)
    model.fit(*LEARN)
    model.fit(*LEARN)
    library.train(library.params, library.data(*LEARN), 2, {})
    assert [run.run_name for run in all_runs()] == [library.classifier.__name__] * 2 + [f"{library.name}.train"]


def test_trainings_in_threads_keep_their_series_apart(library: Library) -> None:
    """Parallel fits are runs of their own, each with exactly what it gave."""

    def work(rate: float) -> tuple[float, dict[str, list[float]]]:
        learn, check = two_sets(library)
        return rate, flat(library.train({**library.params, "learning_rate": rate}, learn, 8, {"valid": check})[1])

    with ThreadPoolExecutor(4) as pool:
        given = dict(pool.map(work, [0.1, 0.2, 0.3, 0.4]))
    runs = all_runs()
    assert {run.params["learning_rate"]: recorded_series(run, given[0.1]) for run in runs} == {
        rate: as_points(told) for rate, told in given.items()
    }


def test_an_estimator_is_one_run_with_its_rounds(library: Library) -> None:
    """Its fit has the series, what the booster tells, and no run besides."""
    model = library.classifier(**library.estimator).fit(*LEARN, eval_set=[CHECK])
    run = only_run()
    told = model.evals_result() if library.name == "xgboost" else model.evals_result_
    assert run.run_name == library.classifier.__name__
    assert recorded_series(run, flat(told)) == as_points(flat(told))
    assert run.metrics["n_trees"] == 4
    assert (
        run.params["n_estimators"]
        == run.params[f"effective_{'num_trees' if library.name == 'xgboost' else 'num_iterations'}"]
        == 4
    )
    assert [(each["context"], each["shape"]) for each in run.inputs] == [
        ("train", [400, 30]),
        ("eval_set[0]", [169, 30]),
    ]


def test_a_pipeline_is_one_run_with_the_rounds_of_its_last_step(library: Library) -> None:
    """The booster's series and facts stand on the pipeline's run."""
    step = library.classifier.__name__.lower()
    model = make_pipeline(StandardScaler(), library.classifier(**library.estimator))
    model.fit(*LEARN, **{f"{step}__eval_set": [CHECK]})
    run = only_run()
    assert run.run_name == "Pipeline"
    assert run.metrics["n_rounds"] == 4
    assert len([name for name in run.metrics if "-" in name]) == 1
    assert "charts/importances.json" in run.artifacts


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_searchs_candidates_have_the_rounds_of_each_split(library: Library, jobs: int) -> None:
    """Each split's series is on its candidate's run, under the split's number; the parent has those of the refit."""
    name = "max_depth" if library.name == "xgboost" else "num_leaves"
    search = GridSearchCV(library.classifier(**library.estimator), {name: [2, 3]}, cv=2, n_jobs=jobs)
    search.fit(*LEARN, eval_set=[CHECK])
    parent = only_top_run()
    children = sorted(parent.children(), key=lambda run: run.params[name])
    assert [run.params[name] for run in children] == [2, 3]
    metric = next(metric for metric in parent.metrics if "-" in metric)
    assert [{key for key in run.metrics if "-" in key} for run in children] == [
        {f"split0_{metric}", f"split1_{metric}"}
    ] * 2
    assert all(len(run.history(f"split{split}_{metric}")) == 4 for run in children for split in (0, 1))
    best = search.best_estimator_
    told = flat(best.evals_result() if library.name == "xgboost" else best.evals_result_)
    assert recorded_series(parent, told) == as_points(told)
    assert len(all_runs()) == 3


def test_a_capped_search_leaves_the_rounds_of_its_splits_out(library: Library) -> None:
    """Where candidates are not yet runs when they are tried, only the refit's rounds are recorded."""
    autolog.enable(max_tuning_runs=1)
    name = "max_depth" if library.name == "xgboost" else "num_leaves"
    GridSearchCV(library.classifier(**library.estimator), {name: [2, 3]}, cv=2).fit(*LEARN, eval_set=[CHECK])
    parent = only_top_run()
    assert len([name for name in parent.metrics if "-" in name]) == 1


def test_folds_of_a_cross_validation_have_their_rounds(library: Library) -> None:
    """Each on its own child run."""
    handed_on = "params" if sklearn_version >= (1, 4) else "fit_params"
    cross_validate(library.classifier(**library.estimator), *LEARN, cv=2, **{handed_on: {"eval_set": [CHECK]}})
    folds = only_top_run().children()
    assert [len(run.history(name)) for run in folds for name in run.metrics if "-" in name] == [4, 4]


class CheckedXGB(xgboost.XGBClassifier):  # type: ignore[misc]
    """Evaluates what it is trained on, as nothing hands an evaluation set through an ensemble."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        return super().fit(X, y, sample_weight=sample_weight, eval_set=[(X, y)], verbose=False)


class CheckedLGBM(lightgbm.LGBMClassifier):  # type: ignore[misc]
    """The same of LightGBM."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        return super().fit(X, y, sample_weight=sample_weight, eval_set=[(X, y)])


CHECKED = {"xgboost": CheckedXGB, "lightgbm": CheckedLGBM}


def test_members_of_an_ensemble_are_part_of_its_run(library: Library) -> None:
    """A voting ensemble is one run; each booster's series begin with its number, and none is taken for the whole."""
    member = CHECKED[library.name](**library.estimator)
    VotingClassifier([("a", member), ("b", member)]).fit(*LEARN)
    run = only_run()
    metric = {"xgboost": "validation_0-logloss", "lightgbm": "training-binary_logloss"}[library.name]
    assert {name: len(run.history(name)) for name in run.metrics if "-" in name} == {
        f"pool0_fit0_{metric}": 4,
        f"pool0_fit1_{metric}": 4,
    }
    assert "n_trees" not in run.metrics
    assert not [name for name in run.params if name.startswith("effective_")]


def test_boosters_that_an_ensemble_trains_in_turn_do_not_mix(library: Library) -> None:
    """The second has a number before its series' names."""
    AdaBoostClassifier(CHECKED[library.name](**library.estimator), n_estimators=2).fit(*LEARN)
    run = only_run()
    found = {name: len(run.history(name)) for name in run.metrics if "-" in name}
    assert sorted(found.values()) == [4, 4]
    assert [name.startswith("fit1_") for name in sorted(found)] == [True, False]


def test_a_class_of_the_users_is_a_run_of_its_own_kind(library: Library) -> None:
    """A subclass has the rounds and the facts; it is pickled, since its class is the user's."""
    CHECKED[library.name](**library.estimator).fit(*LEARN)
    run = only_run()
    assert run.run_name == CHECKED[library.name].__name__
    assert run.metrics["n_trees"] == 4
    assert [model["format"] for model in run.models] == ["pickle"]


def test_a_booster_within_a_transformer_opens_no_run(library: Library) -> None:
    """A lone transformer's fit is none, whatever it trains inside."""
    SelectFromModel(library.classifier(**library.estimator)).fit(*LEARN)
    assert all_runs() == []


def test_an_explicit_run_takes_the_first_training_and_has_the_next_as_a_child(library: Library) -> None:
    """As any fit does."""
    with autolog.start_run(run_name="mine"):
        library.train(library.params, library.data(*LEARN), 2, {})
        library.train(library.params, library.data(*LEARN), 3, {})
    top, child = only_top_run(), only_top_run().children()[0]
    assert (top.run_name, top.metrics["n_rounds"]) == ("mine", 2)
    assert (child.run_name, child.metrics["n_rounds"]) == (f"{library.name}.train", 3)


def test_a_training_in_a_plain_thread_is_a_run(library: Library) -> None:
    """It needs no context."""
    in_thread(lambda: library.train(library.params, library.data(*LEARN), 2, {}))
    assert only_run().status == "FINISHED"


def test_paused_or_disabled_nothing_is_recorded(library: Library) -> None:
    """Neither the function's calls nor the estimator's."""
    with autolog.paused():
        library.train(library.params, library.data(*LEARN), 2, {})
        library.classifier(**library.estimator).fit(*LEARN)
    autolog.disable()
    library.train(library.params, library.data(*LEARN), 2, {})
    assert all_runs() == []


# ---- whose a call is


@pytest.fixture
def only(store: Path) -> Any:
    """Record the calls of one plugin."""

    def enable(name: str, **options: Any) -> None:
        autolog.disable()
        autolog.enable(name, backend=store, silent=True, **options)

    return enable


def test_an_estimator_counts_as_its_own_librarys(library: Library, only: Any) -> None:
    """With that plugin asked for alone it is recorded, with scikit-learn's alone it is not."""
    only("sklearn")
    library.classifier(**library.estimator).fit(*LEARN)
    assert all_runs() == []
    only(library.name)
    library.classifier(**library.estimator).fit(*LEARN)
    LogisticRegression(max_iter=10_000).fit(*LEARN)
    assert [run.run_name for run in all_runs()] == [library.classifier.__name__]


def test_options_of_a_plugin_hold_for_its_estimators(library: Library) -> None:
    """`enable("xgboost", log_models=False)` is about `XGBClassifier` too, and not about scikit-learn's."""
    autolog.enable(library.name, "sklearn")
    autolog.enable(library.name, log_models=False)
    library.classifier(**library.estimator).fit(*LEARN)
    LogisticRegression(max_iter=10_000).fit(*LEARN)
    assert [len(run.models) for run in all_runs()] == [0, 1]


def test_inside_what_is_not_asked_for_a_training_is_a_run_of_its_own(library: Library, only: Any) -> None:
    """A pipeline is scikit-learn's; where that was not asked for, the booster's training is what is recorded."""
    only(library.name)
    make_pipeline(StandardScaler(), library.classifier(**library.estimator)).fit(*LEARN)
    with autolog.start_run(run_name="mine"):
        make_pipeline(StandardScaler(), library.classifier(**library.estimator)).fit(*LEARN)
    assert [run.run_name for run in all_runs()] == [f"{library.name}.train", "mine", f"{library.name}.train"]


# ---- how a training ends


def stopper(library: Library, error: BaseException) -> Any:
    """A user's callback that ends the third round with an error."""

    def check(step: int) -> None:
        if step == 2:
            raise error

    if library.name == "lightgbm":
        return lambda env: check(env.iteration)
    return type(
        "Stopper",
        (xgboost.callback.TrainingCallback,),
        {"after_iteration": lambda self, model, epoch, log: check(epoch)},
    )()


@pytest.mark.parametrize(("error", "status"), [(ValueError("no"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_a_training_that_breaks_off_keeps_its_rounds(library: Library, error: BaseException, status: str) -> None:
    """The error is the user's own, the run says how it ended, and has every round up to there."""
    learn = library.data(*LEARN)
    with pytest.raises(type(error)) as raised:
        library.train(library.params, learn, 10, {"train": learn}, callbacks=[stopper(library, error)])
    assert raised.value is error
    run = only_run()
    assert (run.status, [step for step, _ in series(run, "train-auc")]) == (status, [0, 1, 2])
    assert run.models == []


@pytest.mark.filterwarnings("ignore:Pass `evals")
def test_wrong_arguments_are_the_librarys_to_complain_of(library: Library) -> None:
    """The errors are its own; the run has failed."""
    train = {"xgboost": xgboost, "lightgbm": lightgbm}[library.name].train
    for given in (
        (library.params, "no data"),
        (library.params,),
        (library.params, library.data(*LEARN), 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    ):
        with pytest.raises(TypeError) as recorded:
            train(*given)
        with autolog.paused(), pytest.raises(TypeError) as bare:
            train(*given)
        assert str(recorded.value) == str(bare.value)
    assert {run.status for run in all_runs()} == {"FAILED"}


def test_the_users_callbacks_stay_as_they_are(library: Library) -> None:
    """The list is the same object with the same members, and each is called as often."""
    seen: list[int] = []
    if library.name == "lightgbm":
        mine: Any = lambda env: seen.append(env.iteration)  # noqa: E731
    else:
        noting = {"after_iteration": lambda self, model, epoch, log: bool(seen.append(epoch))}
        mine = type("Mine", (xgboost.callback.TrainingCallback,), noting)()
    callbacks = [mine]
    train = {"xgboost": xgboost, "lightgbm": lightgbm}[library.name].train
    train(library.params, library.data(*LEARN), 3, callbacks=callbacks)
    assert callbacks == [mine]
    assert seen == [0, 1, 2]
    assert len(only_run().params["callbacks"]) == 1


# ---- models


def test_a_booster_loads_in_the_plain_library_and_through_us(library: Library, tmp_path: Path) -> None:
    """Either way it predicts the same; no trust is asked for."""
    booster, _ = library.train(library.params, library.data(*LEARN), 5, {})
    run = only_run()
    path = run.artifact_path(run.models[0]["path"]) if run.models[0]["path"] in run.artifacts else model_file(run)
    plain = xgboost.Booster(model_file=path) if library.name == "xgboost" else lightgbm.Booster(model_file=path)
    ours = autolog.load_model(f"runs:/{run.run_id}/model")
    expected = library.predict(booster, CHECK[0])
    assert (library.predict(plain, CHECK[0]) == expected).all()
    assert (library.predict(ours, CHECK[0]) == expected).all()
    assert type(ours) is type(booster)
    assert not run.models[0]["runs_code"]


def model_file(run: autolog.Run) -> Path:
    """Find the file of a run's model."""
    from autolog import session

    return session.get().open_store().file(run.run_id, run.models[0]["path"])


@pytest.mark.autolog_swallows
def test_a_model_that_is_too_large_is_left_out(library: Library) -> None:
    """The run says so, and has all the rest."""
    autolog.enable(max_model_mb=0.001)
    library.train(library.params, library.data(*LEARN), 50, {})
    run = only_run()
    assert run.models == []
    assert any("max_model_mb" in note for note in run.notes)
    assert "charts/importances.json" in run.artifacts


def test_without_models_the_rest_is_recorded(library: Library) -> None:
    """`log_models=False` leaves out the file alone."""
    autolog.enable(log_models=False)
    library.train(library.params, library.data(*LEARN), 5, {})
    run = only_run()
    assert (run.models, run.metrics["n_trees"]) == ([], 5)
    assert "charts/importances.json" in run.artifacts


def test_a_training_names_the_run_that_it_goes_on_from(library: Library, tmp_path: Path) -> None:
    """By the booster, by a file it was saved to, by the model's file in the store, and by one that we loaded."""
    train = {"xgboost": xgboost, "lightgbm": lightgbm}[library.name].train
    booster, _ = library.train(library.params, library.data(*LEARN), 3, {})
    first = only_run()
    path = tmp_path / ("mine.json" if library.name == "xgboost" else "mine.txt")
    booster.save_model(str(path))
    sources = [booster, str(path), str(model_file(first)), autolog.load_model(f"runs:/{first.run_id}/model")]
    for source in sources:
        train(library.params, library.data(*LEARN), 2, **{library.continues: source})
    runs = all_runs()
    assert [run.tags.get("continued_from") for run in runs] == [None, *[first.run_id] * 4]
    assert [run.params.get(library.continues) for run in runs[2:4]] == [str(path), str(model_file(first))]
    path.write_text("something else")
    assert library.continues not in first.params


def test_an_estimator_that_goes_on_names_the_run_too(library: Library) -> None:
    """Also where it is given another estimator to go on from."""
    first = library.classifier(**library.estimator).fit(*LEARN)
    library.classifier(**library.estimator).fit(*LEARN, **{library.continues: first})
    one, other = all_runs()
    assert other.tags["continued_from"] == one.run_id


# ---- what the user computes afterwards


def test_metrics_of_a_boosters_predictions_join_its_run(library: Library) -> None:
    """Linked by the prediction itself, or inferred where labels were made of it; under the user's name for the data."""
    booster, _ = library.train(library.params, library.data(*LEARN), 5, {})
    held_out = xgboost.DMatrix(CHECK[0]) if library.name == "xgboost" else CHECK[0]
    truth = CHECK[1]
    library.train(library.params, library.data(*LEARN), 2, {})
    predicted = booster.predict(held_out)
    area = roc_auc_score(truth, predicted)
    share = accuracy_score(truth, predicted > 0.5)
    first, second = all_runs()
    assert first.metrics["roc_auc_score_held_out"] == area
    assert first.metrics["accuracy_score_held_out[inferred]"] == share
    assert not [name for name in second.metrics if "score" in name]


def test_scores_of_an_estimator_join_its_run(library: Library) -> None:
    """As for scikit-learn's own."""
    model = library.classifier(**library.estimator).fit(*LEARN)
    held_out, truth = CHECK
    score = model.score(held_out, truth)
    assert only_run().metrics["score_held_out"] == score


# ---- what goes wrong


@pytest.mark.autolog_swallows
def test_a_library_that_lacks_what_we_lean_on_switches_the_plugin_off(
    library: Library, monkeypatch: pytest.MonkeyPatch, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line names what is missing; trainings work on unrecorded, and other plugins record."""
    autolog.disable()
    place, name = {"xgboost": (xgboost.callback, "_aggcv"), "lightgbm": (lightgbm.engine, "_agg_cv_result")}[
        library.name
    ]
    monkeypatch.delattr(place, name)
    monkeypatch.setattr("autolog.session._session", None)
    autolog.enable(backend=store, silent=True)
    library.train(library.params, library.data(*LEARN), 2, {})
    LogisticRegression(max_iter=10_000).fit(*LEARN)
    assert [run.run_name for run in all_runs()] == ["LogisticRegression"]
    lines = [line for line in caplog.messages if "leans on" in line]
    assert len(lines) == 1
    assert name in lines[0]


@pytest.mark.autolog_swallows
def test_a_round_that_cannot_be_logged_costs_the_series_only(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first failure no further round is tried; the training is the same, and the run says so."""
    from autolog.recording.runs import ActiveRun

    calls: list[int] = []

    def failing(*given: Any) -> None:
        calls.append(1)
        raise OSError("no")

    monkeypatch.setattr(ActiveRun, "log_metric", failing)
    learn = library.data(*LEARN)
    _, told = library.train(library.params, learn, 5, {"train": learn})
    assert len(flat(told)["train-auc"]) == 5
    assert len(calls) == 1
    assert any("rounds.log failed" in note for note in only_run().notes)


def test_undone_the_libraries_are_as_they_were() -> None:
    """Every function has its own code again, and every class its own methods."""
    autolog.disable()
    for module in (xgboost, lightgbm):
        assert not hasattr(module.Booster.predict, "_self_place")
        assert "importlib" not in module.train.__code__.co_filename
        assert "importlib" not in module.cv.__code__.co_filename
    assert not hasattr(xgboost.DMatrix.__init__, "_self_place")
    assert not hasattr(lightgbm.Dataset.construct, "_self_place")


def test_what_is_needed_is_checked_before_anything_is_wrapped(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin whose library lacks something declares nothing at all."""
    import autolog_lightgbm.declared
    import autolog_xgboost.declared
    from autolog.exceptions import PluginError

    module = {"xgboost": xgboost, "lightgbm": lightgbm}[library.name]
    monkeypatch.delattr(module.Booster, "predict")
    declared = {"xgboost": autolog_xgboost.declared, "lightgbm": autolog_lightgbm.declared}[library.name]
    touched: list[str] = []
    with pytest.raises(PluginError, match=r"Booster\.predict"):
        declared.declare(Watching(touched))  # type: ignore[arg-type]
    assert touched == []


class Watching(Patches):
    """Notes what is asked of it."""

    def __init__(self, touched: list[str]) -> None:
        self._touched = touched

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_"):
            self._touched.append(name)
        return super().__getattribute__(name)


def test_nothing_keeps_boosters_data_or_threads_alive(library: Library) -> None:
    """After a training the booster, its data and our threads go with the last reference of the user's."""
    import gc
    import weakref

    before = threading.active_count()
    data = library.data(*LEARN)
    booster, _ = library.train(library.params, data, 3, {"train": data})
    model = library.classifier(**library.estimator).fit(*LEARN)
    watched = [weakref.ref(each) for each in (booster, data, model)]
    all_runs()
    del booster, data, model
    gc.collect()
    assert [each() for each in watched] == [None, None, None]
    assert threading.active_count() <= before + 3
    assert len(top_runs()) == 2


# ---- trainings inside of trainings


def nesting(library: Library, work: Any) -> Any:
    """A user's callback that does something in the second round."""

    def check(step: int) -> None:
        if step == 1:
            work()

    if library.name == "lightgbm":
        return lambda env: check(env.iteration)
    nested = {"after_iteration": lambda self, model, epoch, log: bool(check(epoch))}
    return type("Nesting", (xgboost.callback.TrainingCallback,), nested)()


def test_a_training_within_a_training_is_part_of_it(library: Library) -> None:
    """What a callback trains adds nothing to the series of the training around it, and is no run."""
    learn, check = two_sets(library)

    def more() -> None:
        other, more = two_sets(library)
        library.train(library.params, other, 7, {"train": other, "valid": more})
        library.classifier(**library.estimator).fit(*LEARN, eval_set=[CHECK])

    _, told = library.train(
        library.params, learn, 4, {"train": learn, "valid": check}, callbacks=[nesting(library, more)]
    )
    run = only_run()
    assert recorded_series(run, flat(told)) == as_points(flat(told))
    assert {name for name in run.metrics if "-" in name} == set(flat(told))
    assert run.metrics["n_trees"] == 4


def test_a_cross_validation_within_one_is_part_of_it(library: Library) -> None:
    """The folds of the inner are none of the outer's."""
    cv = {"xgboost": xgboost, "lightgbm": lightgbm}[library.name].cv

    def more() -> None:
        cv(library.params, library.data(*LEARN), 6, nfold=4)
        learn = library.data(*LEARN)
        library.train(library.params, learn, 2, {"train": learn})

    cv(library.params, library.data(*LEARN), 3, nfold=2, callbacks=[nesting(library, more)])
    parent = only_top_run()
    assert {len(parent.history(name)) for name in parent.metrics} == {3}
    folds = parent.children()
    assert [{len(fold.history(name)) for name in fold.metrics} for fold in folds] == [{3}, {3}]


def test_a_cross_validation_tells_the_params_in_effect(library: Library) -> None:
    """Read from the booster of a fold; what the function and the params both name is told apart."""
    cv = {"xgboost": xgboost, "lightgbm": lightgbm}[library.name].cv
    cv({**library.params, "seed": 7}, library.data(*LEARN), 2, nfold=2, seed=3)
    params = only_top_run().params
    assert (params["seed"], params["cv_seed"], params["nfold"]) == (7, 3, 2)
    assert params["effective_learning_rate"] in (0.1, 0.300000012)


def test_folds_fail_with_their_cross_validation(library: Library) -> None:
    """An error ends them as it ends the whole; only Ctrl-C kills."""
    cv = {"xgboost": xgboost, "lightgbm": lightgbm}[library.name].cv
    with pytest.raises(ValueError, match="no"):
        cv(library.params, library.data(*LEARN), 5, nfold=2, callbacks=[stopper(library, ValueError("no"))])
    parent = only_top_run()
    assert [run.status for run in (parent, *parent.children())] == ["FAILED"] * 3


# ---- what is the model, and what is not


def test_a_selectors_booster_is_not_taken_for_the_model(library: Library) -> None:
    """Of a pipeline the last step's rounds, trees and params are the run's; those of a step before have a number."""
    selecting = CHECKED[library.name](**{**library.estimator, "n_estimators": 3})
    last = CHECKED[library.name](**library.estimator)
    model = make_pipeline(SelectFromModel(selecting, max_features=4, threshold=-np.inf), last)
    for each in (model, GridSearchCV(model, {"selectfrommodel__max_features": [4]}, cv=2)):
        each.fit(*LEARN)
    pipeline, search = top_runs()
    metric = {"xgboost": "validation_0-logloss", "lightgbm": "training-binary_logloss"}[library.name]
    for run in (pipeline, search):
        assert {name: len(run.history(name)) for name in run.metrics if "-" in name} == {metric: 4, f"fit0_{metric}": 3}
        assert run.metrics["n_trees"] == 4
    (candidate,) = search.children()
    counts = {name: len(candidate.history(name)) for name in candidate.metrics if "-" in name}
    assert counts == {
        f"split{n}_{prefix}{metric}": rounds for n in (0, 1) for prefix, rounds in (("", 4), ("fit0_", 3))
    }


def rounds_of(run: autolog.Run) -> dict[str, int]:
    """How many points each series of an evaluation set has."""
    return {name: len(run.history(name)) for name in run.metrics if "-" in name}


def own_metric(library: Library) -> str:
    """What the rounds of a `CHECKED` estimator are called."""
    return {"xgboost": "validation_0-logloss", "lightgbm": "training-binary_logloss"}[library.name]


def test_a_pipeline_inside_a_step_is_not_taken_for_the_model(library: Library) -> None:
    """The classes on the way are the same, but not the objects: only what the fit ends in has plain names."""
    kind, metric = CHECKED[library.name], own_metric(library)
    inner = make_pipeline(StandardScaler(), kind(**{**library.estimator, "n_estimators": 3}))
    selecting = SelectFromModel(inner, max_features=4, threshold=-np.inf, importance_getter=importances_of_last)
    make_pipeline(selecting, kind(**library.estimator)).fit(*LEARN)
    run = only_run()
    assert rounds_of(run) == {metric: 4, f"fit0_{metric}": 3}
    assert run.metrics["n_trees"] == 4


def importances_of_last(pipeline: Any) -> Any:
    return pipeline[-1].feature_importances_


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_helper_of_a_class_of_the_users_is_not_taken_for_the_model(library: Library, order: str) -> None:
    """Neither a training by hand nor another estimator of the same class, be the model trained first or last."""
    kind, metric = CHECKED[library.name], own_metric(library)

    class Helped(kind):  # type: ignore[misc, valid-type]
        def fit(self, X: Any, y: Any) -> Any:
            if order == "after":
                super().fit(X, y)
            kind(**{**library.estimator, "n_estimators": 3}).fit(X, y)
            library.train({**library.params, "max_depth": 1}, library.data(X, y), 2, {})
            return super().fit(X, y) if order == "before" else self

    Helped(**library.estimator).fit(*LEARN)
    run = only_run()
    assert rounds_of(run) == {metric: 4, f"fit0_{metric}": 3}
    assert run.metrics["n_trees"] == 4
    assert run.params["effective_max_depth"] != 1


def test_a_fit_that_trains_twice_has_two_series(library: Library) -> None:
    """The model's facts are those of the training that made it."""
    kind, metric = CHECKED[library.name], own_metric(library)

    class Twice(kind):  # type: ignore[misc, valid-type]
        def fit(self, X: Any, y: Any) -> Any:
            super().fit(X, y)
            self.set_params(n_estimators=7)
            return super().fit(X, y)

    Twice(**library.estimator).fit(*LEARN)
    run = only_run()
    assert rounds_of(run) == {metric: 4, f"refit1_{metric}": 7}
    assert run.metrics["n_trees"] == 7


def test_a_pools_tasks_and_trainings_in_turn_do_not_mix(library: Library) -> None:
    """An elimination that is cross-validated in workers, and then done once more: every series has its own rounds."""
    kind = CHECKED[library.name]
    eliminating = RFECV(kind(**library.estimator), min_features_to_select=28, cv=2, n_jobs=2)
    make_pipeline(eliminating, kind(**{**library.estimator, "n_estimators": 7})).fit(*LEARN)
    counts = rounds_of(only_top_run())
    assert counts.pop(own_metric(library)) == 7
    assert set(counts.values()) == {4}


class DerivedSearch(GridSearchCV):
    def fit(self, X: Any, y: Any) -> Any:
        return super().fit(X, y)


@pytest.mark.parametrize("search", [DerivedSearch, HalvingGridSearchCV])
def test_a_search_that_derives_from_one_tells_as_much(library: Library, search: type) -> None:
    """Trees and effective params of the refitted model are the run's, whatever class has searched."""
    search(CHECKED[library.name](**library.estimator), {"learning_rate": [0.1, 0.2]}, cv=2).fit(*LEARN)
    run = only_top_run()
    assert run.metrics["n_trees"] == 4
    assert rounds_of(run) == {own_metric(library): 4}
    assert "effective_learning_rate" in {name.replace("eta", "learning_rate") for name in run.params}


def test_an_estimator_that_a_search_puts_in_has_plain_names(library: Library) -> None:
    """What the pipeline held before does not count."""
    put_in = CHECKED[library.name](**library.estimator)
    model = Pipeline([("scale", StandardScaler()), ("last", LogisticRegression())])
    GridSearchCV(model, {"last": [put_in]}, cv=2).fit(*LEARN)
    run = only_top_run()
    assert run.metrics["n_trees"] == 4
    assert rounds_of(run) == {own_metric(library): 4}
    (candidate,) = run.children()
    assert rounds_of(candidate) == {f"split{n}_{own_metric(library)}": 4 for n in (0, 1)}


def test_a_run_does_not_go_on_from_itself(library: Library) -> None:
    """A class of the user's that trains in steps continues its own booster."""

    class Stepwise(BaseEstimator):
        def fit(self, X: Any, y: Any) -> Any:
            booster = None
            for _ in range(2):
                more = {} if booster is None else {library.continues: booster}
                booster, _ = library.train(library.params, library.data(X, y, **kept(library)), 2, {}, **more)
            self.booster = booster
            return self

        def predict(self, X: Any) -> Any:
            return library.predict(self.booster, X)

    Stepwise().fit(*LEARN)
    assert "continued_from" not in only_run().tags


def kept(library: Library) -> dict[str, Any]:
    return {"free_raw_data": False} if library.name == "lightgbm" else {}


def test_a_class_of_the_users_has_the_params_of_its_library_too(library: Library) -> None:
    """Its `__init__` may fix some of them: they are params as the library's `get_params` tells them."""

    quiet = library.estimator.get("verbosity", 0)  # XGBoost would name the param that it does not know

    class Fixed(library.classifier):  # type: ignore[misc, name-defined]
        def __init__(self, depth: int = 3) -> None:
            super().__init__(**{**library.estimator, "max_depth": depth, "verbosity": quiet})

    model = Fixed()
    model.depth = 3
    if "n_estimators" not in model.get_params():
        pytest.skip("this version of the library has no params for such a class, and cannot fit it")
    model.fit(*LEARN)
    assert {"depth": 3, "max_depth": 3, "n_estimators": 4}.items() <= only_run().params.items()


def test_attributes_of_a_class_of_the_users_are_no_params() -> None:
    """Whatever they are called."""

    class Mine(BaseEstimator):
        def __init__(self, a: int = 1) -> None:
            self.a = a
            self.kwargs = {"a": 99, "other": 3}

        def fit(self, X: Any, y: Any) -> Any:
            return self

        def predict(self, X: Any) -> Any:
            return X[:, 0]

    Mine(5).fit(*LEARN)
    assert only_run().params == {"a": 5}


def test_an_estimator_that_was_not_fitted_is_saved_too(library: Library) -> None:
    """It has no booster, and is pickled."""
    with autolog.start_run():
        autolog.log_model(library.classifier(**library.estimator), "untrained")
    loaded = autolog.load_model(f"runs:/{only_run().run_id}/untrained", trusted=True)
    assert loaded.get_params()["n_estimators"] == 4


@pytest.mark.parametrize("jobs", [None, 2])
def test_pools_of_an_ensemble_do_not_mix(library: Library, jobs: int | None) -> None:
    """A stacking trains in several pools, each counting its tasks from 0; each training has series of its own."""
    members = [("a", CHECKED[library.name](**library.estimator)), ("b", CHECKED[library.name](**library.estimator))]
    StackingClassifier(members, LogisticRegression(max_iter=10_000), cv=2, n_jobs=jobs).fit(*LEARN)
    run = only_run()
    counts = [len(run.history(name)) for name in run.metrics if "-" in name]
    assert counts == [4] * 6


def test_an_estimator_of_the_users_that_trains_one_booster_has_its_rounds(library: Library) -> None:
    """Where nothing else could have the names, they are plain."""

    class Mine(BaseEstimator):
        def fit(self, X: Any, y: Any) -> Any:
            data = library.data(X, y)
            self.booster, self.told = library.train(library.params, data, 3, {"train": data})
            return self

        def predict(self, X: Any) -> Any:
            return library.predict(self.booster, X)

    model = Mine().fit(*LEARN)
    run = only_run()
    assert run.run_name == "Mine"
    assert recorded_series(run, flat(model.told)) == as_points(flat(model.told))


# ---- estimators come back


@pytest.mark.filterwarnings("ignore:Cannot compute class probabilities")
@pytest.mark.parametrize("name", ["classes", "objective", "scalars"])
def test_what_comes_back_is_what_was_trained(library: Library, name: str) -> None:
    """Of three classes, with an objective of the user's, with numpy's numbers and lists as params: it is the same."""

    def logistic(truth: Any, predicted: Any) -> Any:
        probability = 1 / (1 + np.exp(-predicted))
        return probability - truth, probability * (1 - probability)

    constraints: Any = (tuple if library.name == "xgboost" else list)([1] + [0] * 29)
    more: dict[str, Any] = {
        "classes": {},
        "objective": {"objective": logistic},
        "scalars": {
            "n_estimators": np.int64(3),
            "learning_rate": np.float64(0.25),
            "monotone_constraints": constraints,
        },
    }[name]
    data, target = load_iris(return_X_y=True) if name == "classes" else LEARN
    model = library.classifier(**{**library.estimator, **more}).fit(data, target)
    run = only_run()
    loaded = autolog.load_model(f"runs:/{run.run_id}/model")
    assert (loaded.predict(data) == model.predict(data)).all()
    assert (loaded.predict_proba(data) == model.predict_proba(data)).all()
    assert ["objective" in note for note in run.models[0]["notes"]] == ([True] if name == "objective" else [])
    if name == "objective":
        with pytest.raises(autolog.AutologError, match="set_params"):
            loaded.fit(data, target)
    else:
        given = model.get_params()
        assert {name: value for name, value in loaded.get_params().items() if value == value} == {
            name: value
            for name, value in given.items()
            if value == value  # but NaN, for missing values
        }
        assert (clone(loaded).fit(data, target).predict(data) == model.predict(data)).all()
        library.classifier(**library.estimator).fit(data, target, **{library.continues: loaded})
        assert all_runs()[-1].tags["continued_from"] == run.run_id


def test_arguments_of_a_fit_that_are_no_data_are_params(library: Library) -> None:
    """Neither names nor metrics nor callbacks are datasets."""
    model = library.classifier(**library.estimator)
    given = (
        {"verbose": False}
        if library.name == "xgboost"
        else {"eval_metric": ["auc"], "eval_names": ["late"], "callbacks": [quiet_stopping(3)]}
    )
    model.fit(*LEARN, eval_set=[CHECK], **given)
    run = only_run()
    assert [each["context"] for each in run.inputs] == ["train", "eval_set[0]"]
    if library.name == "lightgbm":
        assert (run.params["eval_metric"], run.params["eval_names"]) == (["auc"], ["late"])
        assert run.params["callbacks"][0].startswith("_EarlyStoppingCallback(")


def test_a_random_state_draws_as_without_us(library: Library) -> None:
    """Reading params draws no number: the model and the generator are the same."""

    def work() -> tuple[bytes, int]:
        generator = np.random.RandomState(3)
        drawing = {"subsample": 0.5, **({"subsample_freq": 1} if library.name == "lightgbm" else {})}
        model = library.classifier(**library.estimator, random_state=generator, **drawing).fit(*LEARN)
        return model.predict_proba(CHECK[0]).tobytes(), int(generator.randint(1000))

    with autolog.paused():
        bare = work()
    assert work() == bare
    assert make_pipeline(StandardScaler(), library.classifier(**library.estimator)).fit(*LEARN)
    autolog.disable()
    assert work() == bare


def test_a_path_like_one_of_ours_names_no_run_that_is_not_there(library: Library, tmp_path: Path) -> None:
    """A user's folder may look like a run's."""
    folder = tmp_path / "files" / ("ab" * 16)
    folder.mkdir(parents=True)
    with autolog.paused():
        booster, _ = library.train(library.params, library.data(*LEARN), 2, {})
        path = str(folder / ("m.json" if library.name == "xgboost" else "m.txt"))
        booster.save_model(path)
    train = {"xgboost": xgboost, "lightgbm": lightgbm}[library.name].train
    train(library.params, library.data(*LEARN), 2, **{library.continues: path})
    assert "continued_from" not in only_run().tags


@pytest.mark.parametrize("state", [{}, {"params": 1}, {"params": [], "fitted": {}}])
def test_a_strangers_state_is_an_error_of_ours(library: Library, state: Any) -> None:
    """What makes no estimator is named; nothing else is raised."""
    import autolog_lightgbm.models
    import autolog_xgboost.models
    from autolog.exceptions import ModelError
    from autolog.hookspecs import SavedModel

    library.train(library.params, library.data(*LEARN), 2, {})
    path = model_file(only_run())
    models = {"xgboost": autolog_xgboost.models, "lightgbm": autolog_lightgbm.models}[library.name]
    name = f"{library.name}.sklearn.{library.classifier.__name__}"
    with pytest.raises(ModelError, match=r"no .* can be made"):
        models.load(path, SavedModel(only_run().models[0]["format"], name, {}, state=state))

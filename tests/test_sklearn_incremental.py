"""A loop over `partial_fit` is one run with a step per call, which ends with the loop."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autolog
from autolog.testing import all_runs, series

pytest.importorskip("sklearn")
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import IncrementalPCA
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier

X, Y = load_iris(return_X_y=True)
X, Y = X[np.random.RandomState(0).permutation(150)], Y[np.random.RandomState(0).permutation(150)]
BATCHES = [slice(start, start + 50) for start in (0, 50, 100)]


pytestmark = pytest.mark.usefixtures("recording")


def loop(model: Any, batches: list[slice] = BATCHES) -> Any:
    """Train an estimator batch by batch."""
    known = {"classes": [0, 1, 2]} if isinstance(model, ClassifierMixin) else {}
    for batch in batches:
        model.partial_fit(X[batch], Y[batch], **known)
    return model


def test_a_loop_is_one_run_with_a_step_a_call() -> None:
    """Params and the first batch once; time, rows, loss and what the class counts at each step; still running."""
    model, losses = MLPClassifier((3,), random_state=0), []
    for batch in BATCHES:
        model.partial_fit(X[batch], Y[batch], classes=[0, 1, 2])
        losses.append(model.loss_)
    (run,) = all_runs()
    assert (run.status, run.run_name, run.params["hidden_layer_sizes"]) == ("RUNNING", "MLPClassifier", (3,))
    assert [(each["context"], each["shape"]) for each in run.inputs] == [("train", [50, 4]), ("classes", [3])]
    assert series(run, "rows_seen") == [(0, 50), (1, 100), (2, 150)]
    assert series(run, "loss") == list(enumerate(losses))
    assert series(run, "t") == [(0, 50), (1, 100), (2, 150)]
    assert [step for step, _ in series(run, "partial_fit_seconds")] == [0, 1, 2]


def test_the_same_model_comes_out() -> None:
    """A loop leaves the bytes it leaves without autolog."""
    recorded = pickle.dumps(loop(SGDClassifier(random_state=0)))
    autolog.disable()
    assert pickle.dumps(loop(SGDClassifier(random_state=0))) == recorded


def test_what_is_measured_between_calls_joins_the_run() -> None:
    """Scores and metrics of the predictions are series with growing steps."""
    model, scores = SGDClassifier(random_state=0), []
    for batch in BATCHES:
        model.partial_fit(X[batch], Y[batch], classes=[0, 1, 2])
        scores.append(model.score(X, Y))
        accuracy_score(Y, model.predict(X))
    autolog.log_metric("mine", 1.0)
    (run,) = all_runs()
    assert series(run, "score_X") == series(run, "accuracy_score_X") == list(enumerate(scores))
    assert run.metrics["mine"] == 1.0


def test_what_is_logged_belongs_to_the_loop_that_went_on_last() -> None:
    """Of estimators trained in turn, the one of the call before."""
    first, second = SGDClassifier(alpha=0.1), SGDClassifier(alpha=0.2)
    for model in (first, second, first):
        loop(model, BATCHES[:1])
    autolog.log_metric("mine", 1.0)
    assert [(run.params["alpha"], "mine" in run.metrics) for run in all_runs()] == [(0.1, True), (0.2, False)]


def test_loops_in_the_processes_of_a_pool_are_children_that_end(store: Path) -> None:
    """Each task's estimator is a child of the run around the pool, with all of its steps, and ends with the worker."""
    program = f"""
import autolog, joblib, numpy as np
autolog.enable(backend={str(store)!r}, silent=True)
from sklearn.linear_model import SGDRegressor
def train(alpha):
    model = SGDRegressor(alpha=alpha)
    for _ in range(3):
        model.partial_fit(np.ones((3, 2)), [0.0, 1.0, 2.0])
    return alpha
with autolog.start_run(run_name="pool"):
    joblib.Parallel(n_jobs=2)(joblib.delayed(train)(alpha) for alpha in (0.1, 0.2, 0.3))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (pool,) = (run for run in all_runs() if run.parent_run_id is None)
    found = sorted((run.params["alpha"], len(series(run, "rows_seen")), run.status) for run in pool.children())
    assert found == [(0.1, 3, "FINISHED"), (0.2, 3, "FINISHED"), (0.3, 3, "FINISHED")]


def test_a_fit_of_the_same_estimator_ends_the_loop_and_saves_its_model() -> None:
    """The loop's run has the model as the loop left it; a further loop goes on from the fit, in a run of its own."""
    model = loop(SGDClassifier(random_state=0))
    left = pickle.dumps(model)
    model.fit(X, Y)
    model.partial_fit(X, Y)
    looped, fitted, further = all_runs()
    assert [run.status for run in (looped, fitted, further)] == ["FINISHED", "FINISHED", "RUNNING"]
    loaded = autolog.load_model(f"runs:/{looped.run_id}/model", trusted=True)
    assert pickle.dumps(loaded) == left
    assert further.tags["continued_from"] == fitted.run_id
    assert "continued_from" not in {**looped.tags, **fitted.tags}


def test_the_end_of_an_estimator_ends_its_loop() -> None:
    """Once it is gone, the next training notes that there is no model, and ends the run."""
    model = loop(SGDClassifier())
    del model
    gc.collect()
    loop(MiniBatchKMeans(2, n_init=1), BATCHES[:1])
    ended, going = all_runs()
    assert (ended.status, ended.models, going.status) == ("FINISHED", [], "RUNNING")
    assert ["the estimator was gone" in note for note in ended.notes] == [True]


def test_the_end_of_the_process_ends_the_loop(store: Path) -> None:
    """With the model as it is then, and with the error that ended the program."""
    program = f"""
import autolog
autolog.enable(backend={str(store)!r}, silent=True)
import numpy as np
from sklearn.linear_model import SGDClassifier, SGDRegressor
models = [SGDClassifier(), SGDRegressor()]
x, y = np.arange(8.0).reshape(4, 2), [0, 1, 0, 1]
models[0].partial_fit(x, y, classes=[0, 1])
models[1].partial_fit(x, y)
raise ValueError("the end")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: the end\n")
    assert [(run.status, run.error["message"], len(run.models)) for run in all_runs()] == [
        ("FAILED", "ValueError: the end", 1)
    ] * 2


def test_a_loop_that_is_killed_keeps_its_steps(store: Path) -> None:
    """All that was written 50 ms before `kill -9`, or before the call, is there."""
    program = f"""
import autolog, os, signal
autolog.enable(backend={str(store)!r}, silent=True)
import numpy as np
from sklearn.linear_model import SGDRegressor
model = SGDRegressor()
for _ in range(100):
    model.partial_fit(np.ones((3, 2)), [0.0, 1.0, 2.0])
model.predict(np.ones((1, 2)))
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (run,) = all_runs()
    assert run.status == "LOST"
    assert series(run, "rows_seen") == [(step, 3.0 * (step + 1)) for step in range(100)]


def test_inside_a_run_of_the_users_the_loop_is_recorded_on_it() -> None:
    """The first estimator on the run itself, another on a child; inside another run it is another training."""
    first, second = SGDClassifier(), SGDClassifier(alpha=0.5)
    with autolog.start_run(run_name="mine"):
        loop(first)
        loop(second)
    first.partial_fit(X, Y)
    with autolog.start_run(run_name="other"):
        first.partial_fit(X, Y)
    mine, child, other = all_runs()
    assert [(run.run_name, run.status) for run in (mine, other)] == [("mine", "FINISHED"), ("other", "FINISHED")]
    assert (child.parent_run_id, child.params["alpha"], child.status) == (mine.run_id, 0.5, "RUNNING")
    assert [len(series(run, "rows_seen")) for run in (mine, child, other)] == [4, 3, 1]
    assert other.tags["continued_from"] == mine.run_id


def test_a_call_that_fails_is_noted_and_the_loop_goes_on() -> None:
    """The first call's failure ends a run; a later one's is a note, and the next call the next step."""
    model = SGDClassifier()
    with pytest.raises(ValueError, match="classes must be passed"):
        model.partial_fit(X, Y)
    loop(model, BATCHES[:2])
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.full((2, 4), np.nan), [0, 1])
    model.partial_fit(X, Y)
    failed, going = all_runs()
    assert (failed.status, failed.error["type"], going.status) == ("FAILED", "builtins.ValueError", "RUNNING")
    assert [step for step, _ in series(going, "rows_seen")] == [0, 1, 2]
    assert ["step 2 would have been: ValueError" in note for note in going.notes] == [True]


def test_calls_inside_another_are_part_of_it() -> None:
    """A meta-estimator's members have no runs of their own, and a fit's own calls are no loop."""
    loop(OneVsRestClassifier(SGDClassifier()))
    MiniBatchKMeans(2, n_init=1).fit(X)
    first, second = all_runs()
    assert (first.run_name, len(series(first, "rows_seen"))) == ("OneVsRestClassifier", 3)
    assert (second.run_name, second.status) == ("MiniBatchKMeans", "FINISHED")


def test_clusters_tell_their_inertia_and_a_transformer_opens_no_run() -> None:
    """k-means logs its inertia at each step; what a transformer made is named by the run trained on it."""
    scaled = IncrementalPCA(2).partial_fit(X).transform(X)
    model = MiniBatchKMeans(2, n_init=1, random_state=0)
    inertias = [model.partial_fit(scaled[batch]).inertia_ for batch in BATCHES]
    (run,) = all_runs()
    assert series(run, "inertia") == list(enumerate(inertias))
    assert [made["class"] for made in run.inputs[0]["source"]["transformed_by"]] == ["IncrementalPCA"]


def test_loops_in_threads_are_runs_of_their_own() -> None:
    """Each estimator's steps are in its own run, and an estimator handed to another thread stays in its run."""
    models = [SGDClassifier(alpha=alpha) for alpha in (0.1, 0.2)]
    for _ in range(2):
        threads = [threading.Thread(target=loop, args=(model,)) for model in models]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    assert sorted((run.params["alpha"], len(series(run, "rows_seen"))) for run in all_runs()) == [(0.1, 6), (0.2, 6)]


class Own(ClassifierMixin, BaseEstimator):
    """A user's class, whose code counts how often it is pickled."""

    pickled = 0

    def partial_fit(self, x: Any, y: Any, classes: Any = None) -> Own:
        self.classes_, self.loss_ = np.unique(y), 3.0
        return self

    def __getstate__(self) -> Any:
        type(self).pickled += 1
        return super().__getstate__()


def test_a_users_class_is_recorded_and_not_run() -> None:
    """Its loop has steps, but nothing of its attributes; at the end it is not pickled, and a note says so."""
    model = loop(Own())
    autolog.session.get().end()
    assert model.loss_ == 3.0
    (run,) = all_runs()
    assert (len(series(run, "rows_seen")), "loss" in run.metrics, Own.pickled) == (3, False, 0)
    assert (run.status, run.models) == ("FINISHED", [])
    assert ["not scikit-learn's own class" in note for note in run.notes] == [True]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_goes_on_in_a_run_of_its_own() -> None:
    """Neither process writes the other's steps, and the child's exit leaves the parent's run as it is."""
    model = loop(SGDClassifier(), BATCHES[:1])
    child = os.fork()
    if child == 0:
        code = 1
        try:
            loop(model, BATCHES[:2])
            autolog.session.get().end()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    loop(model, BATCHES[:2])
    parents, childs = all_runs()
    assert (parents.status, childs.status) == ("RUNNING", "FINISHED")
    assert [len(series(run, "rows_seen")) for run in (parents, childs)] == [3, 2]
    assert childs.tags["continued_from"] == parents.run_id

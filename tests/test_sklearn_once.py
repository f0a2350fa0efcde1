"""What a user's estimator is asked to do, it is asked exactly as often as without autolog."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autolog

pytest.importorskip("sklearn")
import joblib
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X = np.random.RandomState(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


class Counting(ClassifierMixin, BaseEstimator):
    """Writes each call of its methods to a file, in whichever process."""

    def __init__(self, path: str = "", depth: int = 1, fails: bool = False) -> None:
        self.path = path
        self.depth = depth
        self.fails = fails

    def _count(self, name: str) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{name}\n".encode())
        os.close(descriptor)

    def fit(self, x: Any, y: Any) -> Counting:
        self._count("fit")
        if self.fails:
            raise ValueError("told to fail")
        self.classes_ = np.unique(y)
        return self

    def predict(self, x: Any) -> Any:
        self._count("predict")
        return np.full(len(x), self.classes_[0])

    def predict_proba(self, x: Any) -> Any:
        self._count("predict_proba")
        return np.tile([0.75, 0.25], (len(x), 1))

    def score(self, x: Any, y: Any) -> float:
        self._count("score")
        return float(np.mean(self.predict(x) == y))


def alone(model: Counting, jobs: int) -> object:
    return clone(model).fit(X, Y).predict(X).sum()


def failing(model: Counting, jobs: int) -> object:
    with pytest.raises(ValueError, match="told to fail"):
        make_pipeline(StandardScaler(), clone(model).set_params(fails=True)).fit(X, Y)
    return None


def piped(model: Counting, jobs: int) -> object:
    return make_pipeline(StandardScaler(), clone(model)).fit(X, Y).score(X, Y)


def searched(model: Counting, jobs: int) -> object:
    search = GridSearchCV(clone(model), {"depth": [1, 2]}, cv=2, n_jobs=jobs).fit(X, Y)
    return search.cv_results_["mean_test_score"].tolist(), search.score(X, Y)


def validated(model: Counting, jobs: int) -> object:
    return cross_val_score(clone(model), X, Y, cv=2, n_jobs=jobs).tolist()


def voted(model: Counting, jobs: int) -> object:
    members = [("one", clone(model)), ("two", clone(model))]
    return VotingClassifier(members, voting="soft", n_jobs=jobs).fit(X, Y).predict(X).tolist()


def bagged(model: Counting, jobs: int) -> object:
    return BaggingClassifier(clone(model), 3, n_jobs=jobs, random_state=0).fit(X, Y).predict(X).tolist()


def one_vs_rest(model: Counting, jobs: int) -> object:
    return OneVsRestClassifier(clone(model), n_jobs=jobs).fit(X, np.arange(60) % 3).predict(X).tolist()


PROGRAMS = (alone, failing, piped, searched, validated, voted, bagged, one_vs_rest)


def calls(folder: Path, jobs: int, backend: str) -> dict[str, tuple[Counter[str], object]]:
    """The calls that each program makes, and its result."""
    made = {}
    for program in PROGRAMS:
        path = folder / program.__name__
        with joblib.parallel_backend(backend):
            result = program(Counting(str(path)), jobs)
        made[program.__name__] = Counter(path.read_text().split()), result
        path.unlink()
    return made


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(("jobs", "backend"), [(1, "loky"), (2, "loky"), (2, "threading"), (2, "multiprocessing")])
def test_a_users_estimator_is_called_as_often_as_without(tmp_path: Path, jobs: int, backend: str) -> None:
    """Alone, failing, in pipelines, searches and ensembles, in one or two processes or threads."""
    without = calls(tmp_path, jobs, backend)
    autolog.enable(backend=str(tmp_path / "runs"), silent=True)
    assert calls(tmp_path, jobs, backend) == without
    assert without["alone"][0] == Counter(fit=1, predict=1)
    runs = autolog.search_runs(output_format="list")
    names = {run.run_name for run in runs}
    assert {"Counting", "Pipeline", "GridSearchCV", "VotingClassifier", "BaggingClassifier"} <= names


def test_asked_for_training_metrics_autolog_calls_predict(tmp_path: Path) -> None:
    """Only `log_training_metrics=True` has a user's class predict the training data, once a method."""
    path = tmp_path / "calls"
    autolog.enable(backend=str(tmp_path / "runs"), silent=True)
    Counting(str(path)).fit(X, Y)
    assert path.read_text().split() == ["fit"]
    autolog.enable(log_training_metrics=True)
    Counting(str(path)).fit(X, Y)
    assert sorted(path.read_text().split()[1:]) == ["fit", "predict", "predict_proba"]
    asked, unasked = autolog.search_runs(output_format="list")
    assert asked.metrics["training_accuracy"] == np.mean(Y == 0)
    assert unasked.metrics == {}
    assert ["not scikit-learn's own class" in note for note in unasked.notes] == [True]

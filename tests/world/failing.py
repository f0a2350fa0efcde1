"""Fails in fits, and goes on."""

import contextlib
import sys
import traceback
import weakref

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = np.arange(20.0).reshape(10, 2), np.arange(10) % 2


class Failing(ClassifierMixin, BaseEstimator):
    """Raises what it is told to."""

    def __init__(self, error=ValueError):
        self.error = error

    def fit(self, X, y):
        """Raise it, from another."""
        try:
            {}["missing"]
        except KeyError as error:
            raise self.error("told to fail") from error


def attempt(model):
    """Give what a user sees of the failure."""
    try:
        model.fit(X, y)
    except BaseException as error:
        names = [entry.name for entry in traceback.extract_tb(error.__traceback__)]
        text = traceback.format_exc() if sys.version_info >= (3, 11) else ""
        return text, names if text else [], repr(error.__cause__), repr(error.__context__), vars(error)
    return None


class _Marker:
    """Something to refer to."""


def freed():
    """Say whether an object of a frame that a failure passed through is freed."""

    def inner():
        held = _Marker()
        references.append(weakref.ref(held))
        Failing().fit(X, y)

    references = []
    with contextlib.suppress(ValueError):
        inner()
    return references[0]() is None


class Frozen(Exception):
    """Refuses attributes, as frozen dataclasses do."""

    def __setattr__(self, name, value):
        raise TypeError("frozen")


seen = [
    attempt(model)
    for model in (
        Failing(),
        Failing(KeyboardInterrupt),
        Failing(SystemExit),
        Failing(GeneratorExit),
        Failing(StopIteration),
        Failing(Frozen),
        make_pipeline(StandardScaler(), Failing()),
        LogisticRegression(C=-1),
        LogisticRegression(),
    )
]
nothing_left = sys.exc_info(), freed()
for text, *_ in filter(None, seen):
    print(text)

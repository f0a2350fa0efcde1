"""Estimators of the user's own, of the strangest kinds."""

import copy
import inspect
import pickle
import random
import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

np.random.seed(0)
X, y = np.random.RandomState(0).normal(size=(40, 3)), np.arange(40) % 2
calls = []


class Noisy(RegressorMixin, BaseEstimator):
    """Warns, prints and draws random numbers in all it does."""

    def fit(self, X, y=None):
        """Learn a number."""
        calls.append("fit")
        warnings.warn("from fit", UserWarning, stacklevel=1)
        warnings.warn("of the caller", UserWarning, stacklevel=2)
        print("fitting")
        self.number_ = np.random.rand() + random.random()
        return self

    def predict(self, X):
        """Give it."""
        calls.append("predict")
        warnings.warn("of the caller of predict", UserWarning, stacklevel=2)
        return np.full(len(X), self.number_) + np.random.rand()


class Odd(ClassifierMixin, BaseEstimator):
    """Compares, counts and has attributes as it likes."""

    def __init__(self, C=1.0, hidden="x"):
        self.C = C
        self.hidden = hidden

    @property
    def watched(self):
        """Count that it was looked at."""
        calls.append("watched")
        return 1

    def __eq__(self, other):
        calls.append("eq")
        return True

    def __hash__(self):
        calls.append("hash")
        return 1

    def __len__(self):
        calls.append("len")
        return 0

    def __bool__(self):
        calls.append("bool")
        return False

    def __getattr__(self, name):
        if not name.startswith("__"):
            calls.append(name)
        raise AttributeError(name)

    def __repr__(self):
        calls.append("repr")
        return "odd"

    def get_params(self, deep=True):
        """Count the call."""
        calls.append("get_params")
        return {"C": self.C, "hidden": self.hidden}

    def fit(self, X, y):
        """Learn nothing."""
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        """Give the first class."""
        calls.append("predict")
        return np.full(len(X), self.classes_[0])


class Slots:
    """Has no dict."""

    __slots__ = ("a",)


class Slotted(ClassifierMixin, BaseEstimator, Slots):
    """Has slots besides."""

    __slots__ = ("fitted",)

    def fit(self, X, y):
        """Set one."""
        self.fitted = True
        return self

    def predict(self, X):
        """Give zeros."""
        return np.zeros(len(X))


class Inheriting(LogisticRegression):
    """Adds to what it inherits."""

    def __init__(self, C=1.0, extra=None):
        super().__init__(C=C)
        self.extra = extra

    def fit(self, X, y, sample_weight=None):
        """Fit, then add."""
        super().fit(X, y, sample_weight)
        self.added_ = True
        return self


class Loose(BaseEstimator):
    """Breaks the rules of scikit-learn: `__init__` takes anything, and keeps nothing under its name."""

    def __init__(self, *args, **kwargs):
        self._kept = args, kwargs

    def fit(self, X, y=None, **params):
        """Return something else than itself."""
        return params

    def predict(self, X):
        """Give nothing."""
        return

    def score(self):
        """Take nothing."""
        return 0.5


class Partial(BaseEstimator):
    """Its fit is static, its score a class method, its transform no function."""

    transform = TransformerMixin

    @staticmethod
    def fit(X, y):
        """Give a number."""
        return 42

    @classmethod
    def score(cls, X, y):
        """Give the class's name."""
        return cls.__name__


def result(model):
    """Fit, and take what there is."""
    fitted = model.fit(X, y)
    return fitted if fitted is not model else model.predict(X)


results = [result(model) for model in (Noisy(), Odd(), Slotted(), Inheriting(), Loose(1, a=2), Partial())]
results.append(make_pipeline(Noisy()).fit(X, y).predict(X))
results.append([Loose().score(), Partial.score(X, y), Partial().score(X, y)])
kept = [clone(Inheriting(C=2)), copy.deepcopy(Inheriting().fit(X, y)), copy.copy(Noisy().fit(X, y))]
round_trip = pickle.loads(pickle.dumps(Inheriting().fit(X, y))).predict(X)
facts = [
    str(inspect.signature(Noisy.fit)),
    str(inspect.signature(Inheriting().fit)),
    inspect.getsource(Inheriting.fit),
    inspect.getsource(Inheriting),
    inspect.getsourcefile(Noisy.predict),
    Noisy.fit.__qualname__,
    Noisy.fit.__doc__,
    Noisy.fit.__module__,
    Noisy().fit.__name__,
    inspect.isfunction(Noisy.fit),
    inspect.ismethod(Noisy().fit),
    sorted(vars(Noisy)),
    sorted(vars(Inheriting().fit(X, y))),
    check_is_fitted(Inheriting().fit(X, y)),
    Noisy().fit == Noisy().fit,
    repr(Inheriting().fit(X, y)),
]

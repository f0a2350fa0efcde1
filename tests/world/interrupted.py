"""Is interrupted in a fit by Ctrl-C."""

import signal

from sklearn.base import BaseEstimator


class Slow(BaseEstimator):
    """Is interrupted."""

    def fit(self, X, y):
        """Wait for it."""
        print("fitting", flush=True)
        signal.raise_signal(signal.SIGINT)

    def predict(self, X):
        """Give nothing."""


Slow().fit([[0.0]], [0])

"""Dies of an error from a fit of the user's own, raised while another was handled."""

from sklearn.base import BaseEstimator


class Failing(BaseEstimator):
    """Fails."""

    def fit(self, X, y):
        """Raise an error from another."""
        try:
            raise KeyError("first")
        except KeyError:
            raise RuntimeError("second\nline")  # noqa: B904 (to be shown as raised "during handling")

    def predict(self, X):
        """Give nothing."""


Failing().fit([[0.0]], [0])

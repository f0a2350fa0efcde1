"""The joblib plugin keeps what plugins promise."""

from __future__ import annotations

from autolog.testing import PluginContract, Run


class TestJoblib(PluginContract):
    """Two fits, each a task of joblib's."""

    plugin = "joblib"

    def train(self) -> object:
        import numpy as np
        from sklearn.linear_model import Ridge
        from sklearn.model_selection import cross_val_score

        rows = np.random.default_rng(0).normal(size=(40, 3))
        scores = cross_val_score(Ridge(), rows, rows[:, 0], cv=2)  # not on threads: these race for warning filters
        return locals()

    def check(self, run: Run) -> None:
        assert sorted(each.run_name for each in run.children()[:2]) == ["fold 0", "fold 1"]

    def fail(self) -> object:
        import joblib

        return joblib.Parallel(n_jobs=1)(joblib.delayed(int)(each) for each in ["1", "no number"])

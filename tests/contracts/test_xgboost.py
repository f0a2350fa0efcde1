"""The XGBoost plugin keeps what plugins promise."""

from __future__ import annotations

from autolog.testing import PluginContract, Run, series


class TestXGBoost(PluginContract):
    """A booster with a callback of the user's, and an evaluation."""

    plugin = "xgboost"

    def train(self) -> object:
        import numpy as np
        import xgboost

        rows = np.random.default_rng(0).normal(size=(40, 3))
        data = xgboost.DMatrix(rows, rows[:, 0] > 0)
        callbacks = [xgboost.callback.EvaluationMonitor(period=2)]
        told = {}
        booster = xgboost.train(
            {"nthread": 1, "max_depth": 2, "objective": "binary:logistic"},
            data,
            3,
            evals=[(data, "train")],
            evals_result=told,
            callbacks=callbacks,
        )
        predictions = booster.predict(data)
        del rows, data
        return locals()

    def check(self, run: Run) -> None:
        assert run.params["max_depth"] == 2
        assert [step for step, _ in series(run, "train-logloss")] == [0, 1, 2]
        assert run.inputs[0]["digest"]
        assert run.models[0]["format"] == "xgboost-ubj"

    def fail(self) -> object:
        import xgboost

        return xgboost.train({}, "no data", 3)

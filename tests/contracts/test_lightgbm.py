"""The LightGBM plugin keeps what plugins promise."""

from __future__ import annotations

from autolog.testing import PluginContract, Run, series


class TestLightGBM(PluginContract):
    """A booster with a callback of the user's, and an evaluation."""

    plugin = "lightgbm"

    def train(self) -> object:
        import lightgbm
        import numpy as np

        rows = np.random.default_rng(0).normal(size=(60, 3))
        data = lightgbm.Dataset(rows, rows[:, 0])
        told = {}
        callbacks = [lightgbm.record_evaluation(told)]
        params = {"num_threads": 1, "num_leaves": 3, "verbosity": -1, "metric": "l2"}
        booster = lightgbm.train(params, data, 3, valid_sets=[data], valid_names=["train"], callbacks=callbacks)
        predictions = booster.predict(rows)
        text, kept = booster.model_to_string(), len(callbacks)
        del data, booster, callbacks
        return locals()

    def check(self, run: Run) -> None:
        assert run.params["num_leaves"] == 3
        assert [step for step, _ in series(run, "train-l2")] == [0, 1, 2]
        assert run.inputs[0]["digest"]
        assert run.models[0]["format"].startswith("lightgbm")

    def fail(self) -> object:
        import lightgbm

        return lightgbm.train({}, "no data", 3)

"""The CatBoost plugin keeps what plugins promise: autolog's own suite, held up to it."""

from __future__ import annotations

from typing import Any

import pytest

testing = pytest.importorskip("autolog.testing")


class TestCatBoost(testing.PluginContract):  # type: ignore[misc,name-defined]
    """A model with an evaluation set."""

    plugin = "catboost"

    def train(self) -> object:
        """Train; the model is left out, since its pickle has the time of its training."""
        import numpy as np
        from catboost import CatBoostRegressor

        rows = np.random.default_rng(0).normal(size=(40, 3))
        model = CatBoostRegressor(iterations=3, depth=2, verbose=0, thread_count=1, allow_writing_files=False)
        model.fit(rows, rows[:, 0], eval_set=(rows[:10], rows[:10, 0]))
        return {"predictions": model.predict(rows, thread_count=1), "told": model.get_evals_result()}

    def check(self, run: Any) -> None:
        """A point an iteration, the data, the model."""
        assert run.params["depth"] == 2
        assert [step for step, _, _ in run.history("learn-RMSE")] == [0, 1, 2]
        assert run.inputs[0]["digest"]
        assert run.models[0]["format"] == "cbm"

    def fail(self) -> object:
        """Train with a loss that there is not."""
        from catboost import CatBoostRegressor

        return CatBoostRegressor(loss_function="none such").fit([[1], [2]], [1, 2])

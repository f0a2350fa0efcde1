"""The Keras plugin keeps what plugins promise."""

from __future__ import annotations

import os

import pytest

from autolog.testing import PluginContract, Run, series

os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND", "torch")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # what Keras does to torch
class TestKeras(PluginContract):
    """A fit with a callback of the user's."""

    plugin = "keras"
    brings = frozenset({"safetensors"})
    forks = False  # torch's threads have begun by then

    def train(self) -> object:
        import keras
        import numpy as np

        keras.utils.set_random_seed(1)
        rows = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile(optimizer="adam", loss="mse")
        callbacks = [keras.callbacks.LambdaCallback()]
        model.fit(rows, rows.sum(1), epochs=3, verbose=0, callbacks=callbacks)
        weights = [each.tolist() for each in model.get_weights()]
        return {"weights": weights, "losses": model.history.history["loss"], "callbacks": len(callbacks)}

    def check(self, run: Run) -> None:
        assert [step for step, _ in series(run, "loss")] == [0, 1, 2]
        assert run.params["epochs"] == 3

    def fail(self) -> object:
        import keras

        return keras.Sequential([keras.layers.Dense(1)]).fit([[1.0]], [1.0], verbose=0)

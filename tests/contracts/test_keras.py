"""The Keras plugin keeps what plugins promise."""

from __future__ import annotations

from typing import Any

import pytest

testing = pytest.importorskip("autolog.testing")


class TestKeras(testing.PluginContract):  # type: ignore[misc,name-defined]
    """A small network with a callback of the user's, and validation data."""

    plugin = "keras"
    brings = frozenset({"h5py", "safetensors"})  # the latter is torch's plugin's

    def train(self) -> object:
        import os
        import warnings

        os.environ["KERAS_BACKEND"] = "torch"
        import keras
        import numpy as np

        keras.utils.set_random_seed(1)
        rows = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
        callbacks = [keras.callbacks.EarlyStopping(patience=5)]
        model = keras.Sequential([keras.layers.Dense(4), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
        with warnings.catch_warnings():  # Keras reads torch's tensors in a way that numpy warns of
            warnings.simplefilter("ignore", DeprecationWarning)
            model.compile("sgd", "mse")
            history = model.fit(rows, rows[:, 0], epochs=2, validation_split=0.25, verbose=0, callbacks=callbacks)
            predictions = model.predict(rows, verbose=0)
            weights = model.get_weights()
        return {"history": history.history, "predictions": predictions, "weights": weights}

    def check(self, run: Any) -> None:
        assert run.params["epochs"] == 2
        assert [step for step, _, _ in run.history("val_loss")] == [0, 1]
        assert run.inputs[0]["digest"]
        assert run.models[0]["format"] == "keras"

    def fail(self) -> object:
        import os

        os.environ["KERAS_BACKEND"] = "torch"
        import keras

        return keras.Sequential([keras.layers.Dense(1)]).fit([[1.0]], [1.0])

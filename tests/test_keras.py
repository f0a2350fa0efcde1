"""Keras: the runs of fits and evaluations, with torch and with TensorFlow, and that the program does not notice."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import json
import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND", "torch")
pytest.importorskip("keras")
import keras
import numpy as np
import torch

import autolog
from autolog.testing import all_runs, only_run, series
from elsewhere import python
from sizes import code_lines

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="another backend than torch is set"),
    pytest.mark.usefixtures("recording"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # what Keras does to torch
]
X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = X.sum(1)


def compiled(**more: Any) -> Any:
    """A small model, the same at each call."""
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(4, activation="relu"), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(**{"optimizer": "adam", "loss": "mse", "metrics": ["mae"], **more})
    return model


def fitted(model: Any = None, **more: Any) -> Any:
    """A model that was trained for three epochs."""
    model = compiled() if model is None else model
    model.fit(X, Y, **{"epochs": 3, "verbose": 0, **more})
    return model


# ---- metrics


@pytest.mark.parametrize("more", [{}, {"validation_split": 0.25}, {"validation_data": (X, Y), "validation_freq": 2}])
def test_epochs_are_what_the_history_says(more: dict[str, Any]) -> None:
    """Each series is that of `History`, bit for bit, under the number of the epoch; so is one that has gaps."""
    model = fitted(**more)
    run = only_run()
    assert set(run.metrics) == set(model.history.history)
    for name, values in model.history.history.items():
        epochs = [1] if len(values) == 1 else model.history.epoch
        assert series(run, name) == list(zip(epochs, values, strict=True))


def test_a_callback_of_the_users_may_add_to_the_logs() -> None:
    """What it puts into the logs of an epoch is in the history, and in the run."""

    class Adds(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["added"] = epoch * 2.0

    fitted(callbacks=[Adds()])
    assert series(only_run(), "added") == [(0, 0.0), (1, 2.0), (2, 4.0)]


def test_early_stopping_is_recorded() -> None:
    """The best epoch and score, and where it stopped, are those that the callback has found."""
    stopping = keras.callbacks.EarlyStopping(monitor="mae", mode="max", patience=1, restore_best_weights=True)
    fitted(epochs=50, callbacks=[stopping])
    run = only_run()
    found = {name: run.metrics[name] for name in ("best_score", "best_epoch", "stopped_epoch")}
    assert found == {
        "best_score": stopping.best,
        "best_epoch": stopping.best_epoch,
        "stopped_epoch": stopping.stopped_epoch,
    }
    assert stopping.stopped_epoch > 0
    assert run.params["callbacks"][0].startswith("EarlyStopping(monitor=mae")


def test_an_evaluation_joins_the_run_of_the_fit() -> None:
    """Its metrics have the data's name; a second one of the same data is a further point."""
    model = fitted()
    held_out, truth = X[:8], Y[:8]
    first = model.evaluate(held_out, truth, verbose=0, return_dict=True)
    model.evaluate(x=held_out, y=truth, verbose=0)
    run = only_run()
    assert series(run, "mae_held_out") == [(0, first["mae"]), (1, first["mae"])]
    assert run.metrics["loss_held_out"] == first["loss"]


def test_what_is_computed_from_predictions_joins_the_run() -> None:
    """A metric of scikit-learn's of what the model predicted is one of the run that trained it."""
    metrics = pytest.importorskip("sklearn.metrics")
    model = fitted()
    error = metrics.mean_squared_error(Y, model.predict(X, verbose=0))
    assert only_run().metrics["mean_squared_error_X"] == error


# ---- facts


def test_params_say_what_was_trained_and_how() -> None:
    """Arguments of `fit` with the defaults that hold, the optimizer with a schedule, the loss, the model."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    fitted(compiled(optimizer=keras.optimizers.SGD(schedule, momentum=0.5)), class_weight={0: 1.0})
    params = only_run().params
    expected = {
        "epochs": 3,
        "batch_size": 32,
        "shuffle": True,
        "class_weight": {0: 1.0},
        "loss": "mse",
        "optimizer": "SGD",
        "optimizer.momentum": 0.5,
        "optimizer.learning_rate": "ExponentialDecay",
        "optimizer.learning_rate.decay_steps": 10,
        "model": "Sequential",
        "model.parameters": 21,
        "model.trainable_parameters": 21,
        "backend": "torch",
        "dtype": "float32",
    }
    assert {name: params[name] for name in expected} == expected
    assert not {"x", "y", "verbose", "validation_data"} & set(params)


def own_loss(truth: Any, predicted: Any) -> Any:
    """A loss of the user's."""
    return keras.ops.mean(keras.ops.square(truth - predicted))


@pytest.mark.parametrize(
    ("loss", "name"),
    [(own_loss, "own_loss"), (keras.losses.Huber(), "keras.src.losses.losses.Huber"), (["mae"], ["mae"])],
)
def test_a_loss_has_a_name(loss: Any, name: Any) -> None:
    """A function is recorded by its name, an object by its class, several as they stand."""
    fitted(compiled(loss=loss))
    assert only_run().params["loss"] == name


def test_data_and_signature_are_recorded() -> None:
    """Training and validation data have names, shapes and digests; the signature is what the model itself knows."""
    held_out, truth = X[:8], Y[:8]
    compiled().fit(X, Y, verbose=0, validation_data=(held_out, truth))
    run = only_run()
    found = [(each["name"], each["context"], each["shape"], each["sampled"]) for each in run.inputs]
    assert found == [("X", "train", [24, 3], False), ("held_out", "validation", [8, 3], False)]
    assert run.inputs[0]["target"]["shape"] == [24]
    assert run.signature == {
        "inputs": [{"type": "tensor", "dtype": "float32", "shape": [-1, 3]}],
        "outputs": [{"type": "tensor", "dtype": "float32", "shape": [-1, 1]}],
    }


class Own(keras.Model):  # type: ignore[misc]
    """A model of the user's, which does not know its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = keras.layers.Dense(1)
        self.calls = 0

    def call(self, data: Any) -> Any:
        self.calls += 1
        return self.layer(data)


def test_a_model_class_of_the_users_is_not_called() -> None:
    """It is called as often as without autolog, and its signature is what it was given."""
    counts = []
    for is_recorded in (True, False):
        model = Own()
        model.compile("sgd", "mse")
        with contextlib.nullcontext() if is_recorded else autolog.paused():
            fitted(model)
        counts.append(model.calls)
    assert counts[0] == counts[1]
    run = only_run()
    assert (run.run_name, run.params["model.parameters"]) == ("Own", 4)
    assert run.signature["inputs"] == {"type": "tensor", "dtype": "float32", "shape": [-1, 3]}


def test_a_loader_of_torchs_is_no_array() -> None:
    """A DataLoader is named by its class and never drawn from; Keras's loop over it is no run of its own."""
    loader = torch.utils.data.DataLoader(list(zip(X, Y, strict=True)), batch_size=8)
    compiled().fit(loader, epochs=2, verbose=0, shuffle=False)
    run = only_run()
    assert (run.inputs[0]["name"], run.inputs[0]["kind"]) == ("loader", "torch.utils.data.dataloader.DataLoader")
    assert "batch_size" not in run.params
    assert len(series(run, "loss")) == 2


# ---- the model


def test_the_model_comes_back() -> None:
    """It is a file that Keras itself reads, and predicts the same."""
    model = fitted()
    run = only_run()
    again = autolog.load_model(f"runs:/{run.run_id}/model")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert (run.models[0]["format"], run.models[0]["runs_code"]) == ("keras", False)


def test_code_in_a_model_takes_trust() -> None:
    """A lambda in the file runs with `trusted=True` only."""
    model = keras.Sequential([keras.layers.Lambda(lambda data: data * 2.0), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    fitted(model)
    uri = f"runs:/{only_run().run_id}/model"
    with pytest.raises(ValueError, match="lambda"):
        autolog.load_model(uri)
    assert autolog.load_model(uri, trusted=True).predict(X, verbose=0).shape == (24, 1)


def test_a_model_that_keras_cannot_save_leaves_a_note() -> None:
    """The fit is as it was, and the run says why it has no model."""

    class Unwritable(keras.layers.Dense):  # type: ignore[misc]
        def get_config(self) -> Any:
            raise NotImplementedError("no config")

    model = keras.Sequential([Unwritable(1)])
    model.compile("sgd", "mse")
    fitted(model)
    run = only_run()
    assert run.models == []
    assert run.notes == ["no model: NotImplementedError: no config"]


@pytest.mark.autolog_swallows
def test_a_large_model_is_not_written() -> None:
    """What is larger than `max_model_mb` is refused before Keras writes it."""
    autolog.enable(max_model_mb=0.00001)
    fitted()
    run = only_run()
    assert run.models == []
    assert "max_model_mb" in run.notes[0]


def test_a_further_fit_names_the_one_before() -> None:
    """Training goes on in a run of its own, which says where the model comes from; so does one that was loaded."""
    model = fitted()
    first = only_run()
    fitted(model, epochs=4, initial_epoch=3)
    fitted(autolog.load_model(f"runs:/{first.run_id}/model"))
    _, second, third = all_runs()
    assert second.tags["continued_from"] == third.tags["continued_from"] == first.run_id
    assert [step for step, _ in series(second, "loss")] == [3]


# ---- the program does not notice


def world(model: Any) -> Any:
    """Weights, what the history says, and the states of all generators."""
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index]
    seeds = np.asarray(keras.ops.convert_to_numpy(keras.random.SeedGenerator(seed=None).state.value)).tolist()
    return [each.tolist() for each in model.get_weights()], model.history.history, states, seeds


def test_the_training_is_the_same_bit_for_bit() -> None:
    """Weights, history and generators are those of a fit without autolog, dropout and shuffling included; no warning
    is added, and the filters of warnings are the same."""
    worlds = []
    for recorded in (autolog.paused(), contextlib.nullcontext()):
        with recorded, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            filters = list(warnings.filters)
            model = fitted(validation_split=0.25)
            said = [(each.category, str(each.message), each.filename, each.lineno) for each in caught]
            assert warnings.filters == filters
        worlds.append((world(model), said))
    assert worlds[0] == worlds[1]
    assert len(all_runs()) == 1


def test_the_output_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """What Keras prints of an epoch comes as often; nothing is added."""
    outputs = []
    with autolog.paused():
        fitted(verbose=2)
    outputs.append(capsys.readouterr())
    fitted(verbose=2)
    outputs.append(capsys.readouterr())
    counted = [(each.out.count("Epoch "), each.out.count("\n"), each.err) for each in outputs]
    assert counted[0] == counted[1]


class Keeps(keras.callbacks.Callback):  # type: ignore[misc]
    """A callback of the user's, which keeps the epochs that it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seen.append(epoch)


@pytest.mark.parametrize(
    "given", [list, tuple, lambda each: each[0], lambda each: {"mine": each[0]}, lambda each: None]
)
def test_callbacks_stay_the_users(given: Any) -> None:
    """A list, a tuple, a callback alone or none: the user's objects are as they were, and epochs are recorded."""
    keeps = Keeps()
    callbacks = given([keeps])
    fitted(callbacks=callbacks)
    assert keeps.seen == ([] if callbacks is None else [0, 1, 2])
    if type(callbacks) is list:
        assert callbacks == [keeps]
    assert len(series(only_run(), "loss")) == 3


def test_a_list_that_the_user_keeps_gets_no_callback_of_ours() -> None:
    """A `CallbackList` stays as it is, and the run says that its epochs are missing."""
    model = compiled()
    callbacks = keras.callbacks.CallbackList([Keeps()], add_history=True, model=model)
    before = list(callbacks.callbacks)
    fitted(model, callbacks=callbacks)
    run = only_run()
    assert callbacks.callbacks == before
    assert "CallbackList" in run.notes[0]
    assert run.status == "FINISHED"


@pytest.mark.parametrize(("error", "status"), [(KeyError("mine"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_an_error_is_the_users(error: BaseException, status: str) -> None:
    """It passes as it is; the run ends with it, and keeps the epochs that there were."""

    class Fails(Keeps):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise error

    with pytest.raises(type(error)) as caught:
        fitted(callbacks=[Fails()])
    assert caught.value is error
    run = only_run()
    assert (run.status, len(series(run, "loss")), run.models) == (status, 2, [])


def test_a_model_that_was_not_compiled_fails_as_it_would() -> None:
    """Keras says so, and the run has failed with that."""
    with pytest.raises(ValueError, match="compile"):
        fitted(keras.Sequential([keras.layers.Dense(1)]))
    run = only_run()
    assert (run.status, run.params["epochs"], run.notes) == ("FAILED", 3, [])


def test_disable_puts_the_methods_back() -> None:
    """They are the originals by identity, and their signatures never changed."""
    names = ("fit", "evaluate", "predict")
    patched = {name: inspect.getattr_static(keras.Model, name) for name in names}
    signatures = {name: inspect.signature(getattr(keras.Model, name)) for name in names}
    autolog.disable()
    originals = {name: inspect.getattr_static(keras.Model, name) for name in names}
    assert {name: inspect.signature(getattr(keras.Model, name)) for name in names} == signatures
    assert not any(patched[name] is originals[name] for name in names)
    autolog.enable()
    autolog.disable()
    assert all(inspect.getattr_static(keras.Model, name) is originals[name] for name in names)


def test_a_fit_inside_a_fit_is_part_of_it() -> None:
    """What a callback trains is no run of its own; inside an explicit run, a fit is recorded on that."""

    class Trains(Keeps):
        def on_train_end(self, logs: Any = None) -> None:
            fitted(compiled())

    with autolog.start_run(run_name="mine"):
        fitted(callbacks=[Trains()])
    run = only_run()
    assert (run.run_name, len(series(run, "loss"))) == ("mine", 3)


def test_only_who_was_asked_for_records(store: Path) -> None:
    """With `enable("sklearn")` a fit of Keras's is no run."""
    autolog.disable()
    autolog.enable("sklearn", backend=store, silent=True)
    fitted()
    assert all_runs() == []


def test_the_plugin_is_small() -> None:
    """The hooks suffice for a plugin of at most 150 lines of code."""
    assert code_lines(Path(__file__).parents[1] / "plugins" / "autolog_keras") <= 150


# ---- TensorFlow

PROGRAM = """
import json, random, sys
import autolog
if sys.argv[1] != "plain":
    autolog.enable(backend=sys.argv[1], silent=True)
import keras, numpy as np
import tensorflow as tf
keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
model = keras.Sequential([keras.layers.Dense(4), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
data = tf.data.Dataset.from_tensor_slices((x, x.sum(1))).batch(8) if sys.argv[2] == "tf.data" else x
model.fit(data, None if data is not x else x.sum(1), epochs=3, verbose=0, callbacks=keras.callbacks.TerminateOnNaN())
weights = [each.tolist() for each in model.get_weights()]
print(json.dumps([model.history.history, weights, repr(random.getstate()), repr(np.random.get_state()[1].tolist())]))
"""


@pytest.fixture(scope="module")
def tensorflow() -> Iterator[None]:
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    yield


@pytest.mark.slow
@pytest.mark.parametrize("data", ["arrays", "tf.data"])
def test_with_tensorflow_it_is_the_same(tensorflow: None, store: Path, data: str) -> None:
    """A program prints the same with and without autolog, and its epochs, model and counts are recorded."""
    settings = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    plain, recorded = (python(PROGRAM, mode, data, **settings) for mode in ("plain", str(store)))
    assert plain.returncode == recorded.returncode == 0, recorded.stderr
    assert recorded.stdout == plain.stdout
    history = json.loads(plain.stdout)[0]
    run = only_run(store)
    assert {name: [value for _, value in series(run, name)] for name in run.metrics} == history
    assert (run.params["backend"], run.params["model.parameters"]) == ("tensorflow", 21)
    assert [each["format"] for each in run.models] == ["keras"]
    assert run.notes == []

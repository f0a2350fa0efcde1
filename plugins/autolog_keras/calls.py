"""What is recorded of the calls of a model: the run of each `fit`, and what `evaluate` finds for that run."""

from __future__ import annotations

from typing import Any

import keras
from keras.callbacks import Callback, CallbackList, EarlyStopping, LambdaCallback

from autolog import guard
from autolog.capture.callbacks import described
from autolog.capture.calls import Call
from autolog.capture.data import signature
from autolog.capture.origins import link
from autolog.capture.predictions import model_run
from autolog.capture.rounds import Rounds
from autolog.hookspecs import Arguments, Steps
from autolog.recording.runs import ActiveRun
from autolog_keras.params import given_params, model_params

__all__ = ["on_evaluate", "on_fit"]


def on_fit(call: Call) -> Steps:
    """Record a fit: a run, or on the explicit run around it."""
    model = call.instance
    run = call.start_fit(model)
    if run is None:
        return
    guard.call("keras.origin", run, link, model, run)
    guard.call("keras.given", run, _log_given, call, run)
    guard.call("keras.data", run, _log_data, call)
    rounds = Rounds(run)
    epochs = LambdaCallback(on_epoch_end=lambda epoch, logs: rounds.log(epoch, list(logs.items())))
    outcome = yield _watched(call, run, epochs)
    guard.call("keras.ended", run, _log_end, call, run)
    if outcome.error is None and call.settings.log_model_signatures:
        guard.call("keras.signature", run, _log_signature, call, run)
    if outcome.error is None and call.settings.log_models:
        guard.call("keras.model", run, call.save_model, model)


def on_evaluate(call: Call) -> Steps:
    """Record what a model is evaluated to on the run that trained it, under the name of the data."""
    run = model_run(call.instance)
    if not call.records or run is None:
        return
    call.record_on(run)
    yield _watched(call, run, _evaluated(run, call.variable_name(call.argument(0, "x")) or "evaluated"))


def _watched(call: Call, run: ActiveRun, callback: Callback) -> Arguments | None:
    """Put a callback of ours behind the user's, whose list stays as it is.

    Keras takes whatever can be flattened; only callbacks in a list it calls from another thread unless they object.
    """
    given = call.given().get("callbacks")
    if isinstance(given, CallbackList):
        run.note("the metrics are missing: a CallbackList of the user's would keep a callback of ours")
        return None
    is_list = not given or type(given) in (list, tuple)
    return call.with_argument("callbacks", [*(given or ()), callback] if is_list else {"0": given, "1": callback})


def _evaluated(run: ActiveRun, data: str) -> Callback:
    """Give a callback that logs what an evaluation comes to; one of the same data again is a further point."""
    rounds, number = Rounds(run), run.next_number(("keras", data))
    return LambdaCallback(
        on_test_end=lambda logs: rounds.log(number, [(f"{name}_{data}", value) for name, value in logs.items()])
    )


# ---- facts


def _log_given(call: Call, run: ActiveRun) -> None:
    run.log_params({**given_params(call), **model_params(call.instance), **described(_callbacks(call), call.plugin)})


def _callbacks(call: Call) -> list[Callback]:
    return [each for each in keras.tree.flatten(call.given().get("callbacks")) if isinstance(each, Callback)]


def _log_end(call: Call, run: ActiveRun) -> None:
    """Record the model, which may not have been built before, and what early stopping has found."""
    run.log_params(model_params(call.instance))
    for each in _callbacks(call):
        if isinstance(each, EarlyStopping) and each.best is not None:
            run.log_metrics({"best_score": float(each.best), "best_epoch": each.best_epoch})
            run.log_metrics({"stopped_epoch": each.stopped_epoch} if each.stopped_epoch else {})


def _log_data(call: Call) -> None:
    given = call.given()
    held_out: Any = given.get("validation_data")
    data, target = held_out[:2] if type(held_out) in (tuple, list) else (held_out, None)
    call.log_dataset(given.get("x"), given.get("y"), "train")
    call.log_dataset(data, target, "validation")


def _log_signature(call: Call, run: ActiveRun) -> None:
    """Record what a model takes and gives as it knows it; of one that does not, what it was given."""
    known = {name: _tensors(getattr(call.instance, name, None) or ()) for name in ("inputs", "outputs")}
    data = call.describe(call.argument(0, "x"))
    if data is not None:
        run.log_facts("signature", known if all(known.values()) else signature(data, None))


def _tensors(specs: Any) -> list[dict[str, Any]]:
    return [{"type": "tensor", "dtype": each.dtype, "shape": [-1, *each.shape[1:]]} for each in specs]

"""What is recorded of `partial_fit`: all calls on an estimator are one run, each of them a step of it."""

from __future__ import annotations

import numbers
from typing import Any, Final

from autolog import guard
from autolog.capture.calls import Call
from autolog.capture.predictions import remember_model
from autolog.hookspecs import Outcome
from autolog.recording import context
from autolog_sklearn.fits import Steps, begin, log_given, remember_labels
from autolog_sklearn.kinds import is_predictor, own_attributes
from autolog_sklearn.loops import Loop, loop_of, settle

__all__ = ["on_partial_fit"]

_SAID: Final = ("inertia", "loss", "n_iter", "t")
"""What estimators say of themselves after each call."""


def on_partial_fit(call: Call) -> Steps:
    """Record a call as a step of the estimator's training; the first of them opens the run."""
    within = call.enclosing_run
    loop = loop_of(call.instance, within) if is_predictor(call.instance) else None
    if loop is not None:
        call.record_on(loop.run)
    else:
        guard.call("sklearn.loop_before", None, settle, call.instance)
        run = begin(call) if is_predictor(call.instance) else None
        if run is not None:
            log_given(call, run)
    outcome = yield None
    if call.run is not None:
        guard.call("sklearn.partial_fit", call.run, _log_call, call, loop or Loop(call.run, within), outcome)


def _log_call(call: Call, loop: Loop, outcome: Outcome) -> None:
    if outcome.error is not None:
        loop.failed(outcome.error)
        return
    if loop.begins(call.instance, call.settings.log_models):
        call.leave_open(loop)
        remember_model(call.instance, loop.run)
    context.set_last(loop.run)
    remember_labels(call, outcome)
    loop.step(outcome.seconds, _rows(call), _found(call.instance))


def _rows(call: Call) -> int | None:
    described = call.describe(call.argument(0, "X"))
    return described.shape[0] if described is not None and described.shape else None


def _found(model: Any) -> dict[str, float]:
    """Give what the estimator counts and measures itself."""
    attributes = own_attributes(model)
    said = {name: attributes.get(f"{name}_") for name in _SAID}
    return {name: float(value) for name, value in said.items() if isinstance(value, numbers.Real)}

"""Predictions and files of boosters, by which what the user does with them later joins the run."""

from __future__ import annotations

from collections.abc import Generator

from autolog.capture.calls import Call
from autolog.capture.origins import remember_file
from autolog.capture.predictions import remember_prediction
from autolog.hookspecs import Arguments, Outcome

__all__ = ["on_predict", "on_save"]

Steps = Generator[Arguments | None, Outcome, None]


def on_predict(call: Call) -> Steps:
    """Remember whose predictions an array is."""
    outcome = yield None
    if outcome.error is None:
        given = (*call.args, *call.kwargs.values())
        remember_prediction(call.instance, outcome.result, call.variable_name(call.argument(0, "data")), given)


def on_save(call: Call) -> Steps:
    """Remember whose model lies in a file."""
    outcome = yield None
    if outcome.error is None:
        remember_file(call.argument(0, "filename"), call.instance)

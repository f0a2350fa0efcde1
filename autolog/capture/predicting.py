"""Handlers around what a trained model is asked for, by which what the user does with it later joins its run."""

from __future__ import annotations

from autolog.capture.calls import Call
from autolog.capture.origins import remember_file
from autolog.capture.predictions import remember_prediction
from autolog.hookspecs import Handler, Steps

__all__ = ["on_predict", "on_save"]


def on_predict(data: str) -> Handler:
    """Give a handler that remembers whose predictions an array is.

    What was asked for by the framework's own code is known, but nothing else is inferred to be made from it.

    Args:
        data: the name of the first argument, what is predicted on.
    """

    def handler(call: Call) -> Steps:
        outcome = yield None
        if outcome.error is None:
            given = (*call.args, *call.kwargs.values())
            name = call.variable_name(call.argument(0, data))
            remember_prediction(call.instance, outcome.result, name, given, recent=not call.called_through())

    return handler


def on_save(path: str) -> Handler:
    """Give a handler that remembers whose model lies in a file.

    Args:
        path: the name of the first argument, the file's path.
    """

    def handler(call: Call) -> Steps:
        outcome = yield None
        if outcome.error is None:
            remember_file(call.argument(0, path), call.instance)

    return handler

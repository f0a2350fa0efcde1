"""Metrics that a user computes from predictions join the run of the model that predicted them."""

from __future__ import annotations

import numbers
from collections.abc import Generator, Mapping
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from autolog.capture.calls import Call
from autolog.capture.predictions import link, model_run, remember_prediction
from autolog.hookspecs import Arguments, Outcome, Patches
from autolog.recording import context

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["declare", "on_metric", "on_predict", "on_score"]

Steps = Generator[Arguments | None, Outcome, None]

_PREDICTED: Final = ("y_pred", "y_score", "y_proba", "y_prob", "pred_decision", "labels_pred", "y2")
_TRUTH: Final = ("y_true", "labels_true", "y1")
_OF_CLUSTERS: Final = ("X", "labels")  # the first parameters of a metric that compares labels with the data itself


def declare(patches: Patches, module: ModuleType) -> None:
    """Wrap the functions of `sklearn.metrics` that measure predictions."""
    for name in module.__all__:
        function = getattr(module, name, None)
        if isinstance(function, FunctionType) and _predicted(_parameters(function)):
            patches.function(module, name, on_metric)


def _predicted(parameters: tuple[str, ...]) -> tuple[str, ...]:
    """Give the parameters that take predictions, the likeliest first."""
    if parameters[:2] == _OF_CLUSTERS:
        return ("labels",)
    return tuple(name for name in _PREDICTED if name in parameters)


def _truth(parameters: tuple[str, ...]) -> tuple[str, ...]:
    """Give the parameters that take what the predictions are compared with."""
    return ("X",) if parameters[:2] == _OF_CLUSTERS else tuple(name for name in _TRUTH if name in parameters)


def on_predict(call: Call) -> Steps:
    """Remember whose predictions an array is."""
    outcome = yield None
    if outcome.error is None:
        given = (*call.args, *call.kwargs.values())
        remember_prediction(call.instance, outcome.result, call.variable_name(call.argument(0, "X")), given)


def on_score(call: Call) -> Steps:
    """Record what `model.score(X, y)` gave with the model's run."""
    outcome = yield None
    run = model_run(call.instance)
    if run is not None and outcome.error is None and _is_number(outcome.result) and _wanted(call):
        data = call.variable_name(call.argument(0, "X")) or call.variable_name(call.argument(1, "y"))
        rest = {name: value for name, value in call.named_arguments().items() if name not in ("X", "y")}
        meaning = {name: _shown(call, value) for name, value in rest.items() if value is not None}
        _log(run, _key("score", data, meaning), float(outcome.result))


def on_metric(call: Call) -> Steps:
    """Record what a metric function gave, under its name, the data's, and the arguments that change its meaning."""
    outcome = yield None
    if outcome.error is None and _is_number(outcome.result) and _wanted(call):
        _record(call, float(outcome.result))


def _wanted(call: Call) -> bool:
    """Say whether a metric is wanted, and is the user's own: not one that scikit-learn computes for itself."""
    return call.settings.log_post_training_metrics and all(map(_is_passing_on, call.called_through()))


def _is_passing_on(module: str) -> bool:
    """Say whether code of a module measures for who called it: scorers, `score` of the base classes, decorators."""
    return f"{module}.".startswith(("sklearn.metrics.", "sklearn.base.", "sklearn.utils."))


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _record(call: Call, value: float) -> None:
    parameters = _parameters(call.function)
    given = {**dict(zip(parameters, call.args, strict=False)), **call.kwargs}
    predicted, truth = _first(given, _predicted(parameters)), _first(given, _truth(parameters))
    found = link(predicted)
    data = found.data or call.variable_name(truth)
    run = found.run or context.current_run() or context.last_run()
    if run is not None:
        _log(run, _key(call.name, data, _meaning(call, given), found.how), value)


def _first(given: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((given[name] for name in names if given.get(name) is not None), None)


def _log(run: ActiveRun, key: str, value: float) -> None:
    """Log the value as the next of its series."""
    run.log_metric(key, value, step=run.next_step(key))


def _key(metric: str, data: str | None, meaning: Mapping[str, Any], how: str | None = None) -> str:
    """Name a series; how it was linked is part of the name, so that what is less certain never joins what is sure."""
    arguments = ", ".join(f"{name}={value}" for name, value in sorted(meaning.items()))
    return f"{metric}{f'_{data}' if data else ''}{f'({arguments})' if arguments else ''}{f'[{how}]' if how else ''}"


def _meaning(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the arguments other than data that differ from their defaults; arrays are named, not shown."""
    parameters, defaults = _parameters(call.function), _defaults(_innermost(call.function))
    data = {*_predicted(parameters), *_truth(parameters)}
    return {
        name: _shown(call, value)
        for name, value in given.items()
        if name not in data and value is not None and not _is_default(value, defaults.get(name))
    }


def _shown(call: Call, value: Any) -> Any:
    """Give a number or text, or a short list of them, as it is, and anything else by its name."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, _PLAIN) or (
        type(value) in (list, tuple) and len(value) <= _SHORT and all(isinstance(each, _PLAIN) for each in value)
    ):
        return value
    return call.variable_name(value) or "…"


_PLAIN: Final = (str, int, float)
_SHORT: Final = 20


def _is_default(value: object, default: object) -> bool:
    return value is default or (
        isinstance(value, (str, int, float)) and type(value) is type(default) and value == default
    )


def _innermost(function: Any) -> FunctionType:
    """Give the function that scikit-learn's parameter validation was wrapped round."""
    while isinstance(getattr(function, "__wrapped__", None), FunctionType):
        function = function.__wrapped__
    found: FunctionType = function
    return found


def _parameters(function: Any) -> tuple[str, ...]:
    code = _innermost(function).__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _defaults(function: FunctionType) -> dict[str, Any]:
    positional = function.__code__.co_varnames[: function.__code__.co_argcount]
    values = function.__defaults__ or ()
    return {
        **dict(zip(positional[len(positional) - len(values) :], values, strict=True)),
        **(function.__kwdefaults__ or {}),
    }

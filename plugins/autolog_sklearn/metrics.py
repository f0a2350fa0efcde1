"""Metrics that a user computes from predictions join the run of the model that predicted them."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from autolog import guard
from autolog.capture.calls import Call
from autolog.capture.predictions import Link, infer, known, model_run, remember_made
from autolog.capture.signatures import innermost, parameters
from autolog.hookspecs import Arguments, Outcome, Patches
from autolog.recording import context
from autolog_sklearn.naming import function_name, key, meaning
from autolog_sklearn.results import Part, is_number, parts

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["declare", "is_users", "linked_run", "on_metric", "on_score", "on_scorer", "on_scorers"]

Steps = Generator[Arguments | None, Outcome, None]

_MOST: Final = 400  # numbers of one call: a report of 100 classes
_PREDICTED: Final = ("y_pred", "y_score", "y_proba", "y_prob", "pred_decision", "labels_pred", "y2")
_TRUTH: Final = ("y_true", "labels_true", "y1")
_OF_CLUSTERS: Final = ("X", "labels")  # the first parameters of a metric that compares labels with the data itself
_NO_PREDICTION: Final = ("X", "estimator", "scoring", "score_func")
"""First parameters of functions that measure no prediction: distances, and what makes and finds scorers."""


def declare(patches: Patches, module: ModuleType) -> None:
    """Wrap the functions of `sklearn.metrics` that measure predictions, and calls of scorers."""
    for place in (module, module.cluster):
        for name in place.__all__:
            function = getattr(place, name, None)
            if isinstance(function, FunctionType) and _measured(parameters(function)):
                patches.function(place, name, on_metric)
    handlers = {"_BaseScorer": on_scorer, "_MultimetricScorer": on_scorers}  # the latter since scikit-learn 1.4
    for name, handler in handlers.items():
        if hasattr(module._scorer, name):  # noqa: SLF001 (scikit-learn's, which has no public name for them)
            patches.method(getattr(module._scorer, name), "__call__", handler)  # noqa: SLF001


def _measured(names: Sequence[str]) -> tuple[str, ...]:
    """Give the parameters that take predictions, the likeliest first: by name, else by place."""
    if tuple(names[:2]) == _OF_CLUSTERS:
        return ("labels",)
    if not names or names[0] in _NO_PREDICTION:
        return ()
    truth = _truth(names)
    return tuple(name for name in _PREDICTED if name in names) or tuple(names[len(truth) : len(truth) + 1])


def _truth(names: Sequence[str]) -> tuple[str, ...]:
    """Give the parameters that take what the predictions are compared with."""
    return ("X",) if tuple(names[:2]) == _OF_CLUSTERS else tuple(name for name in _TRUTH if name in names)


# ---- metric functions


def on_metric(call: Call) -> Steps:
    """Record what a metric function gave, under its name, the data's, and the arguments that change its meaning."""
    outcome = yield None
    if outcome.error is None and is_users(call):
        given = call.given()
        found = parts(call.function, outcome.result, given)
        if found:
            _record(call, given, found)
        else:
            _remember_curves(call, given, outcome.result)
        _log_charts(call, given, outcome.result)


def is_users(call: Call) -> bool:
    """Say whether a metric is wanted, and is the user's own: not one that scikit-learn computes for itself."""
    return call.settings.log_post_training_metrics and all(map(_is_passing_on, call.called_through()))


def _is_passing_on(module: str) -> bool:
    """Say whether code of a module measures for who called it: scorers, `score` of the base classes, decorators."""
    passing = f"{module}.".startswith(("sklearn.metrics.", "sklearn.base.", "sklearn.utils."))
    return passing and not module.startswith("sklearn.metrics._plot")


def _record(call: Call, given: Mapping[str, Any], found: Sequence[Part]) -> None:
    names = parameters(call.function)
    measured, truth = _measured(names), _truth(names)
    link = _link(_first(given, measured), _first(given, truth))
    data = link.data or call.variable_name(_first(given, truth))
    run = link.run or context.current_run() or context.last_run()
    if run is not None:
        _log(run, call.name, data, meaning(call, call.function, given, (*measured, *truth)), link.how, found)


def _log_charts(call: Call, given: Mapping[str, Any], result: Any) -> None:
    """Write the charts of a known model's very prediction, and the curve or matrix that the function gave."""
    from autolog_sklearn import measured  # by the first metric: `enable()` shall be quick

    names = parameters(call.function)
    predicted, truth = _first(given, _measured(names)), _first(given, _truth(names))
    use, link = measured.use_of(call.name, innermost(call.function).__module__), known(predicted)
    if use is not None and link is not None and link.run is not None and link.how is None:
        data = link.data or call.variable_name(truth) or "predictions"
        positive = given.get("pos_label")
        guard.call(
            "sklearn.metric_charts", link.run, measured.log_measured, link.run, truth, predicted, data, use, positive
        )
        guard.call("sklearn.returned", link.run, measured.log_returned, link.run, call.name, result, given, data)


def _remember_curves(call: Call, given: Mapping[str, Any], result: Any) -> None:
    """Note whose the curves are, so that the area that the user computes below one is that model's."""
    link = known(_first(given, _measured(parameters(call.function))))
    if link is not None:
        for curve in result if isinstance(result, tuple) else (result,):
            remember_made(curve, link)


def _first(given: Mapping[str, Any], names: Sequence[str]) -> Any:
    values = (given.get(name) for name in names)
    return next((value for value in values if value is not None and not isinstance(value, str)), None)


def _link(predicted: object, truth: object) -> Link:
    """Say whose prediction is measured; people write the two the other way round as well.

    Where both are predictions, and not of one model, it is how far they agree, and not how good one is.
    """
    found, other = known(predicted), known(truth)
    if found is not None and other is not None and other.run is not found.run:
        return replace(found, how="against predictions")
    return found or other or infer(predicted)


def _log(
    run: ActiveRun, name: str, data: str | None, meant: Mapping[str, Any], how: str | None, found: Sequence[Part]
) -> None:
    """Log what one call gave as the next step of its series."""
    step = run.next_number(key(name, data, meant, how))
    if len(found) <= _MOST:
        names = [key(f"{name}.{part.name}" if part.name else name, data, {**meant, **part.of}, how) for part in found]
        run.log_metrics({each: part.value for each, part in zip(names, found, strict=True)}, step)
    elif step == 0:
        run.note(f"{key(name, data, meant, how)} is missing: {len(found)} numbers, more than {_MOST} metrics of a call")


# ---- scores and scorers


def on_score(call: Call) -> Steps:
    """Record what `model.score(X, y)` gave with the model's run."""
    outcome = yield None
    if outcome.error is None and is_number(outcome.result) and is_users(call):
        rest = {name: value for name, value in call.given().items() if name not in ("X", "y")}
        data = call.argument(0, "X"), call.argument(1, "y")
        _record_score(call, call.instance, data, rest, {"score": (call.function, outcome.result)})


def on_scorer(call: Call) -> Steps:
    """Record what a scorer gave, under the name of its function; of one that turns the sign, with `neg_` before it."""
    outcome = yield None
    if outcome.error is None and is_number(outcome.result) and is_users(call):
        state = vars(call.instance)
        function = state["_score_func"]
        name = f"{'neg_' if state['_sign'] < 0 else ''}{function_name(function)}"
        preset = function.keywords if type(function) is partial else {}
        rest = {**preset, **state["_kwargs"], **_rest(call)}
        _record_score(call, *_scored(call), rest, {name: (function, outcome.result)})


def on_scorers(call: Call) -> Steps:
    """Record what several scorers gave at once, under the names that the user has for them."""
    outcome = yield None
    if outcome.error is None and is_users(call):
        values = {name: (None, value) for name, value in outcome.result.items() if is_number(value)}
        _record_score(call, *_scored(call), _rest(call), values)


def _scored(call: Call) -> tuple[Any, tuple[Any, Any]]:
    return call.argument(0, "estimator"), (call.argument(1, "X"), call.argument(2, "y_true"))


def _rest(call: Call) -> dict[str, Any]:
    rest = {name: value for name, value in call.kwargs.items() if name not in ("estimator", "X", "y_true")}
    return {**dict(zip(("sample_weight",), call.args[3:], strict=False)), **rest}


def _record_score(
    call: Call, model: object, data: tuple[Any, Any], rest: Mapping[str, Any], values: Mapping[str, tuple[Any, float]]
) -> None:
    run, how = linked_run(model)
    if run is not None:
        named = call.variable_name(data[0]) or call.variable_name(data[1])
        for name, (function, value) in values.items():
            _log(run, name, named, meaning(call, function, rest), how, [Part("", {}, float(value))])


def linked_run(model: object) -> tuple[ActiveRun | None, str | None]:
    """Give the run that trained a model; where that is not known, the run of the context, and that nothing links it."""
    run = model_run(model)
    return (run, None) if run is not None else (context.current_run() or context.last_run(), "unlinked")

"""What is recorded of a fit: params, data, signature, training metrics, model."""

from __future__ import annotations

import inspect
import itertools
import os
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from sklearn.base import BaseEstimator

from autolog import guard
from autolog.capture import callbacks
from autolog.capture.calls import Call
from autolog.capture.data import dataset_facts, signature
from autolog.capture.predictions import model_run, output_of, remember_model, remember_output, remember_prediction
from autolog.hookspecs import Arguments, DataDescription, Outcome
from autolog.tables import table_bytes
from autolog.values import class_name, encode, revive
from autolog_sklearn import loops
from autolog_sklearn.findings import log_findings, outlier_fraction
from autolog_sklearn.iterations import Kept, goes_on, kept_before, log_iterations
from autolog_sklearn.kinds import fitted_parts, is_predictor, is_search, keeps_path, passes_on, saved_part
from autolog_sklearn.params import deep_params
from autolog_sklearn.scoring import Judged, budget, head, training_metrics

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = [
    "Steps",
    "begin",
    "estimator_tags",
    "led_by",
    "log_data",
    "log_given",
    "on_fit",
    "on_transform",
    "recorded_fit",
    "remember_labels",
    "saved_class",
]

Steps = Generator[Arguments | None, Outcome, None]


def on_fit(call: Call) -> Steps:
    """Record the fit of a predictor; a lone transformer's opens no run, but its output is known from then on."""
    yield from recorded_fit(call)


def recorded_fit(call: Call) -> Generator[Arguments | None, Outcome, Outcome]:
    """Do what `on_fit` does, for a handler that records more of a fit; return how the fit ended."""
    model = call.instance
    guard.call("sklearn.loops", None, loops.settle, model)
    run = begin(call) if is_predictor(model) else None
    if run is None:
        outcome = yield None
        _remember_output(call, outcome)
        return outcome
    described = log_given(call, run)
    kept = guard.call("sklearn.kept_before", run, kept_before, model) or {}
    outcome = yield None
    if outcome.error is None:
        _log_fitted(call, run, outcome, described, kept)
    return outcome


def begin(call: Call) -> ActiveRun | None:
    """Open the run of a training; its tags say what is trained, and which run it goes on from."""
    model = call.instance
    earlier = (
        model_run(model)
        if call.name == "partial_fit" or any(goes_on(part) for _, part in fitted_parts(model))
        else None
    )
    continued = {} if earlier is None else {"continued_from": earlier.run_id}
    call.hand_on(saves=saved_class(model), **led_by(model))
    return call.start_run(type(model).__name__, {**estimator_tags(model), **continued})


def led_by(model: object) -> dict[str, Any]:
    """Give what the handler of a booster's training needs to know of the fit around it, as `place_of` has it."""
    return {"root": (os.getpid(), id(model)), "passes_on": passes_on}


def saved_class(model: object) -> str:
    """Name the class of what will be saved of a fit."""
    return class_name(type(saved_part(model)))


def log_given(call: Call, run: ActiveRun) -> DataDescription | None:
    """Record the params, and the data that the call was given; give the description of the inputs."""
    data, target = call.argument(0, "X"), call.argument(1, "y")
    guard.call("sklearn.params", run, _log_params, run, call.instance)
    described = guard.call("sklearn.data", run, log_data, call, run, data, target)
    guard.call("sklearn.metadata", run, _log_metadata, call, run)
    if call.settings.log_input_examples:
        guard.call("sklearn.input_example", run, _log_example, run, data)
    return described


def _log_fitted(call: Call, run: ActiveRun, outcome: Outcome, described: DataDescription | None, kept: Kept) -> None:
    _remember_models(call.instance, run)
    remember_labels(call, outcome)
    guard.call("sklearn.iterations", run, log_iterations, run, call.instance, kept)
    guard.call("sklearn.findings", run, _log_findings, call, run, outcome)
    if keeps_path(call.instance):
        guard.call("sklearn.paths", run, _log_paths, run, call.instance)
    if call.settings.log_models:
        guard.call("sklearn.model", run, _save_model, call, run)
    judged = guard.call("sklearn.training_metrics", run, _log_training_metrics, call, run, outcome.seconds, described)
    guard.call("sklearn.charts", run, _log_charts, call, run, outcome.seconds, judged)


def _remember_models(model: Any, run: ActiveRun) -> None:
    """Note that the run trained a model, and with it a search's best one and a pipeline's steps: people use these."""
    best = [vars(model).get("best_estimator_")] if is_search(model) else []
    for each in (model, *best, *(part for _, part in fitted_parts(model))):
        remember_model(each, run)


def _save_model(call: Call, run: ActiveRun) -> None:
    """Save the fitted estimator; of a search the best one, refitted."""
    model = call.instance
    if is_search(model):
        model = vars(model).get("best_estimator_")
    if model is None:
        run.note("no model: the search kept no best estimator")
    else:
        call.save_model(model)


def remember_labels(call: Call, outcome: Outcome) -> None:
    """Note whose the labels of clusters are, or of outliers, that a training has given to its data."""
    labels = outcome.result if call.name == "fit_predict" else vars(call.instance).get("labels_")
    if labels is not None:
        given = (*call.args, *call.kwargs.values())
        remember_prediction(call.instance, labels, call.variable_name(call.argument(0, "X")), given)


def _log_findings(call: Call, run: ActiveRun, outcome: Outcome) -> None:
    log_findings(run, call.instance)
    flagged = outlier_fraction(call.instance, outcome.result) if call.name == "fit_predict" else None
    if flagged is not None:
        run.log_metric("outlier_fraction", flagged)


def _log_paths(run: ActiveRun, model: BaseEstimator) -> None:
    from autolog_sklearn.paths import log_paths

    log_paths(run, model)


def _log_params(run: ActiveRun, model: BaseEstimator) -> None:
    run.log_params(deep_params(model))


def log_data(call: Call, run: ActiveRun, data: Any, target: Any) -> DataDescription | None:
    """Record what was trained on, and the signature; give the description of the inputs."""
    inputs = call.describe(data)
    outputs = None if target is None else call.describe(target)
    if inputs is not None and call.settings.log_datasets:
        source = output_of(data)
        name = call.variable_name(data) or "data"
        run.log_facts("dataset", dataset_facts(name, inputs, outputs, "train", source))
    if inputs is not None and call.settings.log_model_signatures:
        run.log_facts("signature", signature(inputs, outputs))
    return inputs


def _log_metadata(call: Call, run: ActiveRun) -> None:
    """Record each further array that the training was given as an input whose context is its argument's name.

    What the estimator's library says is no data are params.
    """
    given = _metadata(call)
    settings = {name: given.pop(name) for name in list(given) if call.is_setting(name)}
    if settings:
        told = callbacks.described(settings.pop("callbacks", None), call.owner_of(call.instance) or "")
        run.log_params({**{name: value for name, value in settings.items() if _says_itself(value)}, **told})
    for name, (value, target) in _parts(given) if call.settings.log_datasets else ():
        described = call.describe(value)
        if described is not None and described.shape:
            found = dataset_facts(call.variable_name(value) or name, described, call.describe(target), name, None)
            run.log_facts("dataset", found)


def _says_itself(value: Any) -> bool:
    """Say whether a setting is told by its value: not a model to go on from, whose run is named instead."""
    return isinstance(value, (*_PLAIN, list, tuple, dict)) or callable(value)


_PLAIN: Final = (str, int, float, os.PathLike)


def _parts(metadata: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Give each argument, and the target that belongs to it; of a list of containers, or of pairs, each by number."""
    for name, value in metadata.items():
        each_has_rows = type(value) is list and all(
            type(each) is tuple or hasattr(type(each), "shape") for each in value
        )
        for number, each in enumerate(value) if each_has_rows else ():
            pair = each if type(each) is tuple and len(each) == len(("X", "y")) else (each, None)
            yield f"{name}[{number}]", pair
        if not each_has_rows:
            yield name, (value, None)


def _has_rows(value: Any) -> bool:
    return type(value) is tuple or hasattr(type(value), "shape")


def _metadata(call: Call) -> dict[str, Any]:
    """Give the arguments besides the data and the target, such as `sample_weight`, also those given by position."""
    given = {name: value for name, value in call.kwargs.items() if name not in ("X", "y") and value is not None}
    if len(call.args) > _DATA:
        names = itertools.islice(inspect.signature(call.function).parameters, _DATA, None)
        given |= dict(zip(names, call.args[_DATA:], strict=False))
    return given


_DATA: Final = 2  # arguments: the data and the target


def _log_example(run: ActiveRun, data: Any) -> None:
    """Keep the first rows beside the model: only where the user asked for it, since they are data."""
    run.add_file("model/input_example.json", table_bytes(head(data, 5), ".json"))


def _log_training_metrics(call: Call, run: ActiveRun, seconds: float, described: DataDescription | None) -> Judged:
    """Log the metrics, and give the prediction that they are of."""
    data, target = call.argument(0, "X"), call.argument(1, "y")
    rows = described.shape[0] if described is not None and described.shape else None
    found = training_metrics(call.instance, data, target, rows, seconds, call.settings.log_training_metrics)
    if found.metrics:
        run.log_metrics(found.metrics)
    if found.why_not and call.handing.get("owner") is None:  # a booster has metrics of its own
        run.note(f"no training metrics: {found.why_not}")
    return found.judged


def _log_charts(call: Call, run: ActiveRun, seconds: float, judged: Judged) -> None:
    from autolog_sklearn.drawn import log_fit_charts  # with the first fit: `enable()` shall be quick

    log_fit_charts(run, call.instance, judged, budget(seconds))


def estimator_tags(model: object) -> dict[str, str]:
    """Give the tags that say what was trained."""
    kind = type(model)
    return {"estimator_name": kind.__name__, "estimator_class": f"{kind.__module__}.{kind.__qualname__}"}


def on_transform(call: Call) -> Steps:
    """Remember what came out of a transformer, so that a run trained on it can name it."""
    outcome = yield None
    _remember_output(call, outcome)


def _remember_output(call: Call, outcome: Outcome) -> None:
    if outcome.error is None and call.name in ("transform", "fit_transform"):
        params = {name: _brief(value) for name, value in deep_params(call.instance).items()}
        params = revive(encode(params))  # as they are now; the user may change them
        made_by = {"class": type(call.instance).__name__, "params": params}
        remember_output(outcome.result, {"transformed_by": [*_earlier(call), made_by]})


def _brief(value: Any) -> Any:
    """Describe what is long: this is done at each call, and kept as long as its output."""
    is_long = type(value) in (dict, list, tuple, set, frozenset) and len(value) > 1_000
    return f"{type(value).__name__} of {len(value):,}" if is_long else value


def _earlier(call: Call) -> list[Any]:
    before = output_of(call.argument(0, "X"))
    return list(before["transformed_by"]) if before else []

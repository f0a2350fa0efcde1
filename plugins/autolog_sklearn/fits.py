"""What is recorded of a fit: params, data, signature, training metrics, model."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

from autolog import guard
from autolog.capture.calls import Call
from autolog.capture.data import dataset_facts, signature
from autolog.capture.predictions import output_of, remember_model, remember_output, remember_prediction
from autolog.hookspecs import Arguments, DataDescription, Outcome
from autolog.tables import table_bytes
from autolog.values import encode, revive
from autolog_sklearn.kinds import is_search
from autolog_sklearn.params import deep_params
from autolog_sklearn.scoring import head, training_metrics

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["Steps", "estimator_tags", "log_data", "on_fit", "on_transform", "recorded_fit"]

Steps = Generator[Arguments | None, Outcome, None]


def on_fit(call: Call) -> Steps:
    """Record the fit of a predictor; a lone transformer's opens no run, but its output is known from then on."""
    yield from recorded_fit(call)


def recorded_fit(call: Call) -> Generator[Arguments | None, Outcome, Outcome]:
    """Do what `on_fit` does, for a handler that records more of a fit; return how the fit ended."""
    model = call.instance
    run = call.start_run(type(model).__name__, estimator_tags(model)) if is_predictor(model) else None
    if run is None:
        outcome = yield None
        _remember_output(call, outcome)
        return outcome
    data, target = call.argument(0, "X"), call.argument(1, "y")
    guard.call("sklearn.params", run, _log_params, run, model)
    described = guard.call("sklearn.data", run, log_data, call, run, data, target)
    if call.settings.log_input_examples:
        guard.call("sklearn.input_example", run, _log_example, run, data)
    outcome = yield None
    if outcome.error is None:
        _log_fitted(call, run, outcome, described)
    return outcome


def _log_fitted(call: Call, run: ActiveRun, outcome: Outcome, described: DataDescription | None) -> None:
    remember_model(call.instance, run)
    labels = outcome.result if call.name == "fit_predict" else vars(call.instance).get("labels_")
    if labels is not None:
        given = (*call.args, *call.kwargs.values())
        remember_prediction(call.instance, labels, call.variable_name(call.argument(0, "X")), given)
    if call.settings.log_models:
        guard.call("sklearn.model", run, _save_model, call, run)
    guard.call("sklearn.training_metrics", run, _log_training_metrics, call, run, outcome.seconds, described)


def _save_model(call: Call, run: ActiveRun) -> None:
    """Save the fitted estimator; of a search the best one, refitted."""
    model = call.instance
    if is_search(model):
        model = vars(model).get("best_estimator_")
    if model is None:
        run.note("no model: the search did not refit its best candidate (refit=False)")
    else:
        call.save_model(model)


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


def _log_example(run: ActiveRun, data: Any) -> None:
    """Keep the first rows beside the model: only where the user asked for it, since they are data."""
    run.add_file("model/input_example.json", table_bytes(head(data, 5), ".json"))


def _log_training_metrics(call: Call, run: ActiveRun, seconds: float, described: DataDescription | None) -> None:
    data, target = call.argument(0, "X"), call.argument(1, "y")
    rows = described.shape[0] if described is not None and described.shape else None
    found, why_not = training_metrics(call.instance, data, target, rows, seconds, call.settings.log_training_metrics)
    if found:
        run.log_metrics(found)
    if why_not:
        run.note(f"no training metrics: {why_not}")


def estimator_tags(model: object) -> dict[str, str]:
    """Give the tags that say what was trained."""
    kind = type(model)
    return {"estimator_name": kind.__name__, "estimator_class": f"{kind.__module__}.{kind.__qualname__}"}


def is_predictor(model: BaseEstimator) -> bool:
    """Say whether an estimator predicts or scores; a pipeline does where its last step does.

    A class's attributes are only looked at where they are scikit-learn's own: `hasattr` may run a property's code.
    """
    if type(model).__module__.partition(".")[0] == "sklearn":
        return hasattr(model, "predict") or hasattr(model, "score") or hasattr(model, "fit_predict")
    return any(name in vars(kind) for kind in type(model).__mro__ for name in ("predict", "score", "fit_predict"))


def on_transform(call: Call) -> Steps:
    """Remember what came out of a transformer, so that a run trained on it can name it."""
    outcome = yield None
    _remember_output(call, outcome)


def _remember_output(call: Call, outcome: Outcome) -> None:
    if outcome.error is None and call.name in ("transform", "fit_transform"):
        params = revive(encode(deep_params(call.instance)))  # as they are now; the user may change them
        made_by = {"class": type(call.instance).__name__, "params": params}
        remember_output(outcome.result, {"transformed_by": [*_earlier(call), made_by]})


def _earlier(call: Call) -> list[Any]:
    before = output_of(call.argument(0, "X"))
    return list(before["transformed_by"]) if before else []

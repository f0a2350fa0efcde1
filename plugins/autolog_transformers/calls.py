"""What is recorded of the calls of a Trainer: the run of each `train`, and what is evaluated for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import TrainerCallback

from autolog import guard
from autolog.capture import networks
from autolog.capture.callbacks import described
from autolog.capture.calls import Call
from autolog.capture.data import signature
from autolog.capture.origins import link
from autolog.capture.predictions import model_run, remember_prediction_of
from autolog.capture.rounds import Rounds
from autolog.hookspecs import Steps
from autolog.recording.runs import ActiveRun

__all__ = ["on_evaluate", "on_step", "on_train"]


def on_train(call: Call) -> Steps:
    """Record a training: a run, or on the explicit run around it; of several processes the first records."""
    trainer = call.instance
    run = call.start_fit(trainer.model) if trainer.is_world_process_zero() else None
    if run is None:
        if call.records:
            yield None  # and no loop of it is recorded as one that the user has written
        return
    guard.call("transformers.given", run, _log_given, call, run)
    call.hand_on(unsigned=call.settings.log_model_signatures)
    with _Follows(trainer, run):
        outcome = yield None
    guard.call("transformers.ended", run, _log_end, trainer.state, run)
    if outcome.error is None and call.settings.log_models:
        guard.call("transformers.model", run, call.save_model, trainer.model)
        if trainer.processing_class is not None:
            guard.call("transformers.processor", run, call.save_model, trainer.processing_class, name="processor")


def on_step(call: Call) -> Steps:
    """Record what a model is given, as the first batch of a training shows it."""
    if call.handed.pop("unsigned", False):
        run = call.enclosing_run
        guard.call("transformers.signature", run, _log_signature, call, run, call.argument(1, "inputs"))
        yield None


def on_evaluate(call: Call) -> Steps:
    """Record what `evaluate` and `predict` find on the run that trained the model, or on one of their own."""
    trainer = call.instance
    if not call.records or not trainer.is_world_process_zero():
        return
    run: Any = model_run(trainer.model) or call.start_fit(trainer.model)
    call.record_on(run)
    with _Follows(trainer, run):
        outcome = yield None
    if outcome.error is None and call.name == "predict":
        guard.call("transformers.predicted", run, _log_predicted, call, run, outcome.result)


class _Follows(TrainerCallback):  # type: ignore[misc]
    """Logs what is known when a loop begins, and what the Trainer logs, under its steps; in the body of a `with`."""

    def __init__(self, trainer: Any, run: Any) -> None:
        self._trainer, self._run, self._rounds = trainer, run, Rounds(run)

    def __enter__(self) -> None:
        self._trainer.add_callback(self)

    def __exit__(self, *error: object) -> None:
        self._trainer.pop_callback(self)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        guard.call("transformers.begin", self._run, _log_begin, self._trainer.model, self._run, kwargs["optimizer"])

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        last = state.log_history[-1:]  # whole; callbacks may take something out of what they are given
        self._rounds.log(state.global_step, [each for entry in last for each in entry.items() if each[0] != "step"])


# ---- facts


def _log_given(call: Call, run: ActiveRun) -> None:
    """Record the arguments, without what `to_dict` puts in place of tokens, and the data."""
    args = call.instance.args.to_dict()
    given = {name: value for name, value in args.items() if value not in (None, f"<{name.upper()}>")}
    run.log_params({**given, **described(call.instance.callback_handler.callbacks, call.plugin)})
    call.log_dataset(call.instance.train_dataset, None, "train")
    call.log_dataset(call.instance.eval_dataset, None, "validation")


def _log_begin(model: Any, run: ActiveRun, optimizer: Any) -> None:
    """Record the model and the optimizer, either of which a Trainer may make itself."""
    link(model, run)
    config = model.config.to_diff_dict() if hasattr(model, "config") else {}
    groups = [networks.plain_values(each, lambda value: value) for each in optimizer.param_groups]
    run.log_params({f"config.{name}": value for name, value in config.items() if value is not None})
    run.log_params(networks.network_params(model, model.parameters(), lambda each: tuple(each.shape)))
    run.log_params(networks.optimizer_params("optimizer", getattr(optimizer, "optimizer", optimizer), groups))


def _log_signature(call: Call, run: Any, batch: Mapping[str, Any]) -> None:
    given = {name: call.describe(value) for name, value in batch.items() if name not in call.instance.label_names}
    inputs = [{"name": name, **signature(each, None)["inputs"]} for name, each in given.items() if each is not None]
    run.log_facts("signature", {"inputs": inputs, "outputs": None})


def _log_end(state: Any, run: ActiveRun) -> None:
    """Record the best metric and its checkpoint, and the step in which the training stopped early, if it did."""
    run.log_metrics({} if state.best_metric is None else {"best_metric": state.best_metric})
    run.log_metrics({"stopped_step": state.global_step} if 0 < state.global_step < state.max_steps else {})
    run.set_tags({} if state.best_model_checkpoint is None else {"best_model_checkpoint": state.best_model_checkpoint})


def _log_predicted(call: Call, run: ActiveRun, result: Any) -> None:
    Rounds(run).log(call.instance.state.global_step, list((result.metrics or {}).items()))
    remember_prediction_of(run, result.predictions, call.variable_name(call.argument(0, "test_dataset")))

"""What is recorded of the calls of a trainer: the run of each, whose model it is, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autolog import guard
from autolog.capture.calls import Call
from autolog.capture.origins import origin_of
from autolog.capture.predictions import model_run, remember_model
from autolog.hookspecs import Outcome, Steps
from autolog_lightning.following import Following
from autolog_lightning.params import module_in
from autolog_lightning.ranks import is_recorded_here
from autolog_lightning.watching import followed

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["on_evaluate", "on_fit", "on_predict"]


def on_fit(call: Call) -> Steps:
    """Record a fit: a run, or on the explicit run around it."""
    if not call.records:
        return
    outer = call.enclosing_run
    run = call.start_fit(_model_of(call)) if _is_recorded(call) else None
    if run is None:
        yield None  # and no loop of it is recorded as one that the user has written
        return
    guard.call("lightning.origin", run, _link, call, run)
    following = Following(call, run)
    guard.call("lightning.given", run, following.log_given)
    with followed(call.instance, following):
        outcome = yield None
    guard.call("lightning.outcome", run, following.log_outcome)
    if outcome.error is None and call.settings.log_models:
        guard.call("lightning.model", run, call.save_model, call.instance.lightning_module)
    interruption = _interruption(call.instance, outcome)
    if interruption is not None and run is not outer:
        run.end_with(interruption)


def on_evaluate(call: Call) -> Steps:
    """Record what `validate` or `test` finds on the run that trained the model; where that is unknown on its own."""
    if not call.records:
        return
    trained = _run_of(call)
    run = (trained or call.enclosing_run or call.start_fit(_model_of(call))) if _is_recorded(call) else None
    if run is None:
        yield None
        return
    if call.run is None:
        call.record_on(run)
    following = Following(call, run)
    if trained is None:
        guard.call("lightning.evaluated", run, _log_evaluated, call, run, following)
    with followed(call.instance, following):
        yield None


def on_predict(call: Call) -> Steps:
    """Record nothing: what Lightning does in there is no loop that the user has written."""
    if call.records:
        yield None


def _is_recorded(call: Call) -> bool:
    """Say whether a call is to have a run: not those by which a Tuner tries out rates and sizes."""
    is_trial = any(".tuner." in module for module in call.called_through())
    return is_recorded_here(call.instance) and not is_trial


# ---- whose model it is


def _model_of(call: Call) -> Any:
    return module_in(call.argument(0, "model"), call.instance)


def _run_of(call: Call) -> ActiveRun | None:
    """Give the run that trained the model; of one that was loaded from a checkpoint of the trainer's, the trainer's."""
    model = _model_of(call)
    known, last = model_run(model), model_run(call.instance)
    if known is None and last is not None and origin_of(model) == last.run_id:
        return last
    return known


def _link(call: Call, run: ActiveRun) -> None:
    """Name the run that this one goes on with, and remember whose the model is from now on."""
    _log_origin(call, run)
    remember_model(call.instance, run)
    remember_model(_model_of(call), run)


def _log_evaluated(call: Call, run: ActiveRun, following: Following) -> None:
    _log_origin(call, run)
    following.log_given()


def _log_origin(call: Call, run: ActiveRun) -> None:
    """Name the run that trained what this call goes on with: the checkpoint's, else the model's."""
    path = call.given().get("ckpt_path")
    origin = (None if path is None else origin_of(path)) or origin_of(_model_of(call))
    if origin not in (None, run.run_id):
        run.set_tags({"continued_from" if call.name == "fit" else "trained_in": origin})


# ---- how it ended


def _interruption(trainer: Any, outcome: Outcome) -> BaseException | None:
    """Give the Ctrl-C that Lightning has made a SystemExit of, or, before 2.4, a return like any other."""
    error = outcome.error
    if error is None:
        return KeyboardInterrupt() if trainer.interrupted else None
    cause = error.__context__
    return cause if isinstance(error, SystemExit) and isinstance(cause, KeyboardInterrupt) else None

"""Libraries that boost: how a training and a cross-validation of one are recorded, given what only its plugin knows."""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from autolog import guard
from autolog.capture.folds import Folds
from autolog.capture.origins import origin_of
from autolog.capture.predictions import remember_model
from autolog.capture.rounds import Rounds, prefix_of
from autolog.hookspecs import Arguments, Outcome
from autolog.values import class_name

if TYPE_CHECKING:
    from types import ModuleType

    from autolog.capture.calls import Call
    from autolog.recording.runs import ActiveRun

__all__ = [
    "Boosting",
    "Steps",
    "Watch",
    "is_saved_by",
    "is_whole",
    "own_estimators",
    "recorded_cross_validation",
    "recorded_training",
]

Steps: TypeAlias = "Generator[Arguments | None, Outcome, None]"
Given: TypeAlias = "Mapping[str, Any]"


@dataclass(frozen=True)
class Watch:
    """How the rounds of a call are watched.

    Args:
        arguments: to make the call with; None for those that the user gave.
        best: gives what early stopping has found, by name, once the call has given a result.
    """

    arguments: Arguments | None
    best: Callable[[Any], Mapping[str, float]]


def nothing(call: Call, folds: Folds, result: Any) -> None:
    """Add nothing to the folds of a cross-validation."""


@dataclass(frozen=True)
class Boosting:
    """What a plugin knows of its library. Each function may fail, and costs then what it would have recorded.

    Args:
        framework: its import name.
        booster: the full name of the class of its boosters.
        continues: the name of the argument that holds the model to go on from.
        rounds: how many rounds the library does where it is not told.
        params: gives the params of a call by its arguments.
        log_data: records the data of a call as inputs of the run, and the signature.
        watch: has a callback of the plugin's tell the rounds; for None it only looks what early stopping finds.
        log_booster: records what a trained booster tells of itself.
        log_folds: records what a cross-validation gave besides the series.
    """

    framework: str
    booster: str
    continues: str
    rounds: int
    params: Callable[[Given], Mapping[str, Any]]
    log_data: Callable[[Call, ActiveRun, Given], None]
    watch: Callable[[Call, Rounds | None], Watch]
    log_booster: Callable[[Call, ActiveRun, Any], None]
    log_folds: Callable[[Call, Folds, Any], None] = nothing

    def expected(self, given: Given) -> int:
        """Give how many rounds a call is asked for, as far as its arguments tell."""
        rounds = given.get("num_boost_round", self.rounds)
        return rounds if isinstance(rounds, int) else self.rounds

    def start(self, call: Call) -> ActiveRun | None:
        """Open the run of a call, and record what it was given."""
        names = {"estimator_name": self.booster.rpartition(".")[2], "estimator_class": self.booster}
        run, given = call.start_run(f"{self.framework}.{call.name}", names), call.given()
        if run is not None:
            self.log_origin(run, given)
            guard.call("boosting.params", run, _log_params, run, self.params, given)
            guard.call("boosting.data", run, self.log_data, call, run, given)
        return run

    def log_origin(self, run: ActiveRun, given: Given) -> None:
        """Name the run that trained what this call goes on from."""
        origin = guard.call("boosting.origin", run, origin_of, given.get(self.continues))
        if origin is not None:
            run.set_tags({"continued_from": origin})


def _log_params(run: ActiveRun, params: Callable[[Given], Mapping[str, Any]], given: Given) -> None:
    run.log_params(params(given))


def recorded_training(boosting: Boosting, call: Call) -> Steps:
    """Record a training: on a run of its own, or as part of the fit of an estimator around it.

    Args:
        boosting: the library.
        call: of a function that gives a booster; the handler is to be declared `nested`.
    """
    yield from (_inside if call.is_part else _alone)(boosting, call)


def _alone(boosting: Boosting, call: Call) -> Steps:
    run = boosting.start(call)
    if run is None:
        return
    watch = boosting.watch(call, Rounds(run, expected=boosting.expected(call.given())))
    outcome = yield watch.arguments
    if outcome.error is None:
        remember_model(outcome.result, run)
        guard.call("boosting.best", run, _log_best, run, watch, outcome.result)
        boosting.log_booster(call, run, outcome.result)
        if call.settings.log_models:
            guard.call("boosting.model", run, call.save_model, outcome.result)


def _inside(boosting: Boosting, call: Call) -> Steps:
    """Add to the run of an estimator's fit what only the booster knows; of an ensemble's members, the series alone."""
    run = call.enclosing_run
    if run is None or not run.records or not call.records:
        return
    prefix = guard.call("boosting.prefix", run, prefix_of, call, run)
    if prefix is None:
        return
    boosting.log_origin(run, call.given())
    watch = boosting.watch(call, Rounds(run, prefix, boosting.expected(call.given())))
    outcome = yield watch.arguments
    if outcome.error is None:
        remember_model(outcome.result, run)
        guard.call("boosting.best_inside", run, _log_best, run, watch, outcome.result, prefix)
        if not prefix and is_whole(call):
            boosting.log_booster(call, run, outcome.result)


def is_whole(call: Call) -> bool:
    """Say whether a training is all that its run trains, and not that of a split, or of an ensemble's member."""
    handed = call.handed
    return not call.is_part or (handed.get("owner") == call.plugin and call.task is None and not handed.get("prefix"))


def is_saved_by(call: Call, classes: Container[str]) -> bool:
    """Say whether the booster of a training will be saved in the framework's own format.

    Args:
        call: the training.
        classes: the full names of the estimators that are saved as their booster.
    """
    wanted = call.settings.log_models and is_whole(call)
    return wanted and (not call.is_part or call.handed.get("saves") in classes)


def own_estimators(library: ModuleType, base: str) -> Mapping[str, type]:
    """Give a library's own estimators by their full names; none where scikit-learn, and with it their base, is missing.

    Args:
        library: its module, which has them all.
        base: the name of the class that all derive from.
    """
    root = getattr(library, base, type(None))
    kinds = (kind for kind in vars(library).values() if isinstance(kind, type) and issubclass(kind, root))
    return {class_name(kind): kind for kind in kinds}


def _log_best(run: ActiveRun, watch: Watch, result: Any, prefix: str = "") -> None:
    run.log_metrics({f"{prefix}{name}": value for name, value in watch.best(result).items()})


def recorded_cross_validation(boosting: Boosting, call: Call) -> Steps:
    """Record a cross-validation that trains its folds side by side: a child run each.

    Args:
        boosting: the library.
        call: of a function that trains a booster a fold; what a round of it gives, another handler of the plugin logs.
    """
    run = boosting.start(call)
    if run is None:
        return
    watch = boosting.watch(call, None)
    with Folds(run, boosting.expected(call.given())) as folds:
        outcome = yield watch.arguments
        if outcome.error is None:
            guard.call("boosting.cv_best", run, _log_best, run, watch, outcome.result)
            guard.call("boosting.folds", run, boosting.log_folds, call, folds, outcome.result)
            folds.finished()

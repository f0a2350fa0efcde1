"""Libraries that boost: how a training and a cross-validation of one are recorded, given what only its plugin knows."""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autolog import guard
from autolog.capture.folds import Folds
from autolog.capture.origins import name_origin
from autolog.capture.place import ALONE, Place, place_of
from autolog.capture.predictions import remember_model
from autolog.capture.rounds import Rounds
from autolog.hookspecs import Arguments, Outcome, Steps
from autolog.values import class_name

if TYPE_CHECKING:
    from types import ModuleType

    from autolog.capture.calls import Call
    from autolog.recording.runs import ActiveRun

__all__ = [
    "Boosting",
    "Training",
    "Watch",
    "own_estimators",
    "recorded_cross_validation",
    "recorded_training",
]


@dataclass(frozen=True)
class Training:
    """A training under way, or a cross-validation.

    Args:
        call: of the library's function.
        run: what it is recorded on.
        place: where it stands there.
        rounds: takes the metrics of each round; None where another handler logs them, that of a cross-validation.
    """

    call: Call
    run: ActiveRun
    place: Place
    rounds: Rounds | None

    def is_saved_as(self, classes: Container[str]) -> bool:
        """Say whether the booster will be saved in the framework's own format.

        Args:
            classes: the full names of the estimators that are saved as their booster.
        """
        wanted = self.call.settings.log_models and self.place.is_whole
        return wanted and (not self.call.is_part or self.call.handed.get("saves") in classes)


@dataclass(frozen=True)
class Watch:
    """How the rounds of a call are watched.

    Args:
        arguments: to make the call with; None for those that the user gave.
        best: gives what early stopping has found, by name, once the call has given a result.
        booster: gives a booster that the call has trained: its result, or that of a fold; None where there is none.
    """

    arguments: Arguments | None
    best: Callable[[Any], Mapping[str, float]]
    booster: Callable[[Any], Any]


def nothing(training: Training, folds: Folds, result: Any) -> None:
    """Add nothing to the folds of a cross-validation."""


@dataclass(frozen=True)
class Boosting:
    """What a plugin knows of its library. Each function may fail, and costs then what it would have recorded.

    Args:
        framework: its import name.
        booster: the full name of the class of its boosters.
        continues: the name of the argument that holds the model to go on from.
        rounds: how many rounds the library does where it is not told.
        params: gives the params that a call was given.
        effective: gives those that a booster was trained with.
        log_data: records the data of a call as inputs of the run, and the signature.
        watch: has a callback of the plugin's see the rounds.
        log_booster: records what else a trained booster tells of itself.
        log_folds: records what a cross-validation gave besides the series.
    """

    framework: str
    booster: str
    continues: str
    rounds: int
    params: Callable[[Call], Mapping[str, Any]]
    effective: Callable[[Any], Mapping[str, Any]]
    log_data: Callable[[Call, ActiveRun, Mapping[str, Any]], None]
    watch: Callable[[Training], Watch]
    log_booster: Callable[[Training, Any], None]
    log_folds: Callable[[Training, Folds, Any], None] = nothing

    def expected(self, call: Call) -> int:
        """Give how many rounds a call is asked for, as far as its arguments tell."""
        rounds = call.given().get("num_boost_round", self.rounds)
        return rounds if isinstance(rounds, int) else self.rounds

    def start(self, call: Call) -> ActiveRun | None:
        """Open the run of a call, and record what it was given; what is trained inside the call is no part of it."""
        names = {"estimator_name": self.booster.rpartition(".")[2], "estimator_class": self.booster}
        run = call.start_run(f"{self.framework}.{call.name}", names)
        if run is not None:
            self.log_origin(call, run)
            guard.call("boosting.params", run, self._log_params, run, self.params, call)
            guard.call("boosting.data", run, self.log_data, call, run, call.given())
        return run

    def log_origin(self, call: Call, run: ActiveRun) -> None:
        """Name the run that trained what this call goes on from."""
        guard.call("boosting.origin", run, name_origin, call.given().get(self.continues), run)

    def log_effective(self, run: ActiveRun, booster: Any) -> None:
        """Record the params that a booster was trained with."""
        guard.call("boosting.effective", run, self._log_params, run, self.effective, booster)

    def _log_params(self, run: ActiveRun, params: Callable[[Any], Mapping[str, Any]], of: Any) -> None:
        run.log_params(params(of))


# ---- a training


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
    outcome = yield from _watched(boosting, call, run, ALONE)
    if outcome.error is None and call.settings.log_models:
        guard.call("boosting.model", run, call.save_model, outcome.result)


def _inside(boosting: Boosting, call: Call) -> Steps:
    """Add to the run of an estimator's fit what only the booster knows; of an ensemble's members, the series alone."""
    run = call.enclosing_run
    if run is None or not run.records or not call.records:
        return
    place = guard.call("boosting.place", run, place_of, call, run)
    if place is not None and place.prefix is not None:
        boosting.log_origin(call, run)
        yield from _watched(boosting, call, run, place)


def _watched(
    boosting: Boosting, call: Call, run: ActiveRun, place: Place
) -> Generator[Arguments | None, Outcome, Outcome]:
    call.hand_on(prefix=None)  # a callback or a metric of the user's may train as well: that is part of this one
    training = Training(call, run, place, Rounds(run, place.prefix or "", boosting.expected(call)))
    watch = boosting.watch(training)
    outcome = yield watch.arguments
    if outcome.error is None:
        remember_model(outcome.result, run)
        guard.call("boosting.best", run, _log_best, run, watch, outcome.result, place.prefix or "")
        if place.is_whole:
            boosting.log_effective(run, outcome.result)
            boosting.log_booster(training, outcome.result)
    return outcome


def _log_best(run: ActiveRun, watch: Watch, result: Any, prefix: str = "") -> None:
    run.log_metrics({f"{prefix}{name}": value for name, value in watch.best(result).items()})


# ---- a cross-validation


def recorded_cross_validation(boosting: Boosting, call: Call) -> Steps:
    """Record a cross-validation that trains its folds side by side: a child run each.

    Args:
        boosting: the library.
        call: of a function that trains a booster a fold; what a round of it gives, another handler of the plugin logs,
            as far as `folds_of` says. The handler is to be declared `nested`.
    """
    run = None if call.is_part else boosting.start(call)
    call.hand_on(prefix=None, folds=run is not None)
    if run is None:
        yield None
        return
    training = Training(call, run, ALONE, None)
    watch = boosting.watch(training)
    with Folds(run, boosting.expected(call)) as folds:
        outcome = yield watch.arguments
        if outcome.error is None:
            guard.call("boosting.cv_best", run, _log_best, run, watch, outcome.result)
            boosting.log_effective(run, watch.booster(outcome.result))
            guard.call("boosting.folds", run, boosting.log_folds, training, folds, outcome.result)
        folds.end(outcome.error)


# ---- estimators


def own_estimators(library: ModuleType, base: str) -> Mapping[str, type]:
    """Give a library's own estimators by their full names; none where scikit-learn, and with it their base, is missing.

    Args:
        library: its module, which has them all.
        base: the name of the class that all derive from.
    """
    root = getattr(library, base, type(None))
    kinds = (kind for kind in vars(library).values() if isinstance(kind, type) and issubclass(kind, root))
    return {class_name(kind): kind for kind in kinds}

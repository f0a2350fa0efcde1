"""The callback that sees each round: it comes first, since XGBoost asks no further one where early stopping fires."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from xgboost.callback import EarlyStopping, TrainingCallback

from autolog import guard
from autolog.capture.calls import Call
from autolog.capture.rounds import Rounds
from autolog.hookspecs import Arguments

__all__ = ["RoundsCallback", "with_callback"]

_BEST: Final = ("best_iteration", "best_score")


class RoundsCallback(TrainingCallback):
    """Logs what every round gave, and keeps the best iteration and score that early stopping has found.

    Args:
        rounds: takes the metrics; None where others do.
    """

    def __init__(self, rounds: Rounds | None) -> None:
        super().__init__()
        self._rounds = rounds
        self._before: dict[str, str | None] = {}
        self.stops_early = False
        self.best: dict[str, float] = {}

    def before_training(self, model: Any) -> Any:
        """Look what an earlier training, which this one continues, has found."""
        self._before = guard.call("xgboost.before_training", None, _found, model) or {}
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Any]) -> bool:
        """Log the round."""
        if self._rounds is not None:
            self._rounds.log(epoch, _latest(evals_log))
        return False

    def after_training(self, model: Any) -> Any:
        """Take what early stopping has found."""
        guard.call("xgboost.after_training", None, self._take_best, model)
        return model

    def _take_best(self, model: Any) -> None:
        found = _found(model)
        if self.stops_early or found != self._before:
            self.best = {name: float(value) for name, value in found.items() if value is not None}


def _found(model: Any) -> dict[str, str | None]:
    return {name: model.attr(name) for name in _BEST}


def _latest(evals_log: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    """Give the last value of each series, by the name that XGBoost prints."""
    for data, metrics in evals_log.items():
        for metric, values in metrics.items():
            yield f"{data}-{metric}", values[-1]


def with_callback(call: Call, callback: RoundsCallback) -> Arguments:
    """Give the arguments of a training with our callback before the user's, whose list stays as it is."""
    given = call.given()
    callbacks: Iterable[Any] | None = given.get("callbacks")
    callback.stops_early = bool(given.get("early_stopping_rounds")) or (
        type(callbacks) in (list, tuple) and any(isinstance(each, EarlyStopping) for each in callbacks or ())
    )
    if callbacks is None:
        return call.with_argument("callbacks", [callback])
    if type(callbacks) in (list, tuple):
        return call.with_argument("callbacks", [callback, *callbacks])
    return call.with_argument("callbacks", chain((callback,), callbacks))

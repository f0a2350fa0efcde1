"""The callback that sees each round: it comes first, since XGBoost asks no further one where early stopping fires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final, TypeAlias

from xgboost import Booster
from xgboost.callback import EarlyStopping, TrainingCallback

from autolog import guard
from autolog.capture.boosting import Training, Watch
from autolog.capture.rounds import Rounds

__all__ = ["watch"]

EvalsLog: TypeAlias = "Mapping[str, Mapping[str, Any]]"
_BEST: Final = ("best_iteration", "best_score")


class _Callback(TrainingCallback):
    """Logs what every round gave, and keeps the best iteration and score that early stopping has found.

    Args:
        rounds: takes the metrics; None where others do.
        stops_early: whether early stopping is at work.
        is_alone: there are no callbacks of the user's.
    """

    def __init__(self, rounds: Rounds | None, stops_early: bool, is_alone: bool) -> None:
        super().__init__()
        self._rounds = rounds
        self._is_alone = is_alone
        self._before: dict[str, str | None] = {}
        self._stops_early = stops_early
        self._trained: Any = None
        self._known: dict[tuple[str, str], int] = {}
        self._last: tuple[int, EvalsLog] = 0, {}
        self.best: dict[str, float] = {}

    def __hash__(self) -> int:
        """Come first in a set too, which is what XGBoost before 3.2 keeps callbacks in: 0 is its first place."""
        return 0

    def before_training(self, model: Any) -> Any:
        """Look what an earlier training, which this one continues, has found."""
        self._before = guard.call("xgboost.before_training", None, _found, model) or {}
        return model

    def before_iteration(self, model: Any, epoch: int, evals_log: EvalsLog) -> bool:
        """Log what callbacks of the user's have added to the round before, after ours was called."""
        if not self._is_alone:
            self._log(epoch - 1, evals_log)
        return False

    def after_iteration(self, model: Any, epoch: int, evals_log: EvalsLog) -> bool:
        """Log the round."""
        self._log(epoch, evals_log)
        return False

    def _log(self, epoch: int, evals_log: EvalsLog) -> None:
        self._last = epoch, evals_log
        if self._rounds is not None:
            self._rounds.log(epoch, self._new(evals_log))

    def _new(self, evals_log: EvalsLog) -> Iterator[tuple[str, float]]:
        """Give the values that are new in each series, by the name that XGBoost prints."""
        for data, metrics in evals_log.items():
            for metric, values in metrics.items():
                known = self._known.get((data, metric), 0)
                if len(values) > known:
                    self._known[data, metric] = len(values)
                    for value in values[known:]:
                        yield f"{data}-{metric}", value

    def after_training(self, model: Any) -> Any:
        """Take what early stopping has found."""
        self._trained = model
        self._log(*self._last)
        guard.call("xgboost.after_training", None, self._take_best, model)
        return model

    def booster(self, result: Any) -> Any:
        """Give the booster of the training, or that of the first fold."""
        return result if isinstance(result, Booster) else self._trained.cvfolds[0].bst

    def _take_best(self, model: Any) -> None:
        found = _found(model)
        if self._stops_early or found != self._before:
            self.best = {name: _number(value) for name, value in found.items() if value is not None}


def _number(text: str) -> float:
    """Read a score; that of `cv` may be a pair, of which the first is the mean."""
    return float(text.strip("()").partition(",")[0])


def _found(model: Any) -> dict[str, str | None]:
    return {name: model.attr(name) for name in _BEST}


def watch(training: Training) -> Watch:
    """Put our callback before the user's, whose list stays as it is."""
    given = training.call.given()
    callbacks: Any = given.get("callbacks")
    is_list = type(callbacks) in (list, tuple)
    stops_early = is_list and any(isinstance(each, EarlyStopping) for each in callbacks)
    callback = _Callback(training.rounds, stops_early or bool(given.get("early_stopping_rounds")), callbacks is None)
    added = [callback, *(callbacks or ())] if is_list or callbacks is None else chain((callback,), callbacks)
    arguments = training.call.with_argument("callbacks", added)
    return Watch(arguments, lambda result: callback.best, callback.booster)

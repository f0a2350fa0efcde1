"""The callback that sees each round: it comes first, since where early stopping fires no further one is called."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from lightgbm import Booster

from autolog.capture.boosting import Training, Watch
from autolog.capture.rounds import Rounds
from autolog.values import type_name
from autolog_lightgbm.models import trained

__all__ = ["values_of", "watch"]


class _Callback:
    """Logs what every round gave, and keeps what is trained, which says later where early stopping stopped.

    Args:
        rounds: takes the metrics; None where others do.
        is_whole: the booster will be asked for its text.
    """

    def __init__(self, rounds: Rounds | None, is_whole: bool) -> None:
        self.order = -math.inf
        self.before_iteration = False
        self._trained: Any = None
        self._rounds = rounds
        self._is_whole = is_whole

    def __call__(self, env: Any) -> None:
        """Log the round."""
        if self._trained is None and self._is_whole:
            trained[env.model] = True
        self._trained = env.model
        if self._rounds is not None:
            self._rounds.log(env.iteration, values_of(env.evaluation_result_list))

    def best(self, result: Any) -> Mapping[str, float]:
        """Give what early stopping has found: an iteration, counted from 1 as LightGBM does, and the scores there."""
        best = 0 if self._trained is None else self._trained.best_iteration
        if best <= 0:
            return {}
        scores = _scores(result) if isinstance(result, Booster) else _means_at(result, best - 1)
        return {"best_iteration": best, **{f"best_score_{name}": value for name, value in scores}}

    def booster(self, result: Any) -> Any:
        """Give the booster of the training, or that of the first fold."""
        return result if isinstance(result, Booster) else next(iter(self._trained.boosters), None)


def _scores(booster: Booster) -> Iterator[tuple[str, float]]:
    for data, metrics in booster.best_score.items():
        yield from ((f"{data}-{metric}", value) for metric, value in metrics.items())


def _means_at(results: Mapping[str, Any], place: int) -> Iterator[tuple[str, float]]:
    """Give the means over the folds in one round of what `cv` gave."""
    means = ((name, values) for name, values in results.items() if name.endswith("-mean"))
    return ((name, values[place]) for name, values in means if place < len(values))


def values_of(results: Any) -> Iterator[tuple[str, float]]:
    """Give name and value of each metric of LightGBM's results: (data, metric, value, …)."""
    for each in results or ():
        yield f"{each[0]}-{each[1]}", each[2]


def watch(training: Training) -> Watch:
    """Put our callback before the user's, whose list stays as it is.

    So the others keep the order that LightGBM gives them by their distance from the end.
    """
    callbacks = training.call.given().get("callbacks")
    callback = _Callback(training.rounds, training.place.is_whole and training.rounds is not None)
    if callbacks is not None and type(callbacks) not in _CONTAINERS:
        training.run.note(f"no rounds: the callbacks are given in a {type_name(callbacks)}")
        return Watch(None, callback.best, callback.booster)
    added = training.call.with_argument("callbacks", [callback, *(() if callbacks is None else callbacks)])
    return Watch(added, callback.best, callback.booster)


_CONTAINERS: Final = (list, tuple, set, frozenset, deque, dict, np.ndarray)

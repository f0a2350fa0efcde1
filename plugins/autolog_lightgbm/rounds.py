"""The callback that sees each round: it comes first, since where early stopping fires no further one is called."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from autolog.capture.calls import Call
from autolog.capture.rounds import Rounds
from autolog.hookspecs import Arguments

__all__ = ["RoundsCallback", "values_of", "with_callback"]


class RoundsCallback:
    """Logs what every round gave, and keeps what is trained, which says later where early stopping stopped.

    Args:
        rounds: takes the metrics; None where others do.
    """

    def __init__(self, rounds: Rounds | None) -> None:
        self.order = -math.inf
        self.before_iteration = False
        self.model: Any = None
        self._rounds = rounds

    def __call__(self, env: Any) -> None:
        """Log the round."""
        self.model = env.model
        if self._rounds is not None:
            self._rounds.log(env.iteration, values_of(env.evaluation_result_list))


def values_of(results: Any) -> Iterator[tuple[str, float]]:
    """Give name and value of each metric of LightGBM's results: (data, metric, value, …)."""
    for each in results or ():
        yield f"{each[0]}-{each[1]}", each[2]


def with_callback(call: Call, callback: RoundsCallback) -> Arguments | None:
    """Give the arguments of a training with our callback before the user's, whose list stays as it is.

    So the others keep the order that LightGBM gives them by their distance from the end.
    """
    callbacks = call.given().get("callbacks")
    if callbacks is not None and type(callbacks) not in (list, tuple, set):
        return None  # LightGBM may say so
    return call.with_argument("callbacks", [callback, *(callbacks or ())])

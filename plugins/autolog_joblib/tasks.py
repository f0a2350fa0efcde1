"""A task of joblib's that takes a context along, also to where autolog is not installed: there it is the bare task."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from typing import Any, Final

from autolog import guard
from autolog.capture.carrier import Carrier
from autolog.patching import UNSEEN, unseen

__all__ = ["Luggage", "Task", "arrived"]

_ARRIVE: Final = """(
    __import__('functools').partial(__import__('autolog_joblib.tasks').tasks.arrived, packed)
    if packed and __import__('importlib.util').util.find_spec('autolog_joblib') else lambda function, number: function
)"""
"""Gives what makes tasks in another process. A text, since nothing of ours need be there to read it: the workers of a
cluster may run the user's program without autolog, and must go on doing so."""


class Luggage:
    """What the tasks of one call to `Parallel` take along: the context, packed once, and once for tasks sent together.

    Args:
        carrier: the context.
    """

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier
        self._packed: tuple[bytes | None] | None = None

    def __call__(self, function: Callable[..., Any], number: int) -> Task:
        """Make the task of that number."""
        return Task(function, number, self)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._packed is None:
            self._packed = (guard.call("joblib.leave", None, pickle.dumps, self.carrier),)
        return eval, (_ARRIVE, {"packed": self._packed[0]})


class Task:
    """A function that is called in the context it was handed over in, in whichever thread or process.

    Args:
        function: what the user's program calls.
        number: of the task, among those of one call to `Parallel`.
        luggage: the context.
    """

    def __init__(self, function: Callable[..., Any], number: int, luggage: Luggage) -> None:
        self.function = function
        self.number = number
        self.luggage = luggage
        self.__wrapped__ = function

    @property
    def __name__(self) -> Any:
        """The function's, which dask shows."""
        return self.function.__name__

    @unseen
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        try:
            return self.luggage.carrier.call(self.number, self.function, args, kwargs)
        except BaseException:
            UNSEEN.leave()
            raise

    def __reduce__(self) -> tuple[Any, ...]:
        return self.luggage, (self.function, self.number)


def arrived(packed: bytes, function: Callable[..., Any], number: int) -> Callable[..., Any]:
    """Make the task again where it runs; without its context, where that cannot be read, it is the bare function."""
    luggage = guard.call("joblib.arrive", None, _unpacked, packed)
    return function if luggage is None else luggage(function, number)


@functools.lru_cache(maxsize=1)  # of the call whose settings hold here now; those of another one are set up anew
def _unpacked(packed: bytes) -> Luggage:
    return Luggage(pickle.loads(packed))

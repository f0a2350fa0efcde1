"""A task of joblib's that takes a context along, also to where autolog is not installed: there it is the bare task."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from typing import Any, Final

from autolog import guard
from autolog.capture.carrier import Carrier
from autolog.patching import UNSEEN, unseen

__all__ = ["Task", "arrived"]

_ARRIVE: Final = """(
    __import__('autolog_joblib.tasks').tasks.arrived(function, luggage, number)
    if luggage and __import__('importlib.util').util.find_spec('autolog_joblib') else function
)"""
"""Makes a task in another process. A text, since nothing of ours need be there to read it: a cluster's workers may run
the user's program without autolog, and must go on doing so."""


class Task:
    """A function that is called in the context it was handed over in, in whichever thread or process.

    Args:
        function: what the user's program calls.
        carrier: the context.
        number: of the task, among those of one call to `Parallel`.
    """

    def __init__(self, function: Callable[..., Any], carrier: Carrier, number: int) -> None:
        self.function = function
        self.carrier = carrier
        self.number = number
        functools.update_wrapper(self, function, ("__name__",), ())  # dask shows it

    @unseen
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        with UNSEEN, self.carrier.entered(self.number):
            return self.function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        luggage = guard.call("joblib.leave", None, self.carrier.packed)
        return eval, (_ARRIVE, {"function": self.function, "luggage": luggage, "number": self.number})


def arrived(function: Callable[..., Any], luggage: bytes, number: int) -> Callable[..., Any]:
    """Make the task again where it runs; without its context, where that cannot be read, it is the bare function."""
    carrier = guard.call("joblib.arrive", None, _unpacked, luggage)
    return function if carrier is None else Task(function, carrier, number)


@functools.lru_cache(maxsize=1)  # of the call whose settings hold here now; those of another one are set up anew
def _unpacked(luggage: bytes) -> Carrier:
    carrier: Carrier = pickle.loads(luggage)
    return carrier

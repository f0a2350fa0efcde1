"""The door to joblib's workers: every task of `joblib.Parallel` takes the context it was made in along."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import partial
from typing import Any

import joblib

from autolog import hookimpl
from autolog.capture.calls import Call
from autolog.capture.carrier import Carrier
from autolog.hookspecs import Arguments, Outcome, Patches
from autolog.patching import UNSEEN, unseen

__all__ = ["Task", "on_parallel"]


class Task:
    """A function that is called in the context it was handed over in, in whichever thread or process."""

    def __init__(self, function: Callable[..., Any], carrier: Carrier) -> None:
        self.function = function
        self.carrier = carrier

    @unseen
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        with UNSEEN, self.carrier.entered():
            return self.function(*args, **kwargs)


def on_parallel(call: Call) -> Generator[Arguments, Outcome, None]:
    """Hand each task on with the context of the call to `Parallel`."""
    tasks: Iterable[Any] = call.argument(0, "iterable")
    carry = partial(_carried, Carrier())
    # A list stays a list: joblib counts it. map, unlike a generator, has no frame that an error could be traced to.
    yield Arguments(([carry(task) for task in tasks] if isinstance(tasks, list) else map(carry, tasks),), {})


def _carried(carrier: Carrier, task: tuple[Callable[..., Any], Any, Any]) -> tuple[Task, Any, Any]:
    function, args, kwargs = task
    return Task(function, carrier), args, kwargs


@hookimpl
def autolog_patches(patches: Patches) -> None:
    """Wrap the one door through which all of joblib's backends take their tasks."""
    patches.method(joblib.Parallel, "__call__", on_parallel, nested=True)

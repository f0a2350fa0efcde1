"""The door to joblib's workers: every task of `joblib.Parallel` takes the context it was made in along."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from functools import partial
from itertools import count
from typing import Any

import joblib

from autolog import hookimpl
from autolog.capture.calls import Call
from autolog.capture.carrier import Carrier
from autolog.hookspecs import Arguments, Outcome, Patches
from autolog_joblib.tasks import Task

__all__ = ["on_parallel"]


def on_parallel(call: Call) -> Generator[Arguments, Outcome, None]:
    """Hand each task on with the context of the call to `Parallel`, and with its number."""
    tasks: Iterable[Any] = call.argument(0, "iterable")
    carry = partial(_carried, Carrier())
    # A list stays a list: joblib counts it. map, unlike a generator, has no frame that an error could be traced to.
    carried = list(map(carry, tasks, count())) if isinstance(tasks, list) else map(carry, tasks, count())
    yield Arguments((carried,), {})


def _carried(carrier: Carrier, task: tuple[Any, Any, Any], number: int) -> tuple[Task, Any, Any]:
    function, args, kwargs = task
    return Task(function, carrier, number), args, kwargs


@hookimpl
def autolog_patches(patches: Patches) -> None:
    """Wrap the one door through which all of joblib's backends take their tasks."""
    patches.method(joblib.Parallel, "__call__", on_parallel, nested=True)

"""The door to joblib's workers: every task of `joblib.Parallel` takes the context it was made in along."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from itertools import count
from typing import Any

import joblib
import joblib.func_inspect

from autolog import hookimpl
from autolog.capture.calls import Call
from autolog.capture.carrier import Carrier
from autolog.hookspecs import Arguments, Outcome, Patches
from autolog.patching import UNSEEN, bare, unseen
from autolog_joblib.tasks import Luggage, Task

__all__ = ["on_parallel"]


def on_parallel(call: Call) -> Generator[Arguments, Outcome, None]:
    """Hand each task on with the context of the call to `Parallel`, and with its number."""
    tasks: Any = call.argument(0, "iterable")
    can_iterate = any(hasattr(type(tasks), name) for name in ("__iter__", "__getitem__"))
    if not can_iterate or len(call.args) + len(call.kwargs) != 1:
        return  # joblib says so
    carry = partial(_carried, Luggage(Carrier()))
    yield Arguments(((_Counted if hasattr(tasks, "__len__") else _each)(carry, tasks),), {})


def on_func_code(call: Call) -> Generator[Arguments, Outcome, None]:
    """Show `joblib.Memory` the code that a function has without us: where it differs, it throws its results away."""
    yield Arguments((bare(call.argument(0, "func")),), {})


class _Counted:
    """Tasks of which joblib can ask, as it does to show its progress, how many there are."""

    def __init__(self, carry: Callable[[Any, int], Any], tasks: Any) -> None:
        self._carry = carry
        self._tasks = tasks

    @unseen
    def __iter__(self) -> Iterator[Any]:
        try:
            return _each(self._carry, self._tasks)
        except BaseException:
            UNSEEN.leave()
            raise

    @unseen
    def __len__(self) -> int:
        try:
            return len(self._tasks)
        except BaseException:
            UNSEEN.leave()
            raise


def _each(carry: Callable[[Any, int], Any], tasks: Iterable[Any]) -> Iterator[Any]:
    """Give the tasks one by one; a map, unlike a generator, has no frame that an error could be traced to."""
    return map(carry, tasks, count())


def _carried(luggage: Luggage, task: Any, number: int) -> Any:
    if type(task) not in (tuple, list) or len(task) != len(("function", "args", "kwargs")):
        return task  # is none; joblib says so where it always does
    function, args, kwargs = task
    return Task(function, number, luggage), args, kwargs


@hookimpl
def autolog_patches(patches: Patches) -> None:
    """Wrap the one door through which all of joblib's backends take their tasks."""
    patches.method(joblib.Parallel, "__call__", on_parallel, nested=True)
    patches.function(joblib.func_inspect, "get_func_code", on_func_code, nested=True)

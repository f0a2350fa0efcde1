"""Processes that `torch.multiprocessing` starts take along what autolog is set to, and the run around the call."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from autolog.capture.calls import Call
from autolog.capture.carrier import Carrier
from autolog.hookspecs import Arguments, Outcome
from autolog.patching import UNSEEN, unseen

__all__ = ["on_start"]


class _Launched:
    """The user's function, called in another process in the context that it was handed over in.

    Args:
        function: it; its first argument is the number of the process.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._carrier = Carrier()

    @unseen
    def __call__(self, number: int, *args: Any) -> Any:
        """Call the function."""
        try:
            return self._carrier.call(number, self._function, (number, *args), {})
        except BaseException:
            UNSEEN.leave()
            raise


def on_start(call: Call) -> Generator[Arguments, Outcome, None]:
    """Hand the function on with the context of the call."""
    yield call.with_argument("fn", _Launched(call.argument(0, "fn")))

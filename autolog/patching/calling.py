"""One observed call: what is told of it, how it is made, and how nothing of ours is seen around it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from types import CodeType, FrameType, TracebackType
from typing import Any, Protocol, TypeAlias, TypeVar

from autolog import guard

__all__ = [
    "SKIPPED",
    "UNSEEN",
    "Called",
    "Observation",
    "Observe",
    "Skips",
    "Watch",
    "Watched",
    "caller",
    "is_unseen",
    "make_call",
    "unseen",
]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class Called:
    """One call of a patched callable, before it is made.

    Args:
        wrapped: the original, bound where it is a method.
        instance: what a method was called on (the class, for a classmethod); None for a function.
        args: the positional arguments, without the instance. A function's defaults are already filled in.
        kwargs: the keyword arguments; not to be changed.
        name: as it was given to the `Patcher`.
    """

    wrapped: Callable[..., Any]
    instance: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    name: str


class Observation(Protocol):
    """What follows one call through: it says what to call with, and is told how the call ended, once.

    Args:
        args: the positional arguments to call with.
        kwargs: the keyword arguments to call with.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def done(self, result: Any) -> None:
        """Take what the call returned."""

    def failed(self, error: BaseException) -> None:
        """Take what the call raised; it goes on to the user whatever happens here."""


Observe: TypeAlias = Callable[[Called], "Observation | None"]
"""Asked before each call, on the calling thread; None: there is nothing to observe."""

Skips: TypeAlias = Callable[[Any], bool]
"""Says of a call that nobody is to be asked about it, given what a method is called on, a function's first argument.

It is quick, and none of its own errors gets out of it."""

Then: TypeAlias = "Callable[[Any, BaseException | None], object]"
"""Told once how a watched call ended: what it returned and None, or None and what it raised."""

Watch: TypeAlias = "Callable[[tuple[Any, ...], Mapping[str, Any]], Then | None]"
"""Told of each call of what is called a thousand times a second, before it is made; gives who is told of its end."""


class _Unseen:
    """Is in code of ours that stands around a call, by which that is known for ours.

    What it does costs nothing as long as no error passes through, in a loop of many calls too.
    """

    __slots__ = ()
    any = BaseException  # by a name that no module gives another meaning

    @staticmethod
    def leave() -> None:
        """Take the frame that has caught an error, and will raise it again, out of its traceback."""
        error = sys.exc_info()[1]
        if error is not None:
            _lead_on(error, _below(error))


def _below(error: BaseException) -> TracebackType | None:
    """Give the traceback of an error from below the frame that catches it."""
    return None if error.__traceback__ is None else error.__traceback__.tb_next


def _lead_on(error: BaseException, below: TracebackType | None) -> None:
    # not by assignment: the error's class may forbid that, as a frozen dataclass does
    BaseException.with_traceback(error, below)


class Watched:
    """What stands in the code of a watched function for all that this needs.

    Args:
        watch: told of each call.
        unless: says of a call that it is not to be told.
    """

    __slots__ = ("names", "original", "unless", "watch")
    ours, any = Exception, BaseException  # by names that no module gives another meaning
    original: Callable[..., Any]

    def __init__(self, watch: Watch, unless: Callable[[], bool] | None) -> None:
        self.watch = watch
        self.unless = unless
        self.names: dict[str, object] = {}  # what stands in the function's module

    def end(self) -> None:
        """Tell of no call any more."""
        self.watch = _unheard

    @staticmethod
    def failed(error: Exception) -> None:
        """Say that who was told has failed."""
        guard.failed("patching.watch", None, error)

    @staticmethod
    def raised(then: Then | None, error: BaseException) -> None:
        """Tell of an error that the call raised, from whose traceback the frame of the wrapper is taken out."""
        below = _below(error)
        if then is not None:
            guard.call("patching.raised", None, then, None, error)
        _lead_on(error, below)  # which whoever raised it again in there has made longer


def _unheard(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    return


UNSEEN = _Unseen()
SKIPPED = "importlib._bootstrap"  # what the `warnings` module looks for in the file name of frames to pass over


def unseen(function: F) -> F:
    """Have warnings pass over the frames of a function of ours when they look for the line to blame."""
    function.__code__ = function.__code__.replace(co_filename=f"<autolog {SKIPPED}>")
    return function


@unseen
def make_call(
    live: Sized,
    observe: Observe,
    skips: Skips | None,
    describe: Callable[..., Called],
    wrapped: Callable[..., Any],
    instance: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Make a call once, and have it observed.

    Args:
        live: the patches of which this is one; empty once they are undone.
        observe: what to ask.
        skips: says when not to.
        describe: makes the `Called` of the four that follow.
        wrapped: the original.
        instance: what a method was found on, as far as its wrapper knows.
        args: the positional arguments.
        kwargs: the keyword arguments.
    """
    observation = None
    if live and (skips is None or not skips(args[0] if instance is None and args else instance)):
        called = describe(wrapped, instance, args, kwargs)
        observation = guard.call("patching.observe", None, observe, called)
    if observation is None:
        try:
            return wrapped(*args, **kwargs)
        except BaseException:
            UNSEEN.leave()
            raise
    try:
        result = called.wrapped(*observation.args, **observation.kwargs)
    except BaseException as error:
        _tell(observation, error)
        raise
    guard.call("patching.done", None, observation.done, result)
    return result


def _tell(observation: Observation, error: BaseException) -> None:
    """Tell of an error that the call raised; a frame around it that held its traceback would keep all frames alive."""
    below = _below(error)
    _lead_on(error, below)
    guard.call("patching.failed", None, observation.failed, error)
    _lead_on(error, below)  # who raises it again there lengthens its traceback


def caller() -> FrameType | None:
    """Give the user's frame that made the observed call; to be asked by an observer, else the answer is None."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not make_call.__code__:
        frame = frame.f_back
    while frame is not None and is_unseen(frame.f_code):
        frame = frame.f_back
    return frame


def is_unseen(code: CodeType) -> bool:
    """Say whether a frame of this code is one of those that wrap a call of the user's."""
    named = any(name.startswith("_autolog_") for name in code.co_names[:1])
    return (
        named or SKIPPED in code.co_filename or any(each is UNSEEN or type(each) is Watched for each in code.co_consts)
    )

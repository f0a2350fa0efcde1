"""The one place where errors of ours end: they cost the record, never the program."""

from __future__ import annotations

import logging
import signal
import threading
import traceback
import warnings
from collections.abc import Callable
from typing import Final, ParamSpec, Protocol, TypeVar

from autolog.exceptions import AutologError, PluginError, RefusedError

__all__ = [
    "ENDING",
    "call",
    "contained",
    "describe",
    "failed",
    "forget",
    "is_users",
    "logger",
    "quietly",
    "refusable",
    "would_end",
]

logger = logging.getLogger("autolog")

ENDING: Final = (SystemExit, GeneratorExit)  # what ends a program and is no `Exception`, but for Ctrl-C
_MOST: Final = 1_000  # lines in a process; what fails in a loop with ever other words floods nothing
_said: set[str] = set()

P = ParamSpec("P")
T = TypeVar("T")


class Notes(Protocol):
    """What takes a note of what is missing from a record."""

    def note(self, text: str) -> None:
        """Add one line."""


def call(site: str, run: Notes | None, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Give `function(*args, **kwargs)`, or None where it raises an `Exception`.

    What a signal handler of the user's raises in the middle of it, a time limit for instance, is not ours: it passes.
    A test puts its own in the place of this function, to have a site fail.

    Args:
        site: a literal name of the calling place, unique in the source; reports name it.
        run: takes a note of what is missing.
        function: the work.
    """
    try:
        return function(*args, **kwargs)
    except Exception as error:
        failed(site, run, error)
        return None


def failed(site: str, run: Notes | None, error: Exception) -> None:
    """Say that a piece of ours has failed, as `call` does; to be asked where the error is being handled.

    It is for what is called too often for `call`, which takes as long as all that is done there.

    Args:
        site: a literal name of the place.
        run: takes a note of what is missing.
        error: what was raised; what a signal handler of the user's has raised is raised again.
    """
    if is_users(error):
        raise
    _report(site, run, error)


def is_users(error: BaseException) -> bool:
    """Say whether an error came out of a signal handler; these run between any two steps of the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return False
    handlers = filter(callable, map(signal.getsignal, signal.valid_signals()))
    codes = {getattr(getattr(handler, "__func__", handler), "__code__", None) for handler in handlers} - {None}
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))


def contained(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Give `function(*args, **kwargs)`, which is a plugin's or a backend's code and may not end the program.

    Raises:
        PluginError: it raised SystemExit or GeneratorExit, which are no `Exception`; all else passes as it is.
    """
    try:
        return function(*args, **kwargs)
    except ENDING as error:
        raise would_end(error) from error


def would_end(error: BaseException) -> PluginError:
    """Give what to raise in the place of one of `ENDING`, for who calls too often for `contained`."""
    return PluginError(f"its code would have ended the program: {describe(error)}")


def refusable(missing: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Give `function(*args, **kwargs)`, which is others' code and may refuse.

    Args:
        missing: what the record lacks then.
        function: the work.

    Raises:
        RefusedError: it raised an `Exception`; the message is a note for the run. Errors of ours, of the disk and of a
            signal handler of the user's pass as they are.
    """
    try:
        return function(*args, **kwargs)
    except (AutologError, OSError):
        raise
    except Exception as error:
        if is_users(error):
            raise
        raise RefusedError(f"{missing}: {describe(error)}") from error


def quietly(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Give `function(*args, **kwargs)`, which is others' code, without warnings that the user's program has not caused.

    To be called on the thread of the training only: filters are the process's.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


def _report(site: str, run: Notes | None, error: Exception) -> None:
    """Say what went wrong in each run and, where it is ours, to the logger once; an error on the way ends that."""
    try:
        refused = isinstance(error, RefusedError)
        text = str(error) if refused else f"{site} failed: {describe(error)}"
        if run is not None:
            run.note(text)
        if not refused and text not in _said and len(_said) < _MOST:
            _said.add(text)
            logger.warning("autolog: %s", text, exc_info=error if logger.isEnabledFor(logging.DEBUG) else None)
    except Exception:
        return


def forget() -> None:
    """Say again what has been said: a test begins."""
    _said.clear()


def describe(error: BaseException) -> str:
    """Give an error's type and message in one line; the message is the user's code where the class is."""
    try:
        message = " ".join(str(error).split())
    except Exception:
        message = "(its message cannot be read)"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__

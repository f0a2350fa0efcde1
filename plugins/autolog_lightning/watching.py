"""Which trainers are followed, and who is told of what they do; nothing is attached to a trainer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from autolog.capture.identity import ByIdentity
from autolog.capture.origins import origin_of, remember_loaded

if TYPE_CHECKING:
    from autolog_lightning.called import CalledModel
    from autolog_lightning.following import Following

__all__ = ["followed", "loading", "logged", "stage"]

_followed: Final = ByIdentity()

Then: TypeAlias = "Callable[[Any, BaseException | None], object]"


@contextmanager
def followed(trainer: object, following: Following) -> Iterator[None]:
    """Have somebody follow what a trainer does in the body of the `with`."""
    _followed[trainer] = following
    try:
        yield
    finally:
        _followed.pop(trainer)


def stage(called: CalledModel, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Then | None:
    """Take a call of `Trainer._run_stage()`: all is set up, and the loops begin."""
    following: Following | None = _followed.get(args[0])
    return None if following is None else following.begin(called)


def logged(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Take a call of `_LoggerConnector.log_metrics(metrics, step)`, which comes also where there are no loggers."""
    connector, metrics, step = args
    following: Following | None = _followed.get(connector.trainer)
    if following is not None:
        following.logged(connector, metrics, step)


def loading(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Then | None:
    """Take a call of `_load_from_checkpoint(cls, checkpoint_path, …)`, and remember whose model it gives."""
    path = args[1]
    origin = origin_of(path) if isinstance(path, (str, os.PathLike)) else None
    if origin is None:
        return None
    return lambda result, error: remember_loaded(result, origin) if error is None else None

"""How a model is called: looked at once, in the first call after the first step, and nothing is left behind on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from autolog.capture.signatures import parameters
from autolog_torch.described import autocast_type, signature_of
from autolog_torch.modules import bare

if TYPE_CHECKING:
    from autolog.patching.calling import Watch
    from autolog_torch.training import Training

__all__ = ["CalledModel"]

Watching = Callable[[Any, str, "Watch"], Callable[[], None]]


class CalledModel:
    """Waits for the next call of a training's model.

    All calls of modules are watched until then, at a microsecond each, and at the most until the next step: a hook on
    the model would be pickled and copied with it. Where something has been compiled, only the calls of compiled modules
    are, which lie outside of what is traced.

    Args:
        watch: watches a function, and gives what takes that back.
    """

    def __init__(self, watch: Watching) -> None:
        self._watch = watch
        self._undo: Callable[[], None] | None = None
        self._waiting: set[Training] = set()

    def wait(self, training: Training) -> None:
        """Begin to wait for the model of a training."""
        self._waiting.add(training)
        kind, name = _door()
        if kind is not None and self._undo is None:
            self._undo = self._watch(kind, name, self._called)

    def close(self, training: Training) -> None:
        """Wait no more for the model of a training."""
        training.is_waiting = False
        self._waiting.discard(training)
        if not self._waiting:
            undo, self._undo = self._undo, None
            if undo is not None:
                undo()

    def _called(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Callable[..., object] | None:
        model = bare(args[0])
        training = next((each for each in list(self._waiting) if each.models.takes_called(model)), None)
        if training is None or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
            return None
        self.close(training)
        names = parameters(type(model).forward)[1:]
        taken = {**dict(zip(names, args[1:], strict=False)), **kwargs}
        inputs = signature_of(taken, None)["inputs"]
        return partial(self._returned, training, inputs, autocast_type())

    def _returned(self, training: Training, inputs: Any, amp: str | None, result: Any, error: object) -> None:
        if error is None:
            training.params(amp=amp)
            training.log_signature({"inputs": inputs, "outputs": signature_of({}, result)["outputs"]})


def _door() -> tuple[Any, str]:
    """Give the function through which a model's calls go, and that no compiler looks into."""
    utilities, frames = sys.modules.get("torch._dynamo.utils"), sys.modules.get("torch._dynamo.eval_frame")
    if not getattr(utilities, "counters", {}).get("stats"):
        return nn.Module, "_wrapped_call_impl"
    return getattr(frames, "OptimizedModule", None), "__call__"

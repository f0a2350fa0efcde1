"""How a model is called: looked at once, in the first call after the first step, and nothing is left behind on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from autolog.capture.network_calls import Awaited, inputs_of, outputs_of
from autolog_torch.described import autocast_type
from autolog_torch.modules import bare

if TYPE_CHECKING:
    from autolog.patching.calling import Watch
    from autolog_torch.training import Training

__all__ = ["CalledModel"]


class CalledModel:
    """Waits for the next call of a training's model, and at the most until the next step.

    Args:
        watch: watches a function, and gives what takes that back.
    """

    def __init__(self, watch: Callable[[Any, str, Watch], Callable[[], None]]) -> None:
        self._awaited: Awaited[Training] = Awaited(watch, _door, self._called)

    def wait(self, training: Training) -> None:
        """Begin to wait for the model of a training."""
        self._awaited.add(training)

    def close(self, training: Training) -> None:
        """Wait no more for the model of a training."""
        training.is_waiting = False
        self._awaited.remove(training)

    def _called(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Callable[..., object] | None:
        model = bare(args[0])
        training = self._awaited.find(lambda each: each.models.takes_called(model))
        if training is None or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
            return None
        self.close(training)
        inputs = inputs_of(model, args[1:], kwargs, Tensor)
        return partial(self._returned, training, inputs, autocast_type())

    def _returned(self, training: Training, inputs: Any, amp: str | None, result: Any, error: object) -> None:
        if error is None:
            training.params(amp=amp)
            training.log_signature({"inputs": inputs, "outputs": outputs_of(result, Tensor)})


def _door() -> tuple[Any, str] | None:
    """Give the function through which a model's calls go, and that no compiler looks into: where something has been
    compiled, the calls of compiled modules lie outside of what is traced."""
    utilities, frames = sys.modules.get("torch._dynamo.utils"), sys.modules.get("torch._dynamo.eval_frame")
    if not getattr(utilities, "counters", {}).get("stats"):
        return nn.Module, "_wrapped_call_impl"
    compiled = getattr(frames, "OptimizedModule", None)
    return None if compiled is None else (compiled, "__call__")

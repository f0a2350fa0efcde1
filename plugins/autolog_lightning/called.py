"""How a trainer's model is called: what it takes and gives, by the first call of it in a fit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from autolog.capture.network_calls import Awaited, inputs_of, outputs_of

if TYPE_CHECKING:
    from autolog.patching.calling import Watch
    from autolog.recording.runs import ActiveRun

__all__ = ["AwaitedCall", "CalledModel"]


class AwaitedCall:
    """The call of a model that has not come yet.

    Args:
        model: it.
        run: takes the signature.
    """

    def __init__(self, model: nn.Module, run: ActiveRun) -> None:
        self.model = model
        self.run = run


class CalledModel:
    """Waits for the first call of a model that is fitted; none may come, where steps call parts of it alone.

    Args:
        watch: watches a function, and gives what takes that back.
    """

    def __init__(self, watch: Callable[[Any, str, Watch], Callable[[], None]]) -> None:
        self._awaited: Awaited[AwaitedCall] = Awaited(watch, _door, self._called)

    def wait(self, model: nn.Module, run: ActiveRun) -> Callable[[], None]:
        """Wait for the call of a model.

        Args:
            model: it.
            run: takes the signature.

        Returns:
            What ends that.
        """
        call = AwaitedCall(model, run)
        self._awaited.add(call)
        return partial(self._awaited.remove, call)

    def _called(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Callable[..., object] | None:
        model = args[0]
        call = self._awaited.find(lambda each: each.model is model)
        if call is None or _leads_elsewhere(model) or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
            return None
        self._awaited.remove(call)
        return partial(_returned, call.run, inputs_of(model, args[1:], kwargs, Tensor))


def _returned(run: ActiveRun, inputs: Any, result: Any, error: object) -> None:
    if error is None:
        run.log_facts("signature", {"inputs": inputs, "outputs": outputs_of(result, Tensor)})


def _leads_elsewhere(model: nn.Module) -> bool:
    """Say whether a call of a model is none of its `forward`: what trains in parallel has it lead to a step."""
    return type(vars(model).get("forward")) is FunctionType


def _door() -> tuple[Any, str] | None:
    """Give the function through which calls of modules go; not where something has been compiled, which would have to
    be compiled again."""
    utilities = sys.modules.get("torch._dynamo.utils")
    return None if getattr(utilities, "counters", {}).get("stats") else (nn.Module, "_wrapped_call_impl")

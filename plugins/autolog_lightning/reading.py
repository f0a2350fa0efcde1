"""Numbers out of tensors: at once on the CPU, many together where they lie on an accelerator that is waited for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch
from torch import Tensor

from autolog import clock

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["Numbers"]

_MOST: Final = 64  # steps that wait to be read


class _Waiting(NamedTuple):
    step: int
    moment: int
    values: Mapping[str, Any]


class Numbers:
    """Logs numbers in the order in which they are given.

    Args:
        run: takes them.
    """

    def __init__(self, run: ActiveRun) -> None:
        self._run = run
        self._waiting: list[_Waiting] = []

    def log(self, step: int, values: Mapping[str, Any], *, may_wait: bool) -> None:
        """Log the values of a step.

        Args:
            step: it.
            values: by name; numbers, or tensors of one element that nobody changes any more.
            may_wait: what lies on an accelerator need not be read now.
        """
        if may_wait and (self._waiting or not all(map(_is_at_hand, values.values()))):
            self._waiting.append(_Waiting(step, clock.now() // 1_000_000, values))
            if len(self._waiting) < _MOST:
                return
            values = {}
        if self._waiting:
            self.read()
        for name, value in values.items():
            self._run.log_metric(name, _number(value), step)

    def read(self) -> None:
        """Log all that waits: one transfer for all that lies on one device."""
        waiting, self._waiting = self._waiting, []
        numbers = _read([value for each in waiting for value in each.values.values()])
        for step, moment, values in waiting:
            for name, value in values.items():
                self._run.log_metric(name, numbers.get(id(value), value), step, moment)


def _is_at_hand(value: Any) -> bool:
    return not isinstance(value, Tensor) or value.is_cpu


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor) else value


def _read(values: list[Any]) -> dict[int, float]:
    """Give the numbers in those of the values that are tensors, by their identities."""
    alike: dict[Any, list[Tensor]] = {}
    for value in values:
        if isinstance(value, Tensor):
            alike.setdefault((value.device, value.dtype), []).append(value)
    return {
        id(value): number
        for tensors in alike.values()
        for value, number in zip(tensors, torch.stack([_flat(each) for each in tensors]).tolist(), strict=True)
    }


def _flat(value: Tensor) -> Tensor:
    return value.detach().reshape(())

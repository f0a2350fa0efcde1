"""Reads single numbers out of tensors, in order, and never waits for a device while the user's loop goes on.

What lies on the CPU is read at once. What lies on an accelerator is copied there, so that nobody changes it, sent to
the CPU a window at a time on the stream that the program uses, and read when the device says that it has arrived.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import torch
from torch import Tensor

__all__ = ["Readings", "value_of"]

_WINDOW: Final = 64  # values that are sent together

Take: TypeAlias = Callable[[float], object]


class _Sent(NamedTuple):
    values: Tensor
    event: Any


class Readings:
    """The numbers that a loop has given, in the order in which it gave them."""

    def __init__(self) -> None:
        self._copies: list[Tensor] = []
        self._sent: deque[_Sent] = deque()
        # for each number who takes it, with the number where it is known; what is only to be done then has no number
        self._waiting: deque[tuple[Callable[..., object], float | None, bool]] = deque()
        self.is_idle = True  # all numbers that were given are taken

    def read(self, tensor: Tensor, take: Take) -> None:
        """Have a number taken once it is known, which is now where it lies on the CPU.

        Args:
            tensor: it; of one element.
            take: given the number.
        """
        if tensor.is_cpu:
            self._when_read(take, value_of(tensor))
        elif not _is_capturing(tensor):
            self._defer(tensor, take)

    def after(self, act: Callable[[], object]) -> None:
        """Do something once all numbers that have been given so far are taken."""
        if self._waiting:
            self._waiting.append((act, None, False))
        else:
            act()

    def _when_read(self, take: Take, value: float) -> None:
        if self._waiting:
            self._waiting.append((take, value, False))
        else:
            take(value)

    def _defer(self, tensor: Tensor, take: Take) -> None:
        copy = tensor.detach().reshape(()).clone()
        if self._copies and (len(self._copies) >= _WINDOW or not _go_together(copy, self._copies[0])):
            self._send()
        self._copies.append(copy)
        self._waiting.append((take, None, True))
        self.is_idle = False
        self._take_arrived()

    def _send(self) -> None:
        copies, self._copies = self._copies, []
        device = copies[0].device
        module: Any = torch.get_device_module(device)
        values = torch.stack(copies).to("cpu", non_blocking=True)
        event = module.Event() if hasattr(module, "Event") else None
        if event is not None:
            event.record()
        self._sent.append(_Sent(values, event))

    def _take_arrived(self) -> None:
        while self._sent and self._sent[0].event is not None and self._sent[0].event.query():
            self._give(self._sent.popleft().values)

    def finish(self) -> None:
        """Wait for all that has been sent; the loop is over."""
        if self._copies:
            self._send()
        while self._sent:
            values, event = self._sent.popleft()
            if event is not None:
                event.synchronize()
            self._give(values)

    def _give(self, values: Tensor) -> None:
        numbers = iter(values.tolist())
        left = len(values)
        while self._waiting and (left or not self._waiting[0][2]):
            act, value, is_sent = self._waiting.popleft()
            if is_sent:
                left -= 1
                act(next(numbers))
            elif value is not None:
                act(value)
            else:
                act()
        self.is_idle = not self._waiting


def value_of(tensor: Tensor) -> float:
    """Give the number in a tensor of one element that lies on the CPU."""
    value: Any = tensor.tolist() if tensor.dim() == 0 else tensor.detach().reshape(()).tolist()
    return value  # type: ignore[no-any-return]


def _go_together(one: Tensor, other: Tensor) -> bool:
    return one.device == other.device and one.dtype == other.dtype


def _is_capturing(tensor: Tensor) -> bool:
    """Say whether a CUDA graph is being captured, in which nothing may be copied: its numbers are not known yet."""
    return tensor.is_cuda and torch.cuda.is_current_stream_capturing()

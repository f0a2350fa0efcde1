"""A loss that a backward pass began with, as the user means it: neither scaled for AMP nor divided for accumulation."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Container, Mapping
from types import FrameType
from typing import Any, Final

import torch
from torch import Tensor

from autolog_torch.reading import Readings
from autolog_torch.sites import Site, divisor_at, site_at

__all__ = ["Loss", "Scaled", "accumulated", "is_plain", "is_readable"]


class Loss:
    """A loss.

    Args:
        site: the place from which `backward` was called.
        name: the user's for it.
        divisor: what it was divided by last, None where it was not.
        size: the number of samples in its batch, 0 where that is not known.
        value: it, where it is known.
    """

    __slots__ = ("divisor", "is_counted", "leaf", "name", "site", "size", "value")

    def __init__(self, site: Site, name: str, divisor: float | None, size: int, value: float = 0.0) -> None:
        self.site = site
        self.name = name
        self.divisor = divisor
        self.size = size
        self.value = value
        self.is_counted = False  # in the mean of its epoch
        self.leaf: weakref.ref[Tensor] | None = None  # a parameter that it depends on, where that is asked for

    def take(self, value: float) -> None:
        """Take the value, once it is read."""
        self.value = value

    def is_of_others(self, parameters: Container[Tensor]) -> bool:
        """Say whether it is known to depend on a parameter that is none of these."""
        leaf = self.leaf() if self.leaf is not None else None
        return leaf is not None and leaf not in parameters

    @property
    def has_gradient(self) -> bool:
        """Say whether the parameter that it is known to depend on has a gradient."""
        leaf = self.leaf() if self.leaf is not None else None
        return leaf is not None and leaf.grad is not None

    def undivided(self, accumulated: Mapping[Site, int]) -> float:
        """Give the value as it was before it was divided by as many as are accumulated at its place."""
        return self.value if self.divisor != accumulated.get(self.site, 0) else self.value * self.divisor

    @classmethod
    def of(cls, tensor: Tensor, frame: FrameType, size: int, readings: Readings) -> Loss:
        """Make one of a tensor that is given to `backward`, or scaled for it; of several elements their mean.

        Args:
            tensor: it.
            frame: the user's.
            size: of its batch.
            readings: reads its value.
        """
        site = site_at(frame, tensor)
        if tensor.dim() and tensor.numel() != 1:
            return cls._of_mean(site, tensor.detach().mean(), size, readings)
        found = cls(site, site.name, None if site.is_plain else _divisor(tensor, site, frame), size)
        readings.read(tensor, found.take)
        return found

    @classmethod
    def _of_mean(cls, site: Site, mean: Tensor, size: int, readings: Readings) -> Loss:
        found = cls(site, f"{site.name}_mean", None, size)
        readings.read(mean, found.take)
        return found


class Scaled:
    """The loss that was scaled last, until it or the tensor that came of it is gone."""

    def __init__(self) -> None:
        self._entry: tuple[weakref.ref[Tensor], Tensor, Site, float | None] | None = None
        self.is_known = False  # there is one

    def put(self, scaled: Tensor, loss: Tensor, frame: FrameType) -> None:
        """Remember what was scaled, without its graph."""
        site = site_at(frame, loss)
        self._entry = weakref.ref(scaled, self._died), loss.detach(), site, _divisor(loss, site, frame)
        self.is_known = True

    def _died(self, reference: weakref.ref[Tensor]) -> None:
        if self._entry is not None and self._entry[0] is reference:
            self._entry, self.is_known = None, False

    def take(self, scaled: Tensor, size: int, readings: Readings) -> Loss | None:
        """Give the loss that a tensor came of by scaling, if it did."""
        entry = self._entry
        if entry is None or entry[0]() is not scaled:
            return None
        self._entry, self.is_known = None, False
        found = Loss(entry[2], entry[2].name, entry[3], size)
        readings.read(entry[1] if entry[1].numel() == 1 else entry[1].mean(), found.take)
        return found


_LOOKS: Final = 64  # losses in a row at one place that are not divided: after so many nobody looks any more


def _divisor(tensor: Tensor, site: Site, frame: FrameType) -> float | None:
    """Give the plain number that a tensor was divided by last, as it is written in the user's code.

    The graph is not asked: what it has saved it may have to compute again, as where it is checkpointed.
    """
    if type(tensor.grad_fn).__name__ != "DivBackward0":
        site.undivided += 1
        site.is_plain = site.undivided > _LOOKS and not site.is_shared
        return None
    site.undivided = 0
    return divisor_at(frame, site)


def accumulated(losses: list[Loss]) -> dict[Site, int]:
    """Say over how many backward passes gradients are accumulated, by the places where that shows.

    A loss that is divided by as many as there are backward passes to a step from its place was divided for that.

    Args:
        losses: of one step.
    """
    divisors: dict[Site, list[float | None]] = {}
    for loss in losses:
        divisors.setdefault(loss.site, []).append(loss.divisor)
    return {site: len(each) for site, each in divisors.items() if len(each) > 1 and set(each) == {len(each)}}


def is_readable(tensor: object) -> bool:
    """Say whether the number in a tensor may be read: not while a trace is made of what is done with it, nor where it
    stands for many, as under `vmap`."""
    return is_plain(tensor) and not tensor.is_complex() and not torch.jit.is_tracing() and not _is_transformed(tensor)  # type: ignore[attr-defined,no-untyped-call]


_functorch: Any = getattr(torch._C, "_functorch", None)  # noqa: SLF001 (torch has no public name for it)
_is_transformed: Final[Callable[[Any], bool]] = getattr(_functorch, "is_functorch_wrapped_tensor", lambda tensor: False)


def is_plain(tensor: object) -> bool:
    """Say whether something is a tensor with numbers of its own: not one that stands for such while code is traced, nor
    one that is spread over processes."""
    kind = type(tensor)
    return kind is Tensor or (issubclass(kind, Tensor) and kind.__torch_dispatch__ is Tensor.__torch_dispatch__)

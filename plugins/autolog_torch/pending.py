"""Losses that wait for the step that follows them: whose they are, and what becomes of those that none follows."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from autolog_torch.losses import Loss

__all__ = ["MOST", "Pending"]

MOST: Final = 1_000
"""Losses that wait for a step at the most."""


class Pending:
    """The losses, and the norms of their gradients, that no step has followed yet."""

    def __init__(self) -> None:
        self.losses: list[Loss] = []
        self.norms: list[Tensor] = []
        self.is_plain = True  # the next step follows from all of them, as in most loops
        self._stepping: tuple[int, int] | None = None  # an optimizer with a closure, and the losses before it

    def began(self, optimizer: Optimizer) -> None:
        """Take the beginning of a step: what `backward` is called for within it, a closure calls again and again."""
        self._stepping = id(optimizer), len(self.losses)
        self.is_plain = False

    def take_all(self) -> list[Loss]:
        """Give all losses, which wait no more."""
        taken, self.losses = self.losses, []
        return taken

    def take_left(self, parameters: Container[Tensor]) -> list[Loss]:
        """Give the losses that are not known to depend on others than these parameters, which wait no more."""
        waiting = self.take_all()
        self.losses = [loss for loss in waiting if loss.is_of_others(parameters)]
        return [loss for loss in waiting if not loss.is_of_others(parameters)]

    def take(self, optimizer: Optimizer, mine: Container[Tensor]) -> list[Loss]:
        """Give the losses that a step followed from: its own, or if all seem to be of others, all.

        A loss goes through several models where one judges the other, and only one of their parameters is looked at.

        Args:
            optimizer: that made the step.
            mine: its parameters.
        """
        self.losses = self._of_closure(optimizer)
        own = self.take_left(mine) or self.take_all()
        self.is_plain = not self.losses
        return own

    def _of_closure(self, optimizer: Optimizer) -> list[Loss]:
        """Give what waits; of what a closure computed in this step its first ones, which it returns."""
        losses, (number, before) = self.losses, self._stepping or (0, 0)
        self._stepping = None
        if number != id(optimizer):
            return losses
        first: dict[str, Loss] = {}
        for loss in losses[before:]:
            first.setdefault(loss.name, loss)
        return losses[:before] + list(first.values())

    def take_thrown(self, again: Loss) -> list[Loss]:
        """Give the losses whose gradients the user has thrown away instead of making a step, which wait no more.

        These are gone when `backward` is called from the same place again; other places may belong to one step, for
        which their gradients were put aside. A closure throws gradients away within its step.

        Args:
            again: a loss whose parameter has no gradient.
        """
        if self._stepping is not None or all(loss.site is not again.site for loss in self.losses):
            return []
        waiting = self.take_all()
        self.losses = [loss for loss in waiting if loss.has_gradient]
        if not self.losses:
            self.norms = []
        return [loss for loss in waiting if not loss.has_gradient]

    def skipped(self) -> None:
        """Forget what waits for a step that is not made, as where a scaler finds gradients that are no numbers."""
        self.losses, self.norms = [], []

    def clipped(self, norm: Tensor) -> None:
        """Take the norm that gradients had before they were clipped."""
        if len(self.norms) < MOST:
            self.norms.append(norm.detach())

    def take_norms(self) -> list[Tensor]:
        """Give the norms, which wait no more."""
        taken, self.norms = self.norms, []
        return taken

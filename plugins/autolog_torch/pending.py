"""Losses that wait for the step that follows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from autolog_torch.losses import Loss

__all__ = ["MOST", "Pending"]

MOST: Final = 1_000
"""Losses that no step has followed."""


class Pending:
    """The losses and the norms of gradients since the last step."""

    def __init__(self) -> None:
        self.losses: list[Loss] = []
        self.norms: list[Tensor] = []
        self.stepping: tuple[int, int] | None = None  # an optimizer with a closure, and the losses before it

    def began(self, optimizer: Optimizer) -> None:
        """Take the beginning of a step: what `backward` is called for within it, a closure calls again and again."""
        self.stepping = id(optimizer), len(self.losses)

    def take_all(self) -> list[Loss]:
        """Give all losses, which wait no more."""
        taken, self.losses = self.losses, []
        return taken

    def take(self, optimizer: Optimizer) -> list[Loss]:
        """Give the losses that a step followed from; where a closure computed them its first ones, which it returns."""
        losses, (number, before) = self.take_all(), self.stepping or (0, 0)
        self.stepping = None
        if number != id(optimizer) or len(losses) == before:
            return losses
        first: dict[str, Loss] = {}
        for loss in losses[before:]:
            first.setdefault(loss.name, loss)
        return losses[:before] + list(first.values())

    def clipped(self, norm: Tensor) -> None:
        """Take the norm that gradients had before they were clipped."""
        if len(self.norms) < MOST:
            self.norms.append(norm.detach())

    def take_norms(self) -> list[Tensor]:
        """Give the norms, which wait no more."""
        taken, self.norms = self.norms, []
        return taken

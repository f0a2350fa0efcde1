"""The numbers of epochs: the user's, or those of passes over the data that is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolog_torch.passes import Pass

__all__ = ["Epochs"]


class Epochs:
    """The epochs of a training.

    Where the user's count begins again, as in a second phase, it goes on from where it was; so it does after it.
    """

    def __init__(self) -> None:
        self.count = 0  # of those that are over
        self.number: int | None = None  # of the latest
        self._phases = 0  # of the optimizers at that time
        self._offset = 0  # of the user's numbers

    def number_of(self, top: Pass, phases: int) -> int:
        """Give the number of the epoch that a pass is, which it gets once.

        Args:
            top: the pass.
            phases: of the optimizers.
        """
        if top.number is None:
            top.number = self._next() if top.epoch is None else self._counted(top.epoch, phases)
            self.number, self._phases = top.number, phases
        return top.number

    def _next(self) -> int:
        return 0 if self.number is None else self.number + 1

    def _counted(self, epoch: int, phases: int) -> int:
        """Give the number for a user's, which may be that of the pass before: an epoch may go over several loaders."""
        if self.number is not None:
            number = epoch + self._offset
            if number < self.number or (number == self.number and phases != self._phases):
                self._offset = self.number + 1 - epoch
        return epoch + self._offset

"""The numbers of epochs: the user's, or those of passes over the data that is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolog_torch.passes import Pass

__all__ = ["Epochs"]


class Epochs:
    """The epochs of a training.

    Where the user's count begins again, as in a second phase, it goes on from where it was.
    """

    def __init__(self) -> None:
        self.count = 0  # of those that are over
        self.number: int | None = None  # of the latest
        self._last: tuple[int | None, int] = None, 0  # the user's number, and the phases that there were
        self._offset = 0

    def number_of(self, top: Pass, phases: int) -> int:
        """Give the number of a pass's epoch: the user's, or that of the passes before it.

        Args:
            top: the pass.
            phases: of the optimizers.
        """
        if top.epoch is None:
            self.number = self.count
        else:
            self.number = top.number = self._counted(top.epoch, phases) if top.number is None else top.number
        return self.number

    def _counted(self, epoch: int, phases: int) -> int:
        last, phase = self._last
        if last is not None and (epoch < last or (epoch == last and phase != phases)):
            self._offset += last + 1 - epoch if not self._offset else last + 1
        self._last = epoch, phases
        return epoch + self._offset

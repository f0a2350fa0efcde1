"""Losses that are computed without gradients: of which evaluation they are, and when that is over."""

from __future__ import annotations

from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from autolog_torch.passes import Mean, Pass
from autolog_torch.sites import split_at

if TYPE_CHECKING:
    from autolog_torch.loop import Loop
    from autolog_torch.training import Training

__all__ = ["Evaluations"]

_EARLY: Final = 8  # evaluations before the first training that wait for it


class Evaluations:
    """The evaluations in one thread: each is a pass over a loader, or lies in the window between two training steps.

    Args:
        loop: of the thread.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.window: dict[Any, tuple[str, Mean]] = {}  # losses outside of a loader's passes
        self._window_of: Training | None = None  # the training that there was when they were computed
        self._early: list[tuple[str, dict[Any, Mean], Pass | None]] = []
        self.last_split: str | None = None

    def wants_losses(self) -> bool:
        """Say whether a loss that is computed now may be one of an evaluation."""
        if not torch.is_grad_enabled():
            return True
        passes = self._loop.passes
        return bool(passes) and not passes[-1].trains

    def computed(self, key: tuple[Any, ...], loss: Tensor, size: int, frame: FrameType, *, is_sum: bool) -> None:
        """Take a loss that was computed and that may be of an evaluation.

        Args:
            key: the loss function's name, and the place that called it.
            loss: its result.
            size: the number of samples, where no loader tells it.
            frame: the user's.
            is_sum: it is a sum over the samples.
        """
        passes = self._loop.passes
        top = passes[-1] if passes else None
        if top is not None and not top.trains:
            mean, size = top.losses.setdefault((*key, loss.requires_grad), Mean()), top.size or size
            self._add(mean, loss, size, is_sum)
        elif top is not None and size == top.size and split_at(frame) in (None, "train"):
            mean = Mean()
            self._add(mean, loss, size, is_sum)
            self._of_batch({(*key, False): mean}, top)
        else:
            self._add(self._in_window(key, split_at(frame) or "eval"), loss, size, is_sum)

    def _add(self, mean: Mean, loss: Tensor, size: int, is_sum: bool) -> None:
        self._loop.readings.read(loss, partial(mean.add, size=size, is_sum=is_sum))

    def _in_window(self, key: tuple[Any, ...], split: str) -> Mean:
        self._window_of = self._loop.training
        return self.window.setdefault((split, *key), (split, Mean()))[1]

    def trains(self, top: Pass) -> None:
        """Take that a pass trains, which was not known before: what was computed on it is of its batches."""
        losses, top.losses = top.losses, {}
        self._of_batch({key: mean for key, mean in losses.items() if not key[-1]}, top)

    def _of_batch(self, losses: dict[Any, Mean], top: Pass) -> None:
        """Take losses without gradients of a batch that is trained on, as what users print is."""
        training = self._loop.training
        if training is not None and losses:
            self._loop.readings.after(partial(training.losses.of_batch, training.steps, losses, top))

    def close_window(self) -> None:
        """Take what was computed since the last training step as an evaluation of each kind of data."""
        self._loop.places.decide()
        window, self.window = self.window, {}
        splits: dict[str, dict[Any, Mean]] = {}
        for (_, *key), (split, mean) in window.items():
            splits.setdefault(split, {})[tuple(key)] = mean
        for split, losses in splits.items():
            self._evaluated(split, losses, None, self._window_of)

    def passed(self, top: Pass) -> None:
        """Take the end of a pass on which nothing was trained."""
        training = self._loop.training
        self._evaluated(top.split or "val", top.losses, top, None if training is None or training.is_gone else training)

    def _evaluated(self, split: str, losses: dict[Any, Mean], top: Pass | None, training: Training | None) -> None:
        split = "train_eval" if split == "train" else split
        self.last_split = split
        around = next((each for each in self._loop.passes if each.trains), None)
        self._loop.readings.after(partial(self._read, training, split, losses, top, around))

    def _read(
        self,
        training: Training | None,
        split: str,
        losses: dict[Any, Mean],
        top: Pass | None,
        around: Pass | None,
    ) -> None:
        if training is not None:
            training.evaluated(split, losses, top, around)
        elif len(self._early) < _EARLY:
            self._early.append((split, losses, top))

    def give_early(self, training: Training) -> None:
        """Give the evaluations that were made before it to the first training."""
        self._early, early = [], self._early
        for split, losses, top in early:
            training.evaluated(split, losses, top, None)

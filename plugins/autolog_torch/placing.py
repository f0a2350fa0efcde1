"""Which training an optimizer belongs to: the one that there is, or one that begins with it."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Final

from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import get_worker_info

from autolog import guard
from autolog.capture.identity import ByIdentity
from autolog.recording import context
from autolog_torch import modules
from autolog_torch.beginnings import Beginning, Beginnings
from autolog_torch.lines import Line
from autolog_torch.losses import Loss
from autolog_torch.optimizers import is_within_another, parameters_of
from autolog_torch.passes import Pass
from autolog_torch.ranks import Follower, publish, rank
from autolog_torch.sites import name_of
from autolog_torch.training import Training

if TYPE_CHECKING:
    from autolog.capture.here import Here
    from autolog_torch.loop import Loop

__all__ = ["Places"]

_UNDECIDED: Final = 128  # steps that an optimizer may make while it is open whether the one before it is done


class _Undecided:
    """An optimizer of which it is not known yet whether it trains in turn with others, or after them."""

    def __init__(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        self.optimizer = weakref.ref(optimizer)
        self.steps: list[tuple[list[Loss], Pass | None]] = []
        self.name = name_of(optimizer, frame)


class Places:
    """Where the optimizers of one thread belong.

    Args:
        loop: of the thread.
        here: gives the place in the program where it is called.
    """

    def __init__(self, loop: Loop, here: Callable[[], Here]) -> None:
        self._loop = loop
        self._here = here
        self._inner = ByIdentity()
        self.lines: dict[int, tuple[weakref.ref[Optimizer], Training, Line]] = {}
        self.undecided: dict[int, _Undecided] = {}
        self._beginnings = Beginnings()
        self.open: set[Training] = set()

    # ---- trainings

    def begin(self, tensor: Tensor, frame: FrameType) -> None:
        """Begin a training with a loss, unless the one that there is trains the same parameters."""
        here = self._here()
        if here.is_silent or not here.records:
            return
        leaf = modules.leaf_of(tensor, [])
        wanted = [] if leaf is None else [leaf]
        now = self._loop.training
        if now is not None and not now.is_over(here.enclosing_run) and (leaf is None or now.trains(wanted)):
            return
        self._loop.end_waiting(None)
        self._new_training(here, frame, wanted)
        if self._loop.training is not None:
            self._loop.evaluations.give_early(self._loop.training)

    def _new_training(self, here: Here, frame: FrameType | None, wanted: Iterable[Tensor]) -> None:
        loop = self._loop
        if rank():
            loop.follower = Follower(here) if not here.is_silent and here.records else None
            return
        before, beginning = loop.training, Beginning.at(frame, here.enclosing_run)
        if before is not None and before.gathers and before.beginning == beginning and not before.run.ended:
            before.parameters.add(wanted)
            return
        loop.training = None
        if before is not None and before.is_idle:
            before.end_with(None)
        loop.loss_functions.clear()
        if not here.is_silent and here.records and get_worker_info() is None:
            gathers = self._beginnings.are_many(beginning, before)
            loop.training = Training(here, loop, frame, wanted, beginning, gathers=gathers)
            self.open.add(loop.training)
            guard.call("torch.publish", loop.training.run, publish, loop.training.run)

    def closed(self, training: Training) -> None:
        """Let go of a training that has ended."""
        self.open.discard(training)

    # ---- optimizers

    def line_of(self, optimizer: Optimizer) -> tuple[Training, Line] | None:
        """Give where an optimizer belongs, None where that is not known."""
        known = self.lines.get(id(optimizer))
        return None if known is None or known[0]() is not optimizer else known[1:]

    def place(self, optimizer: Optimizer, top: Pass | None, frame: FrameType | None) -> None:
        """Find where an optimizer belongs, and record its step there."""
        if self._is_inner(optimizer, frame):
            return
        mine = parameters_of(optimizer)
        losses = self._loop.pending.take(optimizer, modules.ParameterSet(mine))
        waiting = self.undecided.get(id(optimizer))
        if waiting is not None and waiting.optimizer() is optimizer:
            waiting.steps.append((losses, top))
            if len(waiting.steps) >= _UNDECIDED:
                self.decide()
            return
        now = self._loop.training
        if now is None or now.is_over(context.current_run()) or (now.is_idle and not now.trains(mine)):
            self.decide()
            self._new_training(self._here(), frame, mine)
        elif now.lines and not now.trains(mine):
            self.decide()
            undecided = self.undecided[id(optimizer)] = _Undecided(optimizer, frame)
            undecided.steps.append((losses, top))
            return
        if self._loop.training is not None:
            self._join(self._loop.training, optimizer, losses, top, name_of(optimizer, frame), frame)

    def _is_inner(self, optimizer: Optimizer, frame: FrameType | None) -> bool:
        """Say whether an optimizer is a part of another, whose step is the one to be counted."""
        if self._inner.get(optimizer) is None:
            self._inner[optimizer] = is_within_another(optimizer, frame)
        return self._inner.get(optimizer) is True

    def _join(
        self,
        training: Training,
        optimizer: Optimizer,
        losses: list[Loss],
        top: Pass | None,
        name: str | None,
        frame: FrameType | None,
    ) -> None:
        line = training.joined(optimizer, name)
        if not training.gathers:
            training.models.find(parameters_of(optimizer), frame)
        forget = partial(self._forget, id(optimizer))
        self.lines[id(optimizer)] = weakref.ref(optimizer, forget), training, line
        self._loop.record(training, line, optimizer, losses, top)

    def _forget(self, number: int, reference: object) -> None:
        known = self.lines.get(number)
        if known is not None and known[0] is reference:
            del self.lines[number]

    def decide(self, *, together: bool = False) -> None:
        """Record what optimizers did of which it was not known where they belong.

        Those that stepped in a pass in which older ones did too train in turn with these; else each is a training.

        Args:
            together: an older one has stepped again.
        """
        while self.undecided:
            each = self.undecided.pop(next(iter(self.undecided)))
            optimizer = each.optimizer()
            if optimizer is not None:
                in_turn = together or any(top is not None and top.steps for _, top in each.steps)
                self._settle(each, optimizer, together=in_turn)

    def _settle(self, undecided: _Undecided, optimizer: Optimizer, *, together: bool) -> None:
        frame = sys._getframe()  # noqa: SLF001 (documented)
        if not together:
            self._new_training(self._here(), frame, parameters_of(optimizer))
        training = self._loop.training
        if training is None:
            return
        (losses, top), *others = undecided.steps
        self._join(training, optimizer, losses, top, undecided.name, frame)
        line = self.lines[id(optimizer)][2]
        for losses, top in others:
            training.stepped(line, optimizer, losses, top)

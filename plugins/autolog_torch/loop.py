"""Recognises a training loop by the signals that it gives: which pass, which epoch, which training, which run.

The signals are: a loader is iterated, gives a batch, or is exhausted; a loss is computed without gradients; `backward`
is called; an optimizer steps. Each thread has a loop of its own.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import get_worker_info

from autolog import guard
from autolog.capture.identity import ByIdentity
from autolog.recording import context
from autolog_torch import modules
from autolog_torch.losses import Loss, Scaled
from autolog_torch.optimizers import parameters_of
from autolog_torch.passes import Mean, Pass
from autolog_torch.ranks import Follower, publish, rank
from autolog_torch.reading import Readings
from autolog_torch.sites import Site, epoch_at, name_of, split_at
from autolog_torch.training import Line, Training

if TYPE_CHECKING:
    from autolog.capture.here import Here
    from autolog.recording.runs import ActiveRun
    from autolog_torch.called import CalledModel

__all__ = ["Loop"]

_UNDECIDED: Final = 128  # steps that an optimizer may make while it is open whether the one before it is done
_EARLY: Final = 8  # evaluations before the first training that wait for it
_PENDING: Final = 1_000  # losses that no step has followed


class _Undecided:
    """An optimizer of which it is not known yet whether it trains in turn with others, or after them."""

    def __init__(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        self.optimizer = weakref.ref(optimizer)
        self.steps: list[tuple[list[Loss], Pass | None]] = []
        self.name = name_of(optimizer, frame)


class Loops(threading.local):
    """The loop of each thread."""

    def __init__(self) -> None:
        self.loop = Loop()

    def forked(self) -> None:
        """Forget the parent's loop, in a forked child."""
        self.loop = Loop()


class Loop:
    """What is known of the loop in one thread."""

    _here: Callable[[], Here]
    _called: CalledModel

    @classmethod
    def set_up(cls, here: Callable[[], Here], called: CalledModel) -> None:
        """Set up the loops of all threads.

        Args:
            here: gives the place in the program where it is called.
            called: waits for the call of a model.
        """
        cls._here, cls._called = staticmethod(here), called

    def __init__(self) -> None:
        self.readings = Readings()
        self.scaled = Scaled()
        self.passes: list[Pass] = []  # that are under way, the one that gave a batch last at the end
        self._by_iterator = ByIdentity()
        self._pending: list[Loss] = []
        self._lines: dict[int, tuple[weakref.ref[Optimizer], Training, Line]] = {}
        self._undecided: dict[int, _Undecided] = {}
        self.training: Training | None = None
        self._window: dict[Any, tuple[str, Mean]] = {}  # losses without gradients, outside of a loader's passes
        self._window_of: Training | None = None  # the training that there was when they were computed
        self._stepping: tuple[int, int] | None = None  # an optimizer with a closure, and the losses before it
        self._early: list[tuple[str, dict[Any, Mean], Pass | None]] = []
        self._open: set[Training] = set()
        self._clipped: list[Tensor] = []
        self.loss_functions: set[str] = set()
        self._used: dict[str, Any] = {}
        self._last_split: str | None = None
        self.epochs_set = ByIdentity()
        self.follower: Follower | None = None  # where another process records the run

    def use(self, **params: Any) -> None:
        """Take params of the training that this belongs to, which the next step shows."""
        if any(self._used.get(name) != value for name, value in params.items()):
            self._used.update(params)

    # ---- backward and step

    def backward(self, tensor: Tensor, frame: FrameType, site: Site | None) -> None:
        """Take a call of `backward`.

        Args:
            tensor: what it was called on.
            frame: the user's.
            site: where that stands, if it is known.
        """
        if self.follower is not None:
            return
        passes, training, pending = self.passes, self.training, self._pending
        top = passes[-1] if passes else None
        size = top.size if top is not None else 0
        # most losses are like the one before
        if tensor.is_complex():
            return
        usual = site is not None and site.is_plain and not self.scaled.is_known and self.readings.is_idle
        if usual and tensor.is_cpu and not tensor.dim():
            loss = Loss(site.name, None, size, tensor.tolist())  # type: ignore[union-attr,arg-type]
        else:
            loss = self._new_loss(tensor, frame, size)
        if self._window:
            self._close_window()
        if training is None or training.is_idle:
            self._begin(tensor, frame)
        if top is not None:
            top.backwards += 1
            if top.losses:
                top.losses.clear()
        pending.append(loss)
        if len(pending) > _PENDING:
            self._take_unstepped(top)

    def _take_unstepped(self, top: Pass | None) -> None:
        """Take each loss as a step of its own, where no optimizer steps: the user updates parameters by hand."""
        pending, self._pending = self._pending, []
        if self.training is not None and not self.training.has_stepped:
            self.readings.after(partial(self.training.unstepped, pending, top))

    def _new_loss(self, tensor: Tensor, frame: FrameType, size: int) -> Loss:
        return self.scaled.take(tensor, size, self.readings) or Loss.of(tensor, frame, size, self.readings)

    def _begin(self, tensor: Tensor, frame: FrameType) -> None:
        """Begin a training, unless the one that there is trains the same parameters."""
        here = self._here()
        if here.is_silent or not here.records:
            return
        leaf = modules.leaf_of(tensor)
        wanted = [] if leaf is None else [leaf]
        now = self.training
        if now is not None and not now.is_over(here.enclosing_run) and (leaf is None or now.trains(wanted)):
            return
        self._new_training(here, frame, wanted)
        if self.training is None:
            return
        self._early, early = [], self._early
        for split, losses, top in early:
            self.training.evaluated(split, losses, top, None)

    def stepping(self, optimizer: Optimizer) -> None:
        """Take the beginning of a step: what `backward` is called for within it, a closure calls again and again."""
        self._stepping = id(optimizer), len(self._pending)

    def skipped(self) -> None:
        """Forget the losses of a step that is not made, as where a scaler finds gradients that are no numbers."""
        self._pending = []

    def scheduled(self, optimizer: Optimizer) -> None:
        """Take the scheduler that an optimizer has from now on."""
        known = self._lines.get(id(optimizer))
        if known is not None and known[0]() is optimizer:
            known[1].tell_of_scheduler(optimizer, known[2])

    def stepped(self, optimizer: Optimizer, run: ActiveRun | None) -> None:
        """Take a step that was made.

        Args:
            optimizer: it.
            run: the run of the context.
        """
        if self.follower is not None:
            if self.follower.run is None:
                self.follower.find()
            return
        losses = self._pending if self._stepping is None else self._losses_of_step(optimizer)
        self._pending = []
        known = self._lines.get(id(optimizer))
        top = self.passes[-1] if self.passes else None
        if known is None or known[0]() is not optimizer or known[1].is_over(run):
            self._place(optimizer, losses, top, sys._getframe())  # noqa: SLF001 (documented)
            return
        _, training, line = known
        self.training = training
        if self._undecided:
            self._decide(together=True)
        if self._clipped or self._used or training.is_waiting:
            self._record(training, line, optimizer, losses, top)
        else:
            training.stepped(line, optimizer, losses, top)

    def _losses_of_step(self, optimizer: Optimizer) -> list[Loss]:
        """Give the losses that a step followed from; where a closure computed them its first ones, which it returns."""
        (number, before), self._stepping = self._stepping or (0, 0), None
        if number != id(optimizer) or len(self._pending) == before:
            return self._pending
        first: dict[str, Loss] = {}
        for loss in self._pending[before:]:
            first.setdefault(loss.name, loss)
        return self._pending[:before] + list(first.values())

    def _record(
        self, training: Training, line: Line, optimizer: Optimizer, losses: list[Loss], top: Pass | None
    ) -> None:
        if self._clipped:
            clipped, self._clipped = self._clipped, []
            for norm in clipped:
                self.readings.read(
                    norm, partial(training.series.add_of_step, line.prefixed("grad_norm"), step=line.steps)
                )
        training.stepped(line, optimizer, losses, top)
        if self._used:
            self._used, used = {}, self._used
            training.params(**used)
        if training.awaits_call:
            training.awaits_call, training.is_waiting = False, True
            self._called.wait(training)
        elif training.is_waiting:
            self._called.close(training)

    # ---- which training an optimizer belongs to

    def _place(self, optimizer: Optimizer, losses: list[Loss], top: Pass | None, frame: FrameType | None) -> None:
        waiting = self._undecided.get(id(optimizer))
        if waiting is not None and waiting.optimizer() is optimizer:
            waiting.steps.append((losses, top))
            if len(waiting.steps) >= _UNDECIDED:
                self._decide()
            return
        mine = parameters_of(optimizer)
        now = self.training
        if now is None or now.is_over(context.current_run()) or (now.is_idle and not now.trains(mine)):
            self._decide()
            self._new_training(self._here(), frame, mine)
        elif now.lines and not now.trains(mine):
            self._decide()
            undecided = self._undecided[id(optimizer)] = _Undecided(optimizer, frame)
            undecided.steps.append((losses, top))
            return
        if self.training is not None:
            self._join(self.training, optimizer, losses, top, name_of(optimizer, frame), frame)

    def _new_training(self, here: Here, frame: FrameType | None, wanted: list[Tensor]) -> None:
        if rank():
            self.follower = Follower(here) if not here.is_silent and here.records else None
            return
        before, self.training = self.training, None
        if before is not None and before.is_idle:
            before.end_with(None)
        self.loss_functions.clear()
        if not here.is_silent and here.records and get_worker_info() is None:
            self.training = Training(here, self, frame, wanted)
            self._open.add(self.training)
            guard.call("torch.publish", self.training.run, publish, self.training.run)

    def closed(self, training: Training) -> None:
        """Let go of a training that has ended."""
        self._open.discard(training)

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
        training.find_models(parameters_of(optimizer), frame)
        forget = partial(self._forget, id(optimizer))
        self._lines[id(optimizer)] = weakref.ref(optimizer, forget), training, line
        self._record(training, line, optimizer, losses, top)

    def _forget(self, number: int, reference: object) -> None:
        known = self._lines.get(number)
        if known is not None and known[0] is reference:
            del self._lines[number]

    def _decide(self, *, together: bool = False) -> None:
        """Record what optimizers did of which it was not known where they belong.

        Those that stepped in a pass in which older ones did too train in turn with these; else each is a training.

        Args:
            together: an older one has stepped again.
        """
        while self._undecided:
            each = self._undecided.pop(next(iter(self._undecided)))
            optimizer = each.optimizer()
            if optimizer is not None:
                in_turn = together or any(top is not None and top.steps for _, top in each.steps)
                self._settle(each, optimizer, together=in_turn)

    def _settle(self, undecided: _Undecided, optimizer: Optimizer, *, together: bool) -> None:
        frame = sys._getframe()  # noqa: SLF001 (documented)
        if not together:
            self._new_training(self._here(), frame, parameters_of(optimizer))
        training = self.training
        if training is None:
            return
        (losses, top), *others = undecided.steps
        self._join(training, optimizer, losses, top, undecided.name, frame)
        line = self._lines[id(optimizer)][2]
        for losses, top in others:
            training.stepped(line, optimizer, losses, top)

    # ---- passes over loaders

    def iterated(self, loader: Any, iterator: Any, frame: FrameType | None) -> None:
        """Take the beginning of a pass over a loader; an older one over the same loader is over."""
        for each in [each for each in self.passes if each.loader() is loader]:
            self._end(each)
        number = self.epochs_set.get(loader.sampler)
        top = Pass(loader, split_at(frame, loader), epoch_at(frame) if number is None else number)
        self._by_iterator[iterator] = top
        top.iterator = weakref.ref(iterator)
        top.at_end = self._ended
        weakref.finalize(iterator, self._freed, weakref.ref(top)).atexit = False
        self.passes.append(top)

    def _freed(self, reference: weakref.ref[Pass]) -> None:
        guard.call("torch.freed", None, self._abandoned, reference)

    def _abandoned(self, reference: weakref.ref[Pass]) -> None:
        top = reference()
        if top is not None:
            self._end(top)

    def pass_of(self, iterator: Any) -> Pass | None:
        """Give the pass that an iterator makes, which now is the innermost."""
        passes = self.passes
        if passes and passes[-1].iterator() is iterator:
            return passes[-1]
        found: Pass | None = self._by_iterator.get(iterator)
        if found is not None and passes and passes[-1] is not found and found in passes:
            passes.remove(found)
            passes.append(found)
        return found

    def _ended(self, top: Pass) -> None:
        """Take the end of a pass: there are no more batches."""
        top.is_complete = True
        self._end(top)

    def _end(self, top: Pass) -> None:
        if top not in self.passes:
            return
        self.passes.remove(top)
        self._decide()
        training = self.training
        if top.trains and training is not None:
            if not top.steps:
                self._take_unstepped(top)
            self.readings.after(partial(training.count_left, list(self._pending), top))
            training.passed(top)
        elif top.losses:
            present = None if training is None or training.is_gone else training
            self._evaluated(top.split or "val", top.losses, top, present)

    def _evaluated(self, split: str, losses: dict[Any, Mean], top: Pass | None, training: Training | None) -> None:
        split = "train_eval" if split == "train" else split
        self._last_split = split
        around = next((each for each in self.passes if each.trains), None)
        self.readings.after(partial(self._evaluation_read, training, split, losses, top, around))

    def _evaluation_read(
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

    # ---- losses without gradients

    def wants_losses(self) -> bool:
        """Say whether a loss that is computed now may be one of an evaluation."""
        if not torch.is_grad_enabled():
            return True
        return bool(self.passes) and not self.passes[-1].trains

    def computed(self, key: tuple[Any, ...], loss: Tensor, size: int, frame: FrameType, *, is_sum: bool) -> None:
        """Take a loss that was computed and that may be of an evaluation.

        Args:
            key: the loss function's name, and the place that called it.
            loss: its result.
            size: the number of samples, where no loader tells it.
            frame: the user's.
            is_sum: it is a sum over the samples.
        """
        top = self.passes[-1] if self.passes else None
        if top is not None and not top.trains:
            mean = top.losses.setdefault(key, Mean())
            self.readings.read(loss, partial(mean.add, size=top.size or size, is_sum=is_sum))
            return
        self._window_of = self.training
        split = split_at(frame) or "eval"
        _, mean = self._window.setdefault((split, *key), (split, Mean()))
        self.readings.read(loss, partial(mean.add, size=size, is_sum=is_sum))

    def _close_window(self) -> None:
        self._decide()
        window, self._window = self._window, {}
        splits: dict[str, dict[Any, Mean]] = {}
        for (_, *key), (split, mean) in window.items():
            splits.setdefault(split, {})[tuple(key)] = mean
        for split, losses in splits.items():
            self._evaluated(split, losses, None, self._window_of)

    # ---- what else is told

    def clipped(self, norm: Tensor) -> None:
        """Take the norm that gradients had before they were clipped."""
        if len(self._clipped) < _PENDING:
            self._clipped.append(norm.detach())

    def measured(self, name: str, value: float | Tensor, step: int | None, source: str) -> None:
        """Take a value that the user shows or logs elsewhere.

        Args:
            name: the user's.
            value: it.
            step: the user's, if there is one; else the step that the training is at is taken.
            source: where it is shown; the name of a loss's series begins with it then.
        """
        training = self.training
        if training is None:
            return
        name = f"{source}_{name}" if training.has_loss(name) else name
        add = partial(training.series.add, name, step=max(training.steps - 1, 0) if step is None else step)
        if isinstance(value, Tensor):
            self.readings.read(value, add)
        else:
            add(value)

    def metric(self, name: str, value: Tensor) -> None:
        """Take what a metric of torchmetrics has computed."""
        if self.training is not None:
            split = next((each.split for each in self.passes if not each.trains), None) or self._last_split
            add = partial(self.training.measured, f"{split}_{name}" if split else name)
            self.readings.read(value, add)

    def saved(self, path: Path) -> None:
        """Take a file that `torch.save` has written."""
        if self.training is not None:
            self.training.saved(path)

    def finish(self) -> None:
        """Record what waits: the run ends."""
        self._decide()
        self._take_unstepped(None)
        if self._window:
            self._close_window()
        if self.training is not None and not self.training.is_gone:  # else what is under way is not of this one
            for top in [each for each in reversed(self.passes) if each.losses and not each.trains]:
                self._end(top)

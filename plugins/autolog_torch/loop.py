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
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.optim import Optimizer

from autolog_torch import modules
from autolog_torch.evaluations import Evaluations
from autolog_torch.lines import Line
from autolog_torch.losses import Loss, Scaled
from autolog_torch.passes import Pass
from autolog_torch.pending import MOST, Pending
from autolog_torch.placing import Places
from autolog_torch.ranks import Follower
from autolog_torch.reading import Readings
from autolog_torch.sites import Site
from autolog_torch.training import Training
from autolog_torch.underway import UnderWay

if TYPE_CHECKING:
    from autolog.capture.here import Here
    from autolog.recording.runs import ActiveRun
    from autolog_torch.called import CalledModel

__all__ = ["Loop", "Loops"]


class Loops(threading.local):
    """The loop of each thread."""

    def __init__(self) -> None:
        self.loop = Loop()

    def forked(self) -> None:
        """Forget the parent's loops, in a forked child."""
        self.loop = Loop()
        Training.unsettled.clear()


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
        self.pending = Pending()
        self.evaluations = Evaluations(self)
        self.under_way = UnderWay(self)
        self.passes = self.under_way.passes
        self.places = Places(self, self._where)
        self._lines = self.places.lines
        self.training: Training | None = None
        self.loss_functions: set[str] = set()
        self._used: dict[str, Any] = {}
        self.follower: Follower | None = None  # where another process records the run

    def _where(self) -> Here:
        return self._here()

    def use(self, **params: Any) -> None:
        """Take params of the training that this belongs to, which the next step shows."""
        if any(self._used.get(name) != value for name, value in params.items()):
            self._used.update(params)

    def use_function(self, name: str, settings: dict[str, Any]) -> None:
        """Take a loss function of the training that this belongs to, which the next step shows."""
        self._used.setdefault("loss_functions", {})[name] = settings

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
        passes, training, pending = self.passes, self.training, self.pending.losses
        top = passes[-1] if passes else None
        size = top.size if top is not None else 0
        # most losses are like the one before
        if tensor.is_complex():
            return
        usual = site is not None and site.is_plain and not self.scaled.is_known and self.readings.is_idle
        if usual and tensor.is_cpu and not tensor.dim():
            loss = Loss(site, site.name, None, size, tensor.tolist())  # type: ignore[union-attr,arg-type]
        else:
            loss = self._new_loss(tensor, frame, size)
        if self.evaluations.window:
            self.evaluations.close_window()
        if training is None or training.is_idle:
            self.places.begin(tensor, frame)
        if pending or len(self._lines) != 1 or self.places.undecided or loss.site.is_shared:
            self._is_one_of_many(loss, tensor, top)
        if top is not None:
            top.backwards += 1
            if top.losses:
                self.evaluations.trains(top)
        self.pending.losses.append(loss)

    def backward_all(self, tensors: list[Tensor], frame: FrameType) -> None:
        """Take a call of `backward` on any number of tensors, by a place that is not known yet.

        Args:
            tensors: those.
            frame: the user's.
        """
        for tensor in tensors[:1]:
            self.backward(tensor, frame, None)
        if self.follower is None:
            size = self.passes[-1].size if self.passes else 0
            self.pending.losses += [self._new_loss(each, frame, size) for each in tensors[1:]]

    def _is_one_of_many(self, loss: Loss, tensor: Tensor, top: Pass | None) -> None:
        """Take a loss besides which others wait, or where it is open whose it is."""
        pending, site, training = self.pending, loss.site, self.training
        pending.is_plain = False
        before, leaf = site.leaf, modules.leaf_of(tensor, site.path)
        loss.leaf = site.leaf = None if leaf is None else weakref.ref(leaf)
        if not pending.losses:
            return
        first, last = pending.losses[0], pending.losses[-1]
        first.leaf = first.leaf or (before if first.site is site else first.site.leaf)
        if last.site is site and last.leaf is not loss.leaf:
            site.is_shared, site.is_plain = True, False
        if leaf is not None and leaf.grad is None:
            self._unused(pending.take_thrown(loss))
        is_left = first.is_counted and top is not None and not top.backwards  # by a pass that is over
        if len(pending.losses) >= MOST or (is_left and training is not None and not training.has_stepped):
            self.end_waiting(top)

    def end_waiting(self, top: Pass | None) -> None:
        """Let losses wait for a step no more: each is one, where the user updates parameters by hand, and none steps.

        Args:
            top: the pass in which they may still be counted.
        """
        training = self.training
        waiting = self.pending.take_all() if training is None else self.pending.take_left(training.parameters)
        if training is None or not waiting:
            return
        if not training.has_stepped:
            self.readings.after(partial(training.unstepped, waiting, top))
            return
        self.count(waiting, top)
        self._unused(waiting)

    def count(self, losses: list[Loss], top: Pass | None) -> None:
        """Count losses that no step has followed yet into the epoch that they were computed in."""
        left = [loss for loss in losses if not loss.is_counted]
        if self.training is not None and top is not None:
            for loss in left:
                loss.is_counted = True
            self.readings.after(partial(self.training.count_left, left, top))

    def _unused(self, losses: list[Loss]) -> None:
        if self.training is not None and any(not loss.is_counted for loss in losses):
            self.training.losses.note_unused()

    def _new_loss(self, tensor: Tensor, frame: FrameType, size: int) -> Loss:
        return self.scaled.take(tensor, size, self.readings) or Loss.of(tensor, frame, size, self.readings)

    def scheduled(self, optimizer: Optimizer) -> None:
        """Take the scheduler that an optimizer has from now on."""
        known = self.places.line_of(optimizer)
        if known is not None:
            training, line = known
            training.tell_of_scheduler(optimizer, line)

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
        places, pending = self.places, self.pending
        known = self._lines.get(id(optimizer))
        top = self.passes[-1] if self.passes else None
        if known is None or known[0]() is not optimizer or known[1].is_over(run):
            places.place(optimizer, top, sys._getframe())  # noqa: SLF001 (documented)
            return
        _, training, line = known
        losses = pending.take_all() if pending.is_plain else pending.take(optimizer, line.parameters)
        self.training = training
        if places.undecided:
            places.decide(together=True)
        if pending.norms or self._used or training.is_waiting:
            self.record(training, line, optimizer, losses, top)
        else:
            training.stepped(line, optimizer, losses, top)

    def record(
        self, training: Training, line: Line, optimizer: Optimizer, losses: list[Loss], top: Pass | None
    ) -> None:
        """Record a step with all that waits for one.

        Args:
            training: the optimizer's.
            line: the optimizer's.
            optimizer: it.
            losses: those whose gradients it used.
            top: the pass in which it was made.
        """
        for norm in self.pending.take_norms():
            self.readings.read(norm, partial(training.series.add_of_step, line.prefixed("grad_norm"), step=line.steps))
        training.stepped(line, optimizer, losses, top)
        if self._used:
            self._used, used = {}, self._used
            training.losses.of_functions(used.pop("loss_functions", {}))
            training.params(**used)
        if training.awaits_call:
            training.awaits_call, training.is_waiting = False, True
            self._called.wait(training)
        elif training.is_waiting:
            self._called.close(training)

    # ---- what else is told

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
        name = f"{source}_{name}" if name in training.losses else name
        add = partial(training.series.add, name, step=max(training.steps - 1, 0) if step is None else step)
        if isinstance(value, Tensor):
            self.readings.read(value, add)
        else:
            add(value)

    def metric(self, name: str, value: Tensor) -> None:
        """Take what a metric of torchmetrics has computed."""
        if self.training is not None:
            split = next((each.split for each in self.passes if not each.trains), None) or self.evaluations.last_split
            add = partial(self.training.measured, f"{split}_{name}" if split else name)
            self.readings.read(value, add)

    def saved(self, path: Path) -> None:
        """Take a file that `torch.save` has written."""
        if self.training is not None:
            self.training.saved(path)

    def finish(self) -> None:
        """Record what waits: the run ends."""
        self.places.decide()
        self.end_waiting(None)
        if self.evaluations.window:
            self.evaluations.close_window()
        if self.training is not None and not self.training.is_gone:  # else what is under way is not of this one
            self.under_way.finish()

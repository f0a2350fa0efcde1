"""The passes over loaders that are under way in one thread, one within another, and what their ends mean."""

from __future__ import annotations

import weakref
from types import FrameType
from typing import TYPE_CHECKING, Any

from autolog import guard
from autolog.capture.identity import ByIdentity
from autolog_torch.counters import epoch_at
from autolog_torch.passes import Pass
from autolog_torch.sites import split_at

if TYPE_CHECKING:
    from autolog_torch.loop import Loop

__all__ = ["UnderWay"]


class UnderWay:
    """The passes that are under way.

    Args:
        loop: of the thread.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.passes: list[Pass] = []  # the one that gave a batch last at the end
        self.epochs_set = ByIdentity()
        self._by_iterator = ByIdentity()

    def iterated(self, loader: Any, iterator: Any, frame: FrameType | None) -> None:
        """Take the beginning of a pass over a loader; an older one over the same loader is over."""
        for each in [each for each in self.passes if each.loader() is loader]:
            self.end(each)
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
            self.end(top)

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
        self.end(top)

    def end(self, top: Pass) -> None:
        """Take the end of a pass, whatever made it: an epoch, or an evaluation."""
        if top not in self.passes:
            return
        self.passes.remove(top)
        self._loop.places.decide()
        if not top.trains:
            self._evaluated(top)
        elif self._loop.training is not None:
            self._trained(top)

    def _evaluated(self, top: Pass) -> None:
        if top.losses:
            self._loop.evaluations.passed(top)

    def _trained(self, top: Pass) -> None:
        loop = self._loop
        if loop.training is not None:
            loop.count(loop.pending.losses, top)
            loop.training.passed(top)

    def finish(self) -> None:
        """End the evaluations that are under way."""
        for top in [each for each in reversed(self.passes) if each.losses and not each.trains]:
            self.end(top)

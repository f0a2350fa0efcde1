"""The signals of a loop, as they come from the functions that are watched; most come once a step, and must be cheap."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor
from torch.optim import Optimizer

from autolog import guard
from autolog.recording import context
from autolog_torch.described import autocast_type
from autolog_torch.losses import is_plain, is_readable
from autolog_torch.optimizers import remember_scheduler
from autolog_torch.sites import known_sites, users_frame

if TYPE_CHECKING:
    from autolog.capture.here import Here
    from autolog_torch.loop import Loop, Loops

__all__ = ["LossFunction", "Signals"]

Arguments = tuple[Any, ...]
Keywords = Mapping[str, Any]
Then = Callable[[Any, "BaseException | None"], object]

_is_grad_enabled: Final = torch.is_grad_enabled
_clock: Final = time.perf_counter
_USERS: Final = 3  # frames outwards, beyond that of `Tensor.backward`, stands the caller of most backward passes


def calling_frame() -> FrameType:
    """Give the frame of the function of ours that called the one that asks."""
    return sys._getframe(2)  # noqa: SLF001 (documented)


class Signals:
    """Hands what is watched on to the loop of the thread, unless nothing is to be recorded there.

    Args:
        loops: the loop of each thread.
        here: gives the place in the program where it is called.
    """

    def __init__(self, loops: Loops, here: Callable[[], Here]) -> None:
        self.loops = loops
        self._here = here
        self._aside = here().silent_inside

    @property
    def loop(self) -> Loop:
        """The loop of this thread."""
        return self.loops.loop

    def is_off(self) -> bool:
        """Say whether nothing is to be recorded here."""
        state = context.current.get()
        if state.inside is None and not state.paused:
            return False
        return state.paused or state.inside in self._aside or self._here().is_silent

    # ---- backward, and what goes before it

    def backward(self, args: Arguments, kwargs: Keywords) -> None:
        """Take a call of `torch.autograd.backward`, through which `Tensor.backward` goes as well."""
        given = args[0]
        try:
            frame = sys._getframe(_USERS)  # noqa: SLF001
        except ValueError:  # there are not so many
            frame = sys._getframe()  # noqa: SLF001
        site = known_sites.get((id(frame.f_code), frame.f_lasti))
        if site is not None and type(given) is Tensor:
            state = context.current.get()
            if (state.inside is None and not state.paused) or not self.is_off():
                self.loops.loop.backward(given, frame, site)
            return
        users = users_frame(sys._getframe(1), through=False)  # noqa: SLF001
        if users is None or self.is_off():
            return
        tensors = given if type(given) in (list, tuple) else (given,)  # an iterator is torch's to go through
        self.loops.loop.backward_all([each for each in tensors if is_readable(each)], users)

    def scaled(self, args: Arguments, kwargs: Keywords) -> Then | None:
        """Take a call of `GradScaler.scale`."""
        loss: Any = args[1] if len(args) > 1 else None
        if not is_readable(loss) or self.is_off():
            return None
        return partial(self._scaled, loss, users_frame(calling_frame()))

    def _scaled(self, loss: Tensor, frame: FrameType | None, result: Any, error: object) -> None:
        if is_plain(result) and result is not loss and frame is not None:
            self.loop.use(grad_scaler=True)
            self.loop.scaled.put(result, loss, frame)

    def updated(self, args: Arguments, kwargs: Keywords) -> None:
        """Take a call of `GradScaler.update`: what no step has followed by now is of one that was skipped."""
        if not self.is_off():
            self.loop.pending.skipped()

    def clipped_norm(self, args: Arguments, kwargs: Keywords) -> Then | None:
        """Take a call of `clip_grad_norm_`, which gives the norm that there was."""
        return None if self.is_off() else partial(self._clipped_norm, args)

    def _clipped_norm(self, args: Arguments, result: Any, error: object) -> None:
        if is_readable(result):
            self.loop.use(clip_grad_norm=args[1] if type(args[1]) in (int, float) else None)
            self.loop.pending.clipped(result)

    def clipped_value(self, args: Arguments, kwargs: Keywords) -> None:
        """Take a call of `clip_grad_value_`."""
        if not self.is_off() and type(args[1]) in (int, float):
            self.loop.use(clip_grad_value=args[1])

    # ---- steps

    def stepping(self, optimizer: Optimizer, args: Arguments, kwargs: Keywords) -> None:
        """Take the beginning of an optimizer's step, where it is given a closure; a hook of torch's."""
        if not self.is_off():
            guard.call("torch.stepping", None, self.loop.pending.began, optimizer)

    def stepped(self, optimizer: Optimizer, args: Arguments, kwargs: Keywords) -> None:
        """Take an optimizer's step; a hook of torch's."""
        state = context.current.get()
        if (state.inside is not None or state.paused) and self.is_off():
            return
        run = state.run if state.run is not None or not context.explicit else context.current_run()
        try:
            self.loops.loop.stepped(optimizer, run)
        except Exception as error:
            guard.failed("torch.stepped", None, error)

    def scheduled(self, args: Arguments, kwargs: Keywords) -> None:
        """Take a scheduler's step."""
        if remember_scheduler(args[0]) and not self.is_off():
            self.loop.scheduled(args[0].optimizer)

    # ---- loaders

    def iterated(self, args: Arguments, kwargs: Keywords) -> Then | None:
        """Take a call of a loader's `__iter__`."""
        return None if self.is_off() else partial(self._iterated, args[0])

    def _iterated(self, loader: Any, result: Any, error: object) -> None:
        if result is not None:
            self.loop.under_way.iterated(loader, result, sys._getframe(1))  # noqa: SLF001

    def drawing(self, args: Arguments, kwargs: Keywords) -> Then | None:
        """Take a call of a loader's iterator's `__next__`."""
        top = self.loops.loop.under_way.pass_of(args[0])
        if top is None:
            return None
        top.asked = _clock()
        return top.drew

    def epoch_set(self, args: Arguments, kwargs: Keywords) -> None:
        """Take a call of `DistributedSampler.set_epoch`."""
        if type(args[1]) is int:
            self.loop.under_way.epochs_set[args[0]] = args[1]


class LossFunction:
    """Takes the calls of one of torch's loss functions.

    Args:
        signals: the signals.
        function: it, before it is watched.
    """

    def __init__(self, signals: Signals, function: Callable[..., Any]) -> None:
        self._signals = signals
        self._loops = signals.loops
        self._name = function.__name__
        self._parameters = list(signature(function).parameters.values())

    def __call__(self, args: Arguments, kwargs: Keywords) -> Then | None:
        """Take a call; in a training step after the first there is nothing to be done."""
        loop = self._loops.loop
        is_known = self._name in loop.loss_functions
        if is_known and _is_grad_enabled() and (not loop.passes or loop.passes[-1].backwards):
            return None  # as in most steps
        wanted = loop.evaluations.wants_losses()
        if (is_known and not wanted) or not is_readable(args[0]) or self._signals.is_off():
            return None
        if not is_known and torch.is_grad_enabled():
            loop.loss_functions.add(self._name)
            loop.use_function(self._name, self._settings(args, kwargs))
            loop.use(amp=autocast_type())
        return partial(self._done, args, kwargs, users_frame(calling_frame())) if wanted else None

    def _settings(self, args: Arguments, kwargs: Keywords) -> dict[str, Any]:
        """Give the settings that the function was given."""
        given = {**dict(zip((each.name for each in self._parameters), args, strict=False)), **kwargs}
        usual = {each.name: each.default for each in self._parameters}
        plain = {name: value for name, value in given.items() if type(value) in (bool, int, float, str)}
        return {name: value for name, value in plain.items() if value != usual[name]}

    def _done(
        self, args: Arguments, kwargs: Keywords, frame: FrameType | None, result: Any, error: BaseException | None
    ) -> None:
        words = [each for each in (*args[2:], *kwargs.values()) if type(each) is str]
        if error is not None or frame is None or not is_readable(result) or result.dim() or "none" in words:
            return
        key = self._name, id(frame.f_code), frame.f_lasti
        size = args[0].shape[0] if args[0].dim() else 1
        self._loops.loop.evaluations.computed(key, result, size, frame, is_sum="sum" in words)

"""What users log elsewhere while they train: progress bars, TensorBoard, torchmetrics, checkpoints."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from autolog.capture.frames import outwards, values
from autolog.hookspecs import Patches
from autolog_torch.losses import is_readable

if TYPE_CHECKING:
    from autolog_torch.signals import Signals

__all__ = ["declare"]

_PER_BATCH: Final = frozenset(("forward", "_forward_full_state_update", "_forward_reduce_state_update"))


def declare(patches: Patches, signals: Signals, watching: Callable[..., object]) -> None:
    """Declare what is watched of other libraries, once they are imported.

    Args:
        patches: what to declare it to.
        signals: what a loop tells.
        watching: watches a function.
    """
    logged = _Logged(signals)

    def declaring(name: str, watches: Mapping[str, Callable[..., Any]]) -> Callable[[ModuleType], None]:
        def declared(module: ModuleType) -> None:
            holder = getattr(module, name) if name else module
            for function, watch in watches.items():
                watching(holder, function, watch)

        return declared

    patches.on_import("tqdm.std", declaring("tqdm", {"set_postfix": logged.postfix}))
    tensorboard = {"add_scalar": logged.scalar, "add_scalars": logged.scalars}
    patches.on_import("torch.utils.tensorboard.writer", declaring("SummaryWriter", tensorboard))
    patches.on_import("torchmetrics.utilities.data", declaring("", {"_squeeze_if_scalar": logged.metric}))
    patches.on_import("torch.serialization", declaring("", {"save": logged.saving}))


class _Logged:
    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    def _take(self, name: str, value: Any, step: Any, source: str) -> None:
        value = _number(value) if isinstance(value, str) else value
        number = issubclass(type(value), Real) and type(value) is not bool
        if number or (is_readable(value) and value.numel() == 1):
            whole = step if type(step) is int else None
            self._signals.loop.measured(name, float(value) if number else value, whole, source)

    def postfix(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Take a call of `set_postfix(ordered_dict, refresh, **kwargs)`."""
        if not self._signals.is_off():
            first = args[1] if len(args) > 1 and isinstance(args[1], dict) else {}
            for name, value in {**first, **kwargs}.items():
                self._take(str(name), value, None, "postfix")

    def scalar(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Take a call of `add_scalar(tag, scalar_value, global_step, …)`."""
        if not self._signals.is_off():
            self._take(str(args[1]), args[2], args[3], "tensorboard")

    def scalars(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Take a call of `add_scalars(main_tag, tag_scalar_dict, global_step, …)`."""
        if not self._signals.is_off() and isinstance(args[2], dict):
            for name, value in args[2].items():
                self._take(f"{args[1]}/{name}", value, args[3], "tensorboard")

    # ---- torchmetrics

    def metric(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Callable[..., object] | None:
        """Take what a metric has computed over all its batches; through this function its values go, and no others."""
        if self._signals.is_off():
            return None
        metric = _metric_computed()
        return None if metric is None else partial(self._computed, type(metric).__name__)

    def _computed(self, name: str, result: Any, error: object) -> None:
        values = result if isinstance(result, dict) else {name: result}
        for key, value in values.items():
            if is_readable(value) and value.numel() == 1:
                self._signals.loop.metric(str(key), value)

    # ---- checkpoints

    def saving(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Callable[..., object] | None:
        """Take a call of `torch.save(obj, f, …)`."""
        where = args[1] if len(args) > 1 else None
        if not isinstance(where, (str, os.PathLike)) or self._signals.is_off():
            return None
        return partial(self._saved, Path(where))

    def _saved(self, path: Path, result: object, error: BaseException | None) -> None:
        if error is None:
            self._signals.loop.saved(path)


def _number(text: str) -> float | None:
    """Read a number that the user has written out, as it is shown."""
    try:
        return float(text)
    except ValueError:
        return None


def _metric_computed() -> Any:
    """Give the metric whose `compute` has just been called; None where that is a single batch's."""
    frames = outwards(sys._getframe(1))  # noqa: SLF001 (documented)
    wrapped = next((each for each in frames if each.f_code.co_name == "wrapped_func"), None)
    if wrapped is None or (wrapped.f_back is not None and wrapped.f_back.f_code.co_name in _PER_BATCH):
        return None
    return values(wrapped, ["self"])[0]

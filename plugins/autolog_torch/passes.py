"""One pass over a loader: its batches, what they waited for, and the losses that were computed on them."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor

from autolog.capture.network_calls import dtype_of, leaves
from autolog.values import type_name

__all__ = ["Mean", "Pass", "batch_size"]


class Mean:
    """The mean of a loss over batches, and over samples; a sum over a batch counts as what it is the sum of."""

    __slots__ = ("batches", "is_sum", "samples", "total", "weighted")

    def __init__(self) -> None:
        self.total = self.weighted = 0.0
        self.batches = self.samples = 0
        self.is_sum = False

    def add(self, value: float, size: int, *, is_sum: bool = False) -> None:
        """Add a batch.

        Args:
            value: its loss.
            size: its number of samples, 0 where that is not known.
            is_sum: the loss is the sum over the batch, and not the mean.
        """
        self.batches += 1
        self.samples += size
        self.total += value
        self.weighted += value if is_sum else value * size
        self.is_sum = self.is_sum or is_sum

    def named(self, name: str) -> dict[str, float]:
        """Give the mean over the batches, and where that is another the mean over the samples, by their names.

        Both are numbers that users print. They differ where the last batch is smaller. Of sums there is only the
        latter, under the plain name.
        """
        if self.is_sum and self.samples:
            return {name: self.weighted / self.samples}
        found = {name: self.total / self.batches} if self.batches else {}
        if self.samples and found and abs(self.weighted / self.samples - found[name]) > _SAME * abs(found[name]):
            found[f"{name}_per_sample"] = self.weighted / self.samples
        return found


_SETTINGS: Final = ("num_workers", "drop_last", "pin_memory", "persistent_workers", "prefetch_factor", "timeout")
_SAME = 1e-12  # relative; what only the order of additions makes


@dataclass(frozen=True)
class LoaderFacts:
    """What is known of a loader, which may be gone before the pass over it is.

    Args:
        kind: its full type name.
        params: its settings, by name.
        batch_size: that it was given.
        drop_last: an incomplete batch is left out.
        dataset: gives what it draws from, as long as somebody holds that.
    """

    kind: str
    params: Mapping[str, Any]
    batch_size: int | None
    drop_last: bool
    dataset: Callable[[], object]

    @classmethod
    def of(cls, loader: Any) -> LoaderFacts:
        """Read them off a `DataLoader`."""
        settings = {key: getattr(loader, key, None) for key in _SETTINGS}
        samplers = {"sampler": loader.sampler, "batch_sampler": loader.batch_sampler}
        if type(loader.batch_sampler).__module__.startswith("torch.utils.data"):
            samplers.pop("batch_sampler")
        named = {key: type(each).__name__ for key, each in samplers.items() if each is not None}
        params = {key: value for key, value in {**settings, **named}.items() if value is not None}
        size = loader.batch_size if type(loader.batch_size) is int else None
        return cls(type_name(loader), params, size, bool(loader.drop_last), _weakly(loader.dataset))


def _weakly(value: object) -> Callable[[], object]:
    """Give what gives a value as long as somebody holds it; a list is held, as an iterator over it does."""
    try:
        return weakref.ref(value)
    except TypeError:
        return lambda: value


class Pass:
    """A pass over a loader, from its `iter` to the last batch.

    Args:
        loader: it; not kept alive, and neither is its data.
        split: what the data is used for, by the user's words, None where these do not tell.
        epoch: the number that the user counts it by, None where there is none.
    """

    def __init__(self, loader: object, split: str | None, epoch: int | None) -> None:
        self.loader = weakref.ref(loader)
        self.facts = LoaderFacts.of(loader)
        self.split = split
        self.epoch = epoch
        self.number: int | None = None  # of the epoch among all of the training
        self.began = time.perf_counter()
        self.waited = 0.0
        self.batches = self.samples = self.size = self.steps = self.backwards = 0
        self.losses: dict[Any, Mean] = {}  # by function, place and whether it has gradients; until it trains
        self.means: dict[str, Mean] = {}  # of the losses that were trained on, by name
        self.layout: list[dict[str, Any]] | None = None
        self.is_complete = False
        self.asked = 0.0  # when a batch was asked for last
        self.iterator: Callable[[], object] = lambda: None  # a weak reference
        self.at_end: Callable[[Pass], None] = lambda top: None

    @property
    def trains(self) -> bool:
        """Say whether something was trained on it."""
        return bool(self.steps or self.backwards)

    def drew(self, batch: Any, error: BaseException | None) -> None:
        """Take a batch that was asked for, or the error that came instead.

        Args:
            batch: it.
            error: StopIteration where there are no more.
        """
        if error is not None:
            if isinstance(error, StopIteration):
                self.at_end(self)
            return
        self.waited += time.perf_counter() - self.asked
        self.batches += 1
        self.size = size = batch_size(batch)
        self.samples += size
        if self.layout is None:
            self.layout = [_layout(name, tensor) for name, tensor in leaves(batch, Tensor)]

    def seconds(self) -> float:
        """Give how long it has lasted."""
        return time.perf_counter() - self.began


def batch_size(batch: Any) -> int:
    """Give the length of the first tensor in a batch, 0 where none is found; no code of the user's is run."""
    kind = type(batch)
    while kind is list or kind is tuple or kind is dict:
        if not batch:
            return 0
        batch = next(iter(batch.values())) if kind is dict else batch[0]
        kind = type(batch)
    return batch.shape[0] if issubclass(kind, Tensor) and batch.dim() else 0


def _layout(name: str, tensor: Tensor) -> dict[str, Any]:
    return {"name": name, "shape": list(tensor.shape), "dtype": dtype_of(tensor)}

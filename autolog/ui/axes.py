"""What a curve is drawn over: steps, times, or epochs."""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from autolog.store.run import Run

__all__ = ["AXES", "Axis", "placed"]

Axis: TypeAlias = Literal["step", "epoch", "time"]
AXES: Final[tuple[Axis, ...]] = get_args(Axis)


def placed(run: Run, key: str, axis: Axis) -> tuple[Sequence[float], Sequence[float]]:
    """Give where the points of a metric lie on an axis, in order, and their values; times are in seconds since 1970.

    Raises:
        UsageError: the run has no such metric.
    """
    steps, values, times = run.columns(key)
    clock = _clock(run) if axis == "epoch" else None
    if axis == "step" or (axis == "epoch" and clock is None):  # where nothing else is known, a step is an epoch
        return steps, values
    return _sorted([time / 1e6 for time in times] if clock is None else list(map(clock, times)), values)


def _sorted(xs: Sequence[float], values: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    if all(map(operator.le, xs, islice(xs, 1, None))):
        return xs, values
    order = sorted(range(len(xs)), key=xs.__getitem__)
    return [xs[place] for place in order], [values[place] for place in order]


def _clock(run: Run) -> Callable[[int], float] | None:
    """Give what tells the epoch at a time in microseconds; None for a run that says nothing of epochs.

    An epoch has its number at its end, where series by epoch have a point; between two ends it grows with the time.
    """
    ends = _ends(run)
    if not ends:
        return None
    times, epochs = [time for time, _ in ends], [epoch for _, epoch in ends]

    def epoch_at(time: int) -> float:
        place = bisect_right(times, time)
        if place in (0, len(times)):
            return epochs[max(place - 1, 0)]
        share = (time - times[place - 1]) / (times[place] - times[place - 1])
        return epochs[place - 1] + share * (epochs[place] - epochs[place - 1])

    return epoch_at


def _ends(run: Run) -> list[tuple[int, float]]:
    """Give times and the epochs they had come to: the values of a metric `epoch`, or the steps of one by epoch."""
    by_epoch = next((name for name in sorted(run.metrics) if name.endswith("_epoch")), None)
    if "epoch" in run.metrics:
        _, epochs, times = run.columns("epoch")
        return sorted(zip(times, epochs, strict=True))
    if by_epoch is None or run.start_time is None:
        return []
    steps, _, times = run.columns(by_epoch)
    began = round(run.start_time.timestamp() * 1e6)
    return sorted([(began, steps[0] - 1.0), *zip(times, map(float, steps), strict=True)])

"""Long series for a screen: of each bucket of steps the least, the greatest and the last value; no peak is lost.

A bucket holds the steps of which `step >> shift` is the same. So its edges are multiples of a power of two, which stay
where they are while a series grows; and buckets are put together into wider ones without looking at the points again.
"""

from __future__ import annotations

import math
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from autolog.journal.points import Columns

__all__ = ["Bucket", "Thinned", "join", "pack", "thin", "unpack", "widen"]

_HEAD: Final = struct.Struct("<q")
_CODES: Final = "qqddd"


class Bucket(NamedTuple):
    """What a stretch of steps amounts to.

    Args:
        step: of its last point.
        time: of its last point, in microseconds since the epoch.
        low: its least value, NaN where it has no other.
        high: its greatest value, NaN where it has no other.
        last: the value of its last point.
    """

    step: int
    time: int
    low: float
    high: float
    last: float


class Thinned(NamedTuple):
    """A series in buckets, in the order of steps.

    Args:
        width: how many steps a bucket spans, a power of two.
        buckets: those that have points.
    """

    width: int
    buckets: list[Bucket]

    @property
    def shift(self) -> int:
        """The width as a power of two."""
        return self.width.bit_length() - 1


def thin(points: Columns, count: int, first: int | None = None, last: int | None = None) -> Thinned:
    """Thin a series.

    Args:
        points: in the order of (step, time).
        count: how many buckets there may be, at least 2: one edge is at step 0.
        first: the step to begin with, and with it the whole of its bucket; that of the first point where not given.
        last: the step to end with, likewise.
    """
    steps = points.steps
    low, high = _clipped(steps[0], steps[-1], first, last) if len(steps) else (1, 0)
    if low > high:
        return Thinned(1, [])
    shift = _shift(low, high, count)
    begin, end = bisect_left(steps, low >> shift << shift), bisect_left(steps, ((high >> shift) + 1) << shift)
    return Thinned(1 << shift, list(_cut(points, begin, end, shift)))


def _clipped(begin: int, end: int, first: int | None, last: int | None) -> tuple[int, int]:
    return begin if first is None else max(begin, first), end if last is None else min(end, last)


def _shift(first: int, last: int, count: int) -> int:
    """Give the least shift at which two steps lie fewer than so many buckets apart."""
    shift = max(0, ((last - first) // count).bit_length() - 1)
    while (last >> shift) - (first >> shift) >= count:
        shift += 1
    return shift


def _cut(points: Columns, begin: int, end: int, shift: int) -> Iterator[Bucket]:
    steps, values, times = points
    while begin < end:
        cut = bisect_left(steps, ((steps[begin] >> shift) + 1) << shift, begin, end)
        yield Bucket(steps[cut - 1], times[cut - 1], *_extremes(values[begin:cut]), values[cut - 1])
        begin = cut


def _extremes(values: Sequence[float]) -> tuple[float, float]:
    known = [value for value in values if value == value]
    return (min(known), max(known)) if known else (math.nan, math.nan)


def widen(thinned: Thinned, count: int, first: int | None = None, last: int | None = None) -> Thinned | None:
    """Give of what was thinned what `thin` would give of the points, None where it was thinned too much for that."""
    if not thinned.buckets:
        return thinned
    begin = thinned.buckets[0].step  # or before, but that is known of its bucket only
    low, high = _clipped(begin, thinned.buckets[-1].step, first, last)
    if low > high:
        return Thinned(1, []) if high >> thinned.shift != begin >> thinned.shift else None
    shift = _shift(low, high, count)
    if shift < thinned.shift:
        return None
    buckets = [bucket for bucket in thinned.buckets if low >> shift <= bucket.step >> shift <= high >> shift]
    return Thinned(1 << shift, _put_together(buckets, shift))


def join(thinned: Thinned, more: Thinned, count: int) -> Thinned:
    """Put two together; where points are in both, nothing changes."""
    buckets = sorted([*thinned.buckets, *more.buckets], key=itemgetter(0, 1))
    if not buckets:
        return thinned
    shift = max(thinned.shift, more.shift, _shift(buckets[0].step, buckets[-1].step, count))
    return Thinned(1 << shift, _put_together(buckets, shift))


def _put_together(buckets: Iterable[Bucket], shift: int) -> list[Bucket]:
    return [_one(list(same)) for _, same in groupby(buckets, lambda bucket: bucket.step >> shift)]


def _one(buckets: Sequence[Bucket]) -> Bucket:
    low, high = _extremes([bucket.low for bucket in buckets])[0], _extremes([bucket.high for bucket in buckets])[1]
    return buckets[-1]._replace(low=low, high=high)


# ---- as bytes of this machine, for a cache


def pack(thinned: Thinned) -> bytes:
    """Give it as bytes."""
    columns = zip(*thinned.buckets, strict=True)
    return _HEAD.pack(thinned.shift) + b"".join(
        array(code, column).tobytes() for code, column in zip(_CODES, columns, strict=False)
    )


def unpack(data: bytes) -> Thinned:
    """Give it back."""
    count = (len(data) - _HEAD.size) // (8 * len(_CODES))
    columns = []
    for number, code in enumerate(_CODES):
        begin = _HEAD.size + 8 * count * number
        columns.append(array(code, data[begin : begin + 8 * count]))
    return Thinned(1 << _HEAD.unpack_from(data)[0], [Bucket(*row) for row in zip(*columns, strict=True)])

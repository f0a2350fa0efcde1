"""A series of numbers as a line of blocks."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["sparkline"]

_BLOCKS: Final = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """Give at most `width` blocks, each as high as the mean of its share of the values; a gap where none is finite."""
    count = min(width, len(values))
    edges = [index * len(values) // max(count, 1) for index in range(count + 1)]
    means = [_mean(values[low:high]) for low, high in itertools.pairwise(edges)]
    known = [mean for mean in means if mean is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    return "".join(" " if mean is None else _BLOCKS[_height(mean, low, high)] for mean in means)


def _mean(values: Sequence[float]) -> float | None:
    """Give the mean of those that are finite; divided first, since a sum of large numbers may not be."""
    finite = [value for value in values if math.isfinite(value)]
    return sum(value / len(finite) for value in finite) if finite else None


def _height(value: float, low: float, high: float) -> int:
    """Give the index of a block; halved first, since the span of large numbers may be infinite. Level ground is low."""
    span = high / 2 - low / 2
    return round((value / 2 - low / 2) / span * (len(_BLOCKS) - 1)) if span > 0 else 0

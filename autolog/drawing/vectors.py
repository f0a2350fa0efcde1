"""A series of numbers as a small curve in a page: inline SVG, in the colour of the text around it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

__all__ = ["curve"]

_WIDTH: Final = 120
_HEIGHT: Final = 22
_EDGE: Final = 2  # so that a line at the rim is whole


def curve(values: Sequence[float]) -> str:
    """Draw values at even distances; of many that fall together, the least and the greatest. NaN is a gap."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    path = "".join(_steps(values, low, high))
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" fill="none" stroke="currentColor" '
        f'stroke-width="1.2" stroke-linecap="round" stroke-linejoin="round"><path d="{path}"/></svg>'
    )


def _steps(values: Sequence[float], low: float, high: float) -> Iterator[str]:
    """Give the moves of the pen; a point between gaps is a line of no length, which round ends make a dot."""
    pen = "M"
    for x, stretch in _stretches(values):
        known = [value for value in stretch if math.isfinite(value)]
        for value in dict.fromkeys((min(known), max(known))) if known else ():
            yield f"{pen}{x:.1f} {_y(value, low, high):.1f}{'h0' if pen == 'M' else ''}"
            pen = "L"
        if len(known) < len(stretch):
            pen = "M"


def _stretches(values: Sequence[float]) -> Iterator[tuple[float, Sequence[float]]]:
    """Give the values that fall on each place, and its x."""
    count = min(len(values), _WIDTH)
    step = (_WIDTH - 2 * _EDGE) / max(count - 1, 1)
    for place in range(count):
        stretch = values[place * len(values) // count : (place + 1) * len(values) // count]
        yield _EDGE + place * step, stretch


def _y(value: float, low: float, high: float) -> float:
    """Give the height from above; halved first, since a span may be infinite. Level ground is low."""
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span > 0 else 0.0
    return _HEIGHT - _EDGE - share * (_HEIGHT - 2 * _EDGE)

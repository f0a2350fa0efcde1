"""How pictures look: figures without matplotlib's process-wide state, colours, and names cut to fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from autolog.drawing.charts import number
from autolog.exceptions import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "DASHES", "GREY", "LISTED", "figure_of", "first_of", "numbers", "plain", "short", "shorts"]

COLOURS: Final = (
    "#3465a4",
    "#d9772b",
    "#3c8d40",
    "#b53a3a",
    "#7a58a6",
    "#85604c",
    "#c96aa8",
    "#6b6b6b",
    "#a3a52c",
    "#2aa1b3",
)
GREY: Final = "#8a8a8a"
LISTED: Final = 30  # features, outputs, legends
DASHES: Final = (0, (4, 3))  # of lines that only compare
_LONGEST: Final = 28  # characters of a label


def figure_of(width: float = 6.4, height: float = 4.8) -> tuple[Figure, Axes]:
    """Give an empty figure, drawn by Agg and known to no window system."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("pictures need matplotlib: python -m pip install 'autolog-ml[plots]'") from None
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_prop_cycle(color=COLOURS)
    return figure, axes


def short(value: Any, most: int = _LONGEST) -> str:
    """Shorten a name in its middle: what tells names apart stands at their ends."""
    text = plain(str(value))
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most - most // 2 - 1) :]}"


def shorts(values: Sequence[Any], most: int = _LONGEST) -> list[str]:
    """Shorten names that stand together; where they are long, what all begin or end with goes first."""
    names = [str(value) for value in values]
    if max(map(len, names), default=0) > most and len(names) > 1:
        start = _common(names)
        end = _common([name[start:][::-1] for name in names])
        names = [_without(name, start, end) for name in names]
    return [short(name, most) for name in names]


def _common(names: Sequence[str]) -> int:
    """Give how many characters all names begin with; the first and the last in their order have no more than all."""
    first, last = min(names), max(names)
    return next((index for index, each in enumerate(first) if each != last[index]), len(first))


def _without(name: str, start: int, end: int) -> str:
    """Take a beginning and an end off a name, where they are worth their ellipsis."""
    kept = name[start : len(name) - end] if end > 1 else name[start:]
    return f"{'…' if start > 1 else name[:start]}{kept}{'…' if end > 1 else ''}"


def plain(text: str) -> str:
    """Give a text as it is: a dollar begins no formula, and a line end no line."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text).replace("$", r"\$")


def numbers(values: Sequence[Any]) -> list[float]:
    """Give cells as numbers."""
    return [number(value) for value in values]


def first_of(title: str, shown: int, count: int, noun: str = "") -> str:
    """Say in a title how many of how many are shown."""
    return title if shown >= count else f"{title} ({f'{noun} ' if noun else ''}{shown} of {count:,})"

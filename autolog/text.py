"""Values, times and sizes as text for a terminal; a stranger's text cannot steer it."""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from autolog.values import LargeValue

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["counted", "duration", "local", "moment", "number", "short", "size", "value_text", "visible"]

_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls, directions, half pairs, line ends
_JOINERS: Final = "\u200c\u200d"  # harmless, and parts of words and emoji


def visible(text: str) -> str:
    """Give the text with every character that would steer a terminal shown as its escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _STEERING:
        return character
    return character.encode("unicode_escape").decode("ascii")


def value_text(value: Any) -> str:
    """Give a param, tag or fact as text: text bare, everything else as Python writes it."""
    return visible(str(value) if isinstance(value, (str, LargeValue)) else repr(value))


def short(text: str, width: int) -> str:
    """Give the first `width` characters of a text, the last an ellipsis where there is more."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def number(value: float) -> str:
    """Give a metric in at most five significant digits; whole numbers as such."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.5g}"


def duration(seconds: float | None) -> str:
    """Give a length of time in its two largest units."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if hours < 1:
        return f"{minutes} min {int(seconds % 60)} s"
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{days} d {hours % 24} h"


def moment(time: datetime | None) -> str:
    """Give a time to the second, in this machine's time zone."""
    return "" if time is None else f"{local(time):%Y-%m-%d %H:%M:%S}"


def local(time: datetime) -> datetime:
    """Give a time in this machine's time zone; at the calendar's ends, which a stranger may name, as it is."""
    try:
        return time.astimezone()
    except (OverflowError, ValueError, OSError):
        return time


def size(count: int) -> str:
    """Give a number of bytes in the unit that fits."""
    if count < 1000:
        return f"{count} bytes"
    power = min(int(math.log10(count) // 3), 5)
    return f"{count / 1000**power:.1f} {'kMGTP'[power - 1]}B"


def counted(count: int, noun: str) -> str:
    """Give a number of things."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

"""MLflow's limits on names and values, and how ours are brought within them: always alike, and no two alike."""

from __future__ import annotations

import hashlib
import posixpath
import re
from typing import Final, NamedTuple

__all__ = ["LONGEST_NAME", "Limits", "clean", "cut", "key", "limits_of"]

LONGEST_NAME: Final = 250
_UNFIT: Final = re.compile(r"[^\w./\- :]")
_RENAMED: Final = re.compile(r"-[0-9a-f]{16}\Z")
_ROOM: Final = LONGEST_NAME - 17
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


class Limits(NamedTuple):
    """How many characters a server takes of a value."""

    param: int
    tag: int
    has_models: bool
    """It knows logged models."""


def limits_of(version: str) -> Limits:
    """Give the limits of a version of MLflow; one that is not told is taken for an old one."""
    major = version.strip().partition(".")[0]
    return Limits(6000, 8000, has_models=True) if major.isdecimal() and int(major) >= 3 else Limits(500, 5000, False)


def key(name: str) -> str:
    """Give the name that MLflow takes for a metric, a param or a tag.

    One that it does not take is told apart by a digest; one that looks as if it had been, too, so that no two names
    become one.
    """
    if _fits(name) and not _RENAMED.search(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    readable = _UNFIT.sub("_", name)[:_ROOM]
    return next(filter(_fits, (f"{each}-{digest}" for each in (readable, _flat(readable)))))


def _flat(text: str) -> str:
    """Give a text that cannot be a path, nor lead upwards."""
    return f"_{text.replace('/', '_')[1:]}"


def _fits(name: str) -> bool:
    return (
        0 < len(name) <= LONGEST_NAME
        and not _UNFIT.search(name)
        and posixpath.normpath(name) == name != "."
        and not name.startswith(("/", ".."))
    )


def clean(text: str) -> str:
    """Give a text without what some database cannot hold: NULs and lone surrogates."""
    return _UNSTORABLE.sub("\ufffd", text)


def cut(text: str, limit: int) -> str:
    """Give a text that a server takes; one that was cut ends in an ellipsis."""
    text = clean(text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

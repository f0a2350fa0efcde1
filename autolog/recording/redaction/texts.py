"""The doors for texts: free text, a program's arguments, a name."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from autolog.recording.redaction.named import OPTION, without_named
from autolog.recording.redaction.names import LONGEST_NAME, hides_text
from autolog.recording.redaction.shapes import REDACTED, without_private_keys, without_shapes
from autolog.recording.redaction.suspects import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

__all__ = ["redact_arguments", "redact_name", "redact_text"]

_BLOCK = 1 << 14
# every shape is longer than that, and text with a name in it has other characters
_HARMLESS = re.compile(r"[\w.+-]{0,18}")


def redact_text(text: str, extra: Sequence[str] = ()) -> str:
    """Take the secrets out of free text: a command line, a diff, an error's message.

    Args:
        text: of any length; the time taken grows with it linearly.
        extra: further patterns of secret names.

    Returns:
        The text; the same object where there was nothing to take out.
    """
    if _HARMLESS.fullmatch(text):
        return text
    text = without_private_keys(text)
    if len(text) <= _BLOCK:
        return _redact_lines(text, tuple(extra))
    pieces = [_redact_lines(block, tuple(extra)) for block in _blocks(text)]
    redacted = "".join(pieces)
    return text if redacted == text else redacted


def _blocks(text: str) -> Iterator[str]:
    """Cut at ends of lines, as all but private keys is found within one; other threads get their turn in between."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _BLOCK) + 1 or len(text)
        yield text[start:end]
        start = end


def _redact_lines(text: str, extra: tuple[str, ...]) -> str:
    redacted = without_named(without_shapes(text), extra)
    return text if redacted == text else redacted


def redact_arguments(
    arguments: Sequence[str], extra: Sequence[str] = (), look: Container[str] = EVERYTHING
) -> list[str]:
    """Take the secrets out of a program's arguments; `--password x`, `--token=x` and `db.password=x` are understood.

    Args:
        arguments: as in `sys.argv[1:]`.
        extra: further patterns of secret names.
        look: those of the arguments that may be, hold or name a secret.
    """
    patterns = tuple(extra)
    return [
        _redact_argument(option, item, patterns) if item in look or option in look else item
        for option, item in zip(["", *arguments], arguments, strict=False)
    ]


def _redact_argument(option: str, argument: str, extra: tuple[str, ...]) -> str:
    if option in ("-u", "--user", "--proxy-user"):
        return redact_text(f"{option} {argument}", extra).removeprefix(f"{option} ")
    if OPTION.fullmatch(option) and not OPTION.match(argument):
        return REDACTED if hides_text(option.lstrip("-"), argument, extra) else redact_text(argument, extra)
    name, equals, value = argument.partition("=")
    if equals and value and hides_text(name.lstrip("-+"), value, extra):
        return f"{name}={REDACTED}"
    return redact_text(argument, extra)


def redact_name(name: str, extra: Sequence[str] = ()) -> str:
    """Take the secrets out of the name of a param, metric or tag, such as a URL with a password; few names are many.

    Args:
        name: it.
        extra: further patterns of secret names.
    """
    return _renamed(name, tuple(extra)) if len(name) < LONGEST_NAME else redact_text(name, extra)


_renamed = functools.lru_cache(maxsize=4096)(redact_text)

"""Secrets known by the name they stand under."""

from __future__ import annotations

import fnmatch
import functools
import re
from typing import Final

__all__ = ["LONGEST_NAME", "hides", "hides_text", "is_secret_name"]

LONGEST_NAME: Final = 128
"""Names up to this length are judged once and remembered."""

_PARTS = re.compile(r"__|[./:\[\]]")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET = re.compile(
    r"""(?: \w*(?:password|passwd|passphrase|passcode|passwort|secret|credential)s?
          | (?:\w*_)?(?:pwd|passwds|cred|creds|bearer|jwt|dsn|cookie|cookies)
          | (?:|\w*_)(?:db|user|root|admin|smtp|ftp|ssh|proxy|sql|mysql|pg|postgres|redis|mongo)_?pass | pass
          | \w*auth | \w*authorization | (?:\w*_)?authentication
          | (?:\w*_)?conn(?:ection)?_?str(?:ing)?s?
          | (?:\w*_)?(?:api|access|private|secret|session|sign|signing|encryption|decryption|master|account|storage
              |shared|ssh|deploy|subscription|auth|hmac|aes|rsa|gpg|pgp|wandb|openai)_?keys?
          | (?:\w*_)?(?:access|api|auth|oauth|bearer|refresh|session|secret|security|csrf|login|personal)_?tokens
          | (?P<token>\w*token)
        ) (?:_(?:value|val|plain|raw|hash|base|pem))?""",
    re.VERBOSE,
)
_LANGUAGE_TOKEN = re.compile(
    r"""(?:\w*_)?(?:pad|padding|bos|eos|sos|eot|eom|boi|eoi|unk|unknown|oov|mask|cls|sep|separator|special|sentinel|stop
          |start|end|begin|next|last|first|prev|previous|current|new|extra|additional|blank|word|sub|text|vocab|target
          |prefix|suffix|decoder|image|img|audio|video|vision|speech|patch|latent|register|think|thinking|class|per|by
          |each|de|be)_?token""",
    re.VERBOSE,
)
_COUNTING = re.compile(r"(?:\w*_)?(?:n|num|number|max|min|count|total|len|size|limit|avg|mean)_\w*|\w*[^s]s")


def is_secret_name(name: str, extra: tuple[str, ...] = ()) -> bool:
    """Whether what stands under `name` is a secret.

    Args:
        name: of a param, a key, an option or a variable.
        extra: further patterns such as `*_pin`, compared without regard to case.
    """
    return _judged(name, extra) if len(name) < LONGEST_NAME else _judged.__wrapped__(name, extra)


@functools.lru_cache(maxsize=4096)
def _judged(name: str, extra: tuple[str, ...]) -> bool:
    lowered = name.lower()
    if any(fnmatch.fnmatchcase(lowered, pattern.lower()) for pattern in extra):
        return True
    words = _last_words(name)
    found = _SECRET.fullmatch(words)
    return found is not None and not (found["token"] and _LANGUAGE_TOKEN.fullmatch(found["token"]))


def _last_words(name: str) -> str:
    """Give the words of a nested name's last part that has any, in snake case; digits tell nothing."""
    parts = ["_".join(_WORDS.findall(part)).lower() for part in _PARTS.split(name)]
    return next((part for part in reversed(parts) if part), "")


def _is_counting(name: str) -> bool:
    return _COUNTING.fullmatch(_last_words(name)) is not None


def hides(name: str, value: object, extra: tuple[str, ...]) -> bool:
    """Whether this value is secret under this name."""
    if value is None or isinstance(value, (bool, float)) or not is_secret_name(name, extra):
        return False
    return not (isinstance(value, int) and _is_counting(name))


def hides_text(name: str, text: str, extra: tuple[str, ...]) -> bool:
    """Whether what this text spells is secret under this name."""
    return hides(name, _as_value(text), extra)


def _as_value(text: str) -> object:
    """Read a word as the value it spells."""
    word = text.strip().lower()
    if word in ("true", "false", "none", "null"):
        return None
    return int(word) if word.isdecimal() and len(word) < 20 else text

"""Which of very many texts may hold a secret: a quick look at all of them together, so that few are read one by one.

Every pattern of `names.py`, `shapes.py` and `named.py` can only be found in a text that has one of the pieces below, so
what this module does not suspect is clean; what it suspects is read in earnest there.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Container, Iterator
from itertools import chain
from typing import Any, Final

__all__ = ["EVERYTHING", "NAME_PIECES", "suspects"]

NAME_PIECES: Final = ("pass", "pwd", "secret", "token", "key", "cred", "auth", "bearer", "dsn", "conn", "cookie", "jwt")
"""One of them is in every name of a secret."""

_SHAPE_PIECES: Final = (
    *("akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "sk-", "k_live_", "k_test_"),
    *("hf_", "npm_", "pypi-", "xox", "aiza", "ya29.", "eyj", "-----begin", "://", "sig=", "signature=", "-u", " -p"),
    "$bytes",  # the mark of bytes, which are written in another alphabet
)
_AROUND_NAMES: Final = ("=", ":", "-", "(")  # one of them stands between a name within text and its value
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
_KNOWN: Final = _PLAIN | {dict, list}
_DEEPEST: Final = 100
_BETWEEN: Final = "\0"


class _Everything(Container[str]):
    def __contains__(self, text: object) -> bool:
        return True


EVERYTHING: Final[Container[str]] = _Everything()
"""For what cannot be looked at quickly: every text is suspect."""


def suspects(value: Any, extra: tuple[str, ...]) -> Container[str]:
    """Give those of the texts in a value, keys and names included, that may be or hold a secret, or name one.

    Args:
        value: plain lists and dicts of plain values; of anything else everything is suspect.
        extra: further patterns of secret names.
    """
    texts: list[str] = []
    for found in _levels(value):
        if found is None:
            return EVERYTHING
        texts += found
    return _suspicious(texts, extra)


def _levels(value: Any) -> Iterator[list[str] | None]:
    """Give the texts of each level of nesting; None for what is not plain, too deep, or met twice."""
    level, seen = [value], set[int]()
    for _ in range(_DEEPEST):
        ids = set(map(id, level))
        dicts = [each for each in level if type(each) is dict]
        lists = [each for each in level if type(each) is list]
        if len(ids) < len(level) or ids & seen or len(dicts) + len(lists) < len(level):
            break
        seen |= ids
        level = []
        for parts in map(list, (chain(*dicts), chain(*map(dict.values, dicts)), chain(*lists))):
            kinds = set(map(type, parts))
            yield None if kinds - _KNOWN else parts if kinds == {str} else _of({str}, parts, kinds)
            level += _of({dict, list}, parts, kinds)
        if not level:
            return
    yield None


def _of(wanted: set[type], parts: list[Any], kinds: set[type]) -> list[Any]:
    """Give the parts of some types; `kinds` are the types of all of them."""
    return [] if wanted.isdisjoint(kinds) else [part for part in parts if type(part) in wanted]


def _suspicious(texts: list[str], extra: tuple[str, ...]) -> Container[str]:
    """Search all texts at once, joined; the place of a piece tells in which text it stands."""
    joined = _BETWEEN.join(texts)
    if joined.count(_BETWEEN) >= max(1, len(texts)):
        return EVERYTHING  # a text has such a character itself
    lowered = _lowered(joined)
    pieces = NAME_PIECES + _SHAPE_PIECES + (_AROUND_NAMES if extra else ())
    present = [piece for piece in pieces if piece[-1] in lowered]  # most texts have no sign that some pieces end with
    found = {_text_around(joined, place) for piece in present for place in _places(piece, lowered)}
    if extra:
        named = re.compile("|".join(fnmatch.translate(pattern.lower()) for pattern in extra)).match
        found.update(text for text in texts if named(text.lower()))
    return found


def _lowered(text: str) -> str:
    """Give the text in lower case, each character in its place, with those that regexes take for an ASCII letter."""
    if not text.isascii():
        for letter, like in (("\u0130", "i"), ("\u0131", "i"), ("\u017f", "s")):
            text = text.replace(letter, like)
    return text.lower()


def _places(piece: str, text: str) -> Iterator[int]:
    place = text.find(piece)
    while place >= 0:
        yield place
        place = text.find(piece, place + 1)


def _text_around(joined: str, place: int) -> str:
    end = joined.find(_BETWEEN, place)
    return joined[joined.rfind(_BETWEEN, 0, place) + 1 : end if end >= 0 else None]

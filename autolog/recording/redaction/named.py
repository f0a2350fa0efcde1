"""Secrets known by a name before them within text: `password=x`, `--token x`, `"api_key": "x"`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from autolog.recording.redaction.names import hides_text, is_secret_name
from autolog.recording.redaction.shapes import REDACTED
from autolog.recording.redaction.suspects import NAME_PIECES

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OPTION", "without_named"]

_LONGEST_LIST = 1 << 12

_NAMED = re.compile(
    # a name begins only where no name's letter precedes, so each letter is looked at once however long the text
    r"""(?:(?P<line>^[+-]?[ \t]*(?:export[ \t]+)?) | (?<![\w.-]))
        (?P<dashes>-{1,2})? (?P<first>(?<=\w\(["']))? (?P<name>[A-Za-z_][\w.-]*)
        (?P<sep>
            \\?["']?\]?[ \t]{0,8}
            (?: :[ \t]{0,8}[\w.]{1,64}(?:\[[^\]\n]{0,64}\])?(?:[ ]\|[ ]\w{1,64})?[ \t]{0,8}=(?!=) | [=:] )
            [ \t]{0,8}
          | (?(first)["'],[ \t]{0,8}(?=[rbfuRBFU]?["'])|(?!))
          | (?(dashes)[ \t]+|(?!)))""",
    re.MULTILINE | re.VERBOSE,
)
_QUOTED = re.compile(
    r"""[rbfuRBFU]{0,2} (?P<quote>\"{3}|'{3}|\\?["']) (?P<inner>(?:(?!(?P=quote))(?:\\.|[^\\\n]))*) (?P=quote)?""",
    re.VERBOSE,
)
_BARE = re.compile(r"""[^\s"'&;,)\]}]+""")
_PARAMETER = re.compile(r"""[^\s"'&<>#]+""")
_ARGUMENT = re.compile(r"""[^\s"']+""")
_LAST_ON_LINE = re.compile(r"\S+?(?=,?(?:[ \t]+\#.*|[ \t\r]*)$)", re.MULTILINE)
_PHRASE = re.compile(r"""[^\s"'#=(){}\[\],;:](?:[^"'#=(){}\[\],;:\n]*[^\s"'#=(){}\[\],;:])?""")
_IN_BRACES = re.compile(r"""[^\s"',{}](?:[^\n"',{}]{0,256}[^\s"',{}])?(?=[ \t]*(?:,[^{}\n]{0,256})?\})""")
_BRACKETED = re.compile(r"""[\[({][\s+\[({-]{0,64}[rbfuRBFU]{0,2}\\?["']""")
_BRACKETS = re.compile(rf"{_QUOTED.pattern} | (?P<opening>[\[({{]) | (?P<closing>[\])}}])", re.VERBOSE)
OPTION = re.compile(r"--?[A-Za-z][\w.-]*(?=[=\s]|$)")
_CALL = re.compile(r"[A-Za-z_][\w.]*(?:\([^()\n]{0,200}\)|\[[^\[\]\n]{0,200}\])")
_TYPES = frozenset({"str", "bytes", "int", "float", "bool", "object", "any", "string", "number", "boolean"})


def without_named(text: str, extra: tuple[str, ...]) -> str:
    """Take out what follows a secret name and is written as its value."""
    lowered = text.lower()
    if not extra and not any(hint in lowered for hint in NAME_PIECES):
        return text
    pieces, done = [], 0
    for start, end in _named_secrets(text, extra):
        pieces += [text[done:start], REDACTED]
        done = end
    return "".join([*pieces, text[done:]]) if pieces else text


def _named_secrets(text: str, extra: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Give where the secret values begin and end, in order, none within another."""
    done = 0
    for found in _NAMED.finditer(text):
        if found.start() >= done and is_secret_name(found["name"], extra):
            for start, end in _values_after(found, text):
                if hides_text(found["name"], text[start:end], extra):
                    done = end
                    yield start, end


def _values_after(found: re.Match[str], text: str) -> Iterator[tuple[int, int]]:
    """Give the spans of what a name is followed by; none where that is no value, but prose, code or redacted."""
    at = found.end()
    if text.startswith(REDACTED, at):
        return
    if _BRACKETED.match(text, at):
        yield from _strings_in_brackets(text, at)
    elif quoted := _QUOTED.match(text, at):
        yield from _unless_redacted(quoted)
    else:
        bare = next(filter(None, (pattern.match(text, at) for pattern in _bare_patterns(found))), None)
        if bare is not None and not _is_no_value(found, bare):
            yield bare.span()


def _unless_redacted(quoted: re.Match[str]) -> Iterator[tuple[int, int]]:
    if quoted["inner"] not in ("", REDACTED):
        yield quoted.span("inner")


def _strings_in_brackets(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Give the strings of a literal list, tuple or dict, over its lines, as far as one looks."""
    depth = 0
    for token in _BRACKETS.finditer(text, at, at + _LONGEST_LIST):
        if token["inner"] is not None:
            yield from _unless_redacted(token)
        depth += (token["opening"] is not None) - (token["closing"] is not None)
        if depth == 0:
            return


def _bare_patterns(found: re.Match[str]) -> Iterator[re.Pattern[str]]:
    """Give what an unquoted value may be. Without a URL, an option, a line or a close `=` around it, it is prose."""
    if found["dashes"]:
        yield _ARGUMENT
    elif _in_query(found):
        yield _PARAMETER
    elif found["line"] is not None:
        if found["name"].lower().endswith("phrase"):  # the only one that has words
            yield _PHRASE
        yield _LAST_ON_LINE
    elif found["sep"].startswith(":") and found["sep"].endswith(" "):
        yield _IN_BRACES
    if found["sep"] == "=":
        yield _BARE


def _in_query(found: re.Match[str]) -> bool:
    return found.string[max(0, found.start() - 1) : found.start()] in ("?", "&")


def _is_no_value(found: re.Match[str], bare: re.Match[str]) -> bool:
    """Whether a bare word is the next option, or a piece of a program that names the secret and does not hold it."""
    if found["dashes"]:
        return found["sep"].isspace() and OPTION.match(bare.string, bare.start()) is not None
    if _in_query(found):
        return False
    last = bare[0].rpartition(".")[2].lower()
    return (
        last in _TYPES
        or last == found["name"].rpartition(".")[2].lower()
        or _CALL.match(bare.string, bare.start()) is not None
    )

"""What must not be written: secrets, known by the name they stand under or by their shape. Applied before the journal.

A name is judged by how it ends, since its last word says what the thing is: `db_password`, `hf_token` and `X-Api-Key`
are secrets; `token_pattern`, `password_strength`, `tokenizer`, `secretary` and `keyword` are not. Of a nested name
(`clf__auth_token`, `headers.Authorization`) the last part counts.

- True, False, None and floats are never secrets. A whole number is one under a singular name (`password=1234`), and
  is a count under a plural or counting name (`passwords=3`, `n_token=5`).
- A `token` is a secret unless the word before it belongs to language models (`eos_token`, `pad_token`); `tokens` are
  text (`max_tokens`, `stop_tokens`) unless the word before says otherwise (`access_tokens`).

Within text, what follows a secret name is judged by how it is written: `password=x`, `"password": "x"`, `--password x`,
`password: x` on a line of its own, `{password: x}`, `password: str = "x"`, `environ["PASSWORD"] = "x"`,
`setdefault("password", "x")`, `passwords = ["x"]`; so are `-u user:x` and `mysql -px`. Code that
only names a secret (`token = get_token()`, `token=token`) stays.
"""

from __future__ import annotations

import base64
import fnmatch
import functools
import operator
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from autolog.recording.suspects import EVERYTHING, NAME_PIECES, suspects

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

__all__ = ["REDACTED", "is_secret_name", "redact", "redact_arguments", "redact_name", "redact_text"]

REDACTED = "[redacted]"

_Path: TypeAlias = "tuple[int, ...]"  # the identities of the containers around a value

_deepest = 100
_block = 1 << 14
_longest_kept = 128
_longest_list = 1 << 12


# ---- by name


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
    return _judged(name, extra) if len(name) < _longest_kept else _judged.__wrapped__(name, extra)


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


def _hides(name: str, value: object, extra: tuple[str, ...]) -> bool:
    """Whether this value is secret under this name."""
    if value is None or isinstance(value, (bool, float)) or not is_secret_name(name, extra):
        return False
    return not (isinstance(value, int) and _is_counting(name))


# ---- by shape


_SHAPES = re.compile(
    r"""(?:AKIA|ASIA)[A-Z0-9]{16}
      | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_\w{20,} | glpat-[\w-]{20,}
      | (?<![\w-])sk-(?=[\w-]{0,64}\d)[\w-]{16,} | [rs]k_(?:live|test)_[A-Za-z0-9]{16,}
      | hf_[A-Za-z0-9]{30,} | npm_[A-Za-z0-9]{36} | pypi-[\w-]{50,}
      | xox[abeprs]-[A-Za-z0-9-]{14,}
      | AIza[\w-]{35} | ya29\.[\w-]{20,}
      | (?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?""",
    re.VERBOSE,
)
_HARMLESS = re.compile(
    r"[\w.+-]{0,18}"
)  # every shape is longer than that, and text with a name in it has other characters
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:(?!-----)[\w+/=\s\\:,-])*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)
_USERINFO = re.compile(
    # what precedes an @ before any path; or a user, a colon and anything that is no port, when the password has a slash
    r"""://(?:[^\s/?\#"'<>]+ | [^\s/?\#:@"'<>\[]*:(?!\d{1,5}[/?\#])[^\s@"'<>]{1,256})@""",
    re.VERBOSE,
)
_SIGNATURE = re.compile(r"""([?&](?:[\w-]{0,32}signature|sig)=)[^&\s"'<>#]+""", re.IGNORECASE)
_AUTHORIZATION = re.compile(
    r"""(authorization\\?["']?[ \t]{0,8}[:=][ \t]{0,8}\\?["']?)
        (?:(?:basic|bearer|token|digest|negotiate)[ \t]{1,8})? [^\s"'\\,;]+
      | (\bbearer[ \t]{1,8})(?=[^\s"']{0,64}\d)[\w.~+/=-]{16,}""",
    re.IGNORECASE | re.VERBOSE,
)

_LOGIN = re.compile(  # `curl -u bob:secret`; neither the numbers of a user and a group, nor a URL
    r"""((?<![\w-])(?:-u|--user|--proxy-user)(?:=|[ \t]{1,8})["']?[^\s:"'/\\]{1,64}:)
        (?!\d+(?![^\s"'])|[/\\])[^\s"']+""",
    re.VERBOSE,
)
_COMMAND = re.compile(  # these commands' short option for a password
    r"""(\b(?:mysql\w{0,32}|mariadb[\w-]{0,32}|sshpass)(?:[ \t]+(?!-p)[^\s|;&]{1,256}){0,16}?[ \t]+-p[ \t]?)
        [^\s"'|;&\[-][^\s"']*""",
    re.VERBOSE,
)


def _without_shapes(text: str) -> str:
    text = _SHAPES.sub(REDACTED, text)
    if "://" in text:
        text = _USERINFO.sub(f"://{REDACTED}@", text)
    if "-u" in text or "-user" in text:
        text = _LOGIN.sub(rf"\1{REDACTED}", text)
    if " -p" in text:
        text = _COMMAND.sub(rf"\1{REDACTED}", text)
    text = _SIGNATURE.sub(rf"\1{REDACTED}", text)
    return _AUTHORIZATION.sub(rf"\1\2{REDACTED}", text)


# ---- by a name within text: `password=x`, `--token x`, `"api_key": "x"`, `PASSWORD: x` on a line of its own


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
_OPTION = re.compile(r"--?[A-Za-z][\w.-]*(?=[=\s]|$)")
_CALL = re.compile(r"[A-Za-z_][\w.]*(?:\([^()\n]{0,200}\)|\[[^\[\]\n]{0,200}\])")
_TYPES = frozenset({"str", "bytes", "int", "float", "bool", "object", "any", "string", "number", "boolean"})


def _without_named(text: str, extra: tuple[str, ...]) -> str:
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
                if _hides(found["name"], _as_value(text[start:end]), extra):
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
    for token in _BRACKETS.finditer(text, at, at + _longest_list):
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
        return found["sep"].isspace() and _OPTION.match(bare.string, bare.start()) is not None
    if _in_query(found):
        return False
    last = bare[0].rpartition(".")[2].lower()
    return (
        last in _TYPES
        or last == found["name"].rpartition(".")[2].lower()
        or _CALL.match(bare.string, bare.start()) is not None
    )


def _as_value(text: str) -> object:
    """Read a word as the value it spells."""
    word = text.strip().lower()
    if word in ("true", "false", "none", "null"):
        return None
    return int(word) if word.isdecimal() and len(word) < 20 else text


# ---- the doors


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
    if "-----BEGIN" in text:
        text = _PRIVATE_KEY.sub(REDACTED, text)
    if len(text) <= _block:
        return _redact_lines(text, tuple(extra))
    pieces = [_redact_lines(block, tuple(extra)) for block in _blocks(text)]
    redacted = "".join(pieces)
    return text if redacted == text else redacted


def _blocks(text: str) -> Iterator[str]:
    """Cut at ends of lines, as all but private keys is found within one; other threads get their turn in between."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _block) + 1 or len(text)
        yield text[start:end]
        start = end


def _redact_lines(text: str, extra: tuple[str, ...]) -> str:
    redacted = _without_named(_without_shapes(text), extra)
    return text if redacted == text else redacted


def redact_arguments(arguments: Sequence[str], extra: Sequence[str] = ()) -> list[str]:
    """Take the secrets out of a program's arguments; `--password x`, `--token=x` and `db.password=x` are understood.

    Args:
        arguments: as in `sys.argv[1:]`.
        extra: further patterns of secret names.
    """
    return _redact_arguments(arguments, tuple(extra), EVERYTHING)


def _redact_arguments(arguments: Sequence[str], extra: tuple[str, ...], look: Container[str]) -> list[str]:
    return [
        _redact_argument(option, item, extra) if item in look or option in look else item
        for option, item in zip(["", *arguments], arguments, strict=False)
    ]


def _redact_argument(option: str, argument: str, extra: tuple[str, ...]) -> str:
    if option in ("-u", "--user", "--proxy-user"):
        return redact_text(f"{option} {argument}", extra).removeprefix(f"{option} ")
    if _OPTION.fullmatch(option) and not _OPTION.match(argument):
        return REDACTED if _hides(option.lstrip("-"), _as_value(argument), extra) else redact_text(argument, extra)
    name, equals, value = argument.partition("=")
    if equals and value and _hides(name.lstrip("-+"), _as_value(value), extra):
        return f"{name}={REDACTED}"
    return redact_text(argument, extra)


def redact_name(name: str, extra: Sequence[str] = ()) -> str:
    """Take the secrets out of the name of a param, metric or tag, such as a URL with a password; few names are many.

    Args:
        name: it.
        extra: further patterns of secret names.
    """
    return _renamed(name, tuple(extra)) if len(name) < _longest_kept else redact_text(name, extra)


_renamed = functools.lru_cache(maxsize=4096)(redact_text)


def redact(name: str, value: Any, extra: Sequence[str] = ()) -> Any:
    """Take the secrets out of a value, and out of what is nested in it.

    Args:
        name: what the value stands under.
        value: of any type; dicts, lists, tuples, sets, strings and bytes are looked into.
        extra: further patterns of secret names, such as `*_pin`.

    Returns:
        `"[redacted]"`, or a copy without the secrets, or the same object where there are none.
    """
    if value is None or isinstance(value, (bool, float)):
        return value
    patterns = tuple(extra)
    if _hides(name, value, patterns):
        return REDACTED
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return redact_text(value, patterns)
    look = suspects(value, patterns)
    return _within(value, patterns, look, ()) if look else value


def _within(value: Any, extra: tuple[str, ...], look: Container[str], path: _Path) -> Any:
    """Give a value without secrets; only the texts in `look` are read."""
    if isinstance(value, str):
        return redact_text(value, extra) if value in look else value
    if isinstance(value, (bytes, bytearray)):
        return _redact_bytes(value, extra)
    if not isinstance(value, (dict, list, tuple, set, frozenset)):
        return value
    if len(path) >= _deepest or id(value) in path:  # too deep to look at, or within itself
        return REDACTED
    path = (*path, id(value))
    if isinstance(value, dict):
        return _redact_dict(value, extra, look, path)
    return _redact_items(value, extra, look, path)


def _redact_dict(value: dict[Any, Any], extra: tuple[str, ...], look: Container[str], path: _Path) -> Any:
    if value.keys() == {"$dict"} and _are_pairs(value["$dict"]):  # how a dict with other keys than strings is written
        pairs = [_redact_item(key, item, extra, look, path) for key, item in value["$dict"]]
        return value if _same_pairs(value["$dict"], pairs) else {"$dict": [list(pair) for pair in pairs]}
    if value.keys() == {"$tuple", "names"}:
        items = _fields(value["names"], value["$tuple"], extra, look, path)
        return value if all(map(operator.is_, value["$tuple"], items)) else {**value, "$tuple": items}
    if value.keys() == {"$bytes"} and isinstance(value["$bytes"], str):
        return _redact_encoded_bytes(value, extra)
    changed = {}
    for key in _keys_to_look_at(value, look):
        found = _redact_item(key, value[key], extra, look, path)
        if found[0] is not key or found[1] is not value[key]:
            changed[key] = found
    if all(key is new for key, (new, _) in changed.items()):
        return {**value, **{key: item for key, (_, item) in changed.items()}} if changed else value
    return dict(changed.get(key, (key, item)) for key, item in value.items())


def _keys_to_look_at(value: dict[Any, Any], look: Container[str]) -> Iterable[Any]:
    """Give the keys of items that may hold a secret; where nothing is within the items, their keys alone decide."""
    if isinstance(look, set) and set(map(type, value.values())) <= _WITHOUT_PARTS and set(map(type, value)) <= {str}:
        return look & value.keys()
    return value


_WITHOUT_PARTS = frozenset({int, float, bool, type(None)})


def _are_pairs(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in value)


def _same_pairs(before: Iterable[Sequence[Any]], after: Iterable[Sequence[Any]]) -> bool:
    return all(old[0] is new[0] and old[1] is new[1] for old, new in zip(before, after, strict=True))


def _redact_item(key: Any, item: Any, extra: tuple[str, ...], look: Container[str], path: _Path) -> tuple[Any, Any]:
    hidden = isinstance(key, str) and key in look and _hides(key, item, extra)
    return _within(key, extra, look, path), REDACTED if hidden else _within(item, extra, look, path)


def _redact_items(value: Any, extra: tuple[str, ...], look: Container[str], path: _Path) -> Any:
    """Give a list, tuple or set without secrets; one that had some comes back as the plain type."""
    items = _items(value, extra, look, path)
    if all(map(operator.is_, value, items)):
        return value
    return next(kind for kind in (list, tuple, set, frozenset) if isinstance(value, kind))(items)


def _items(value: Any, extra: tuple[str, ...], look: Container[str], path: _Path) -> Sequence[Any]:
    names = getattr(value, "_fields", None) if isinstance(value, tuple) else None
    if names is not None:
        return _fields(names, value, extra, look, path)
    kinds = set(map(type, value))
    if isinstance(value, (list, tuple)) and all(issubclass(kind, str) for kind in kinds):
        return _redact_arguments(value, extra, look)
    return value if kinds <= _WITHOUT_PARTS else [_within(item, extra, look, path) for item in value]


def _fields(
    names: Iterable[Any], values: Iterable[Any], extra: tuple[str, ...], look: Container[str], path: _Path
) -> list[Any]:
    """Give a named tuple's fields without secrets."""
    return [_redact_item(name, item, extra, look, path)[1] for name, item in zip(names, values, strict=True)]


def _redact_encoded_bytes(value: dict[str, Any], extra: tuple[str, ...]) -> dict[str, Any]:
    raw = base64.b64decode(value["$bytes"])
    redacted = _redact_bytes(raw, extra)
    return value if redacted is raw else {"$bytes": base64.b64encode(redacted).decode("ascii")}


def _redact_bytes(value: bytes | bytearray, extra: tuple[str, ...]) -> bytes | bytearray:
    """Look into bytes as text of one byte a character, which any bytes are."""
    text = value.decode("latin-1")
    redacted = redact_text(text, extra)
    return value if redacted is text else redacted.encode("latin-1")

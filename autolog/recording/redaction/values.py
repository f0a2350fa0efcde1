"""The door for values of any type, and for what is nested in them."""

from __future__ import annotations

import base64
import operator
from typing import TYPE_CHECKING, Any, TypeAlias

from autolog.recording.redaction.names import hides
from autolog.recording.redaction.shapes import REDACTED
from autolog.recording.redaction.suspects import suspects
from autolog.recording.redaction.texts import redact_arguments, redact_text

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

__all__ = ["redact"]

_Path: TypeAlias = "tuple[int, ...]"  # the identities of the containers around a value

_DEEPEST = 100


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
    if hides(name, value, patterns):
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
    if len(path) >= _DEEPEST or id(value) in path:  # too deep to look at, or within itself
        return REDACTED
    path = (*path, id(value))
    if isinstance(value, dict):
        return _redact_dict(value, extra, look, path)
    return _redact_items(value, extra, look, path)


def _redact_dict(value: dict[Any, Any], extra: tuple[str, ...], look: Container[str], path: _Path) -> Any:
    if value.keys() == {"$dict"} and _are_pairs(value["$dict"]):  # how a dict with other keys than strings is written
        pairs = [_redact_item(key, item, extra, look, path) for key, item in value["$dict"]]
        return value if _same_pairs(value["$dict"], pairs) else {"$dict": [list(pair) for pair in pairs]}
    if value.keys() == {"$tuple", "names"} and _are_fields(value["names"], value["$tuple"]):
        items = _fields(value["names"], value["$tuple"], extra, look, path)
        return value if all(map(operator.is_, value["$tuple"], items)) else {**value, "$tuple": items}
    raw = _encoded_bytes(value)
    if raw is not None:
        redacted = _redact_bytes(raw, extra)
        return value if redacted is raw else {"$bytes": base64.b64encode(redacted).decode("ascii")}
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


def _are_fields(names: object, values: object) -> bool:
    return isinstance(names, list) and isinstance(values, list) and len(names) == len(values)


def _same_pairs(before: Iterable[Sequence[Any]], after: Iterable[Sequence[Any]]) -> bool:
    return all(old[0] is new[0] and old[1] is new[1] for old, new in zip(before, after, strict=True))


def _redact_item(key: Any, item: Any, extra: tuple[str, ...], look: Container[str], path: _Path) -> tuple[Any, Any]:
    hidden = isinstance(key, str) and key in look and hides(key, item, extra)
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
        return redact_arguments(value, extra, look)
    return value if kinds <= _WITHOUT_PARTS else [_within(item, extra, look, path) for item in value]


def _fields(
    names: Iterable[Any], values: Iterable[Any], extra: tuple[str, ...], look: Container[str], path: _Path
) -> list[Any]:
    """Give a named tuple's fields without secrets."""
    return [_redact_item(name, item, extra, look, path)[1] for name, item in zip(names, values, strict=True)]


def _encoded_bytes(value: dict[Any, Any]) -> bytes | None:
    """Give the bytes that a dict stands for; None where it stands for none, as one of the user's may not."""
    if value.keys() != {"$bytes"} or not isinstance(value["$bytes"], str):
        return None
    try:
        return base64.b64decode(value["$bytes"])
    except ValueError:
        return None


def _redact_bytes(value: bytes | bytearray, extra: tuple[str, ...]) -> bytes | bytearray:
    """Look into bytes as text of one byte a character, which any bytes are."""
    text = value.decode("latin-1")
    redacted = redact_text(text, extra)
    return value if redacted is text else redacted.encode("latin-1")

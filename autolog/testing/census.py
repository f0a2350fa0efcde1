"""Which functions a framework has, by identity: what a patch changes shows, whoever made it and however."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType, FrameType, ModuleType
from typing import Any, NamedTuple, TypeAlias

__all__ = ["Census", "Place", "calls_of", "census", "changes", "code_of"]


class Place(NamedTuple):
    """Where a function stands.

    Args:
        holder: the module or class.
        name: its name there.
        value: what stands there; of a list or dict of functions, such as hooks, these.
        code: the function's code, where it has some.
    """

    holder: Any
    name: str
    value: object
    code: CodeType | None

    def is_as(self, other: Place | None) -> bool:
        """Say whether the same stands there, by identity."""
        if isinstance(self.value, tuple) and other is not None and isinstance(other.value, tuple):
            return list(map(id, self.value)) == list(map(id, other.value))
        return other is not None and self.value is other.value and self.code is other.code


Census: TypeAlias = Mapping[tuple[int, str], Place]


def census(framework: str) -> Census:
    """Give all places of the modules of a package that are there, and of their classes."""
    holders = {id(holder): holder for holder in _holders(framework)}
    places = (place for holder in holders.values() for place in _places(holder))
    return {(id(place.holder), place.name): place for place in places}


def changes(before: Census, after: Census) -> list[Place]:
    """Give what is no longer as before, as it was; and what came to classes, as it is."""
    lost = [place for key, place in before.items() if not place.is_as(after.get(key))]
    known = {holder for holder, _ in before}
    came = (place for key, place in after.items() if key not in before and key[0] in known)
    return [*lost, *(place for place in came if isinstance(place.holder, type))]


def calls_of(codes: Mapping[CodeType, str], work: Callable[[], object]) -> Counter[str]:
    """Count how often code is run, by the name that is given to each, while this thread does some work."""
    counts: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in codes:
            counts[codes[frame.f_code]] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counts


def _holders(framework: str) -> Iterator[Any]:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == framework and issubclass(type(module), ModuleType):
            yield module
            yield from (value for value in list(vars(module).values()) if _is_own_class(value, framework))


def _is_own_class(value: Any, framework: str) -> bool:
    """Say so by the type: `isinstance` would ask the value, and a deprecated one says so."""
    return issubclass(type(value), type) and str(vars(value).get("__module__", "")).partition(".")[0] == framework


def _places(holder: Any) -> Iterator[Place]:
    for name, value in list(vars(holder).items()):
        if name.startswith("_autolog_"):
            continue  # what a watched function's code needs stays, should others still have that code
        if issubclass(type(value), (list, dict)):
            yield Place(holder, name, tuple(filter(callable, _members(value))), None)
        elif callable(value) or hasattr(type(value), "__get__"):
            yield Place(holder, name, value, code_of(value))


def _members(container: list[Any] | dict[Any, Any]) -> Iterable[Any]:
    """Give them as they are stored: a framework's own kind of dict may import what it is asked for."""
    return list(dict.values(container) if isinstance(container, dict) else list.__iter__(container))


def code_of(value: object) -> CodeType | None:
    """Give the code of a function, or of the one that a descriptor stands for."""
    for name in ("__func__", "fget", "fn"):
        value = (vars(type(value)).get(name) and getattr(value, name, None)) or value
    code = getattr(value, "__code__", None)
    return code if isinstance(code, CodeType) else None

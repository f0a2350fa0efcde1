"""What the plugins of this repository declare, as tables: asked of themselves, with their frameworks imported."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["backends", "calls", "containers", "versions"]

_MANY = 12  # names of one place beyond which they are not told one by one


@cache
def _project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    return found


def _plugins() -> Mapping[str, str]:
    found: Mapping[str, str] = _project()["entry-points"]["autolog.plugins"]
    return found


def versions() -> str:
    """Tell which versions each plugin supports: what its extra says."""
    extras = _project()["optional-dependencies"]
    stated = (
        (name, ", ".join(f"`{each}`" for each in extras[name] if "autolog-ml" not in each)) for name in _plugins()
    )
    return _table(("import", "supported"), ((f"`{name}`", text) for name, text in stated))


def containers() -> str:
    """Name the plugins that describe data."""
    told = [f"`{name}`" for name in _plugins() if hasattr(_module(name), "autolog_describe_data")]
    return f"Data is described by the plugins of {', '.join(told)}."


def backends() -> str:
    """Tell which package serves each scheme of addresses."""
    entries = _project()["entry-points"]["autolog.backends"]
    return _table(("scheme", "package"), ((f"`{name}:`", f"`{module}`") for name, module in entries.items()))


def calls() -> str:
    """Tell which calls each plugin has wrapped or watched."""
    rows = ((name, _declared(name)) for name in _plugins() if hasattr(_module(name), "autolog_patches"))
    return _table(
        ("plugin", "wrapped", "watched", "private names that it leans on"),
        (
            (
                f"`{name}`",
                _names(each for each in found if not each.is_watched and not each.is_private),
                _names(each for each in found if each.is_watched and not each.is_private),
                _names(each for each in found if each.is_private),
            )
            for name, found in rows
        ),
    )


class _Seen(NamedTuple):
    """One callable that a plugin wants to see."""

    place: str
    name: str
    is_watched: bool

    @property
    def is_private(self) -> bool:
        """Say whether the framework promises nothing about it."""
        return any(re.match(r"_(?!_)", part) for part in (*self.place.split("."), self.name))


class _Told:
    """Takes a plugin's declarations, and does nothing."""

    def __init__(self) -> None:
        self.seen: list[_Seen] = []

    def method(self, owner: type, name: str, handler: object, *, nested: bool = False) -> None:
        self.seen.append(_Seen(_public(owner), name, False))

    def subclasses(self, base: type, handlers: Iterable[str], *, nested: object = False) -> None:
        self.seen += (_Seen(_public(base), name, False) for name in handlers)

    def function(self, module: ModuleType, name: str, handler: object, *, nested: bool = False) -> None:
        self.seen.append(_Seen(_public_module(module, name), name, False))

    def watch(self, holder: Any, name: str, watch: object, unless: object = None) -> Callable[[], None]:
        place = _public(holder) if isinstance(holder, type) else _public_module(holder, name)
        self.seen.append(_Seen(place, name, True))
        return lambda: None

    def own(self, base: type, settings: object = ()) -> None: ...

    def at_undo(self, then: Callable[[], None]) -> None:
        then()

    def here(self) -> Any:
        return SimpleNamespace(silent_inside=())

    def on_import(self, module: str, declare: Callable[[ModuleType], None]) -> None:
        declare(importlib.import_module(module))


@cache
def _module(name: str) -> ModuleType:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    importlib.import_module(name)
    return importlib.import_module(_plugins()[name])


def _declared(name: str) -> list[_Seen]:
    told = _Told()
    _module(name).autolog_patches(told)
    return told.seen


def _public(kind: type) -> str:
    return f"{_shortest(kind.__module__, kind.__name__, kind)}.{kind.__name__}"


def _public_module(module: ModuleType, name: str) -> str:
    return _shortest(module.__name__, name, getattr(module, name, None))


def _shortest(module: str, name: str, thing: object) -> str:
    """Give the module nearest to the top that has a thing under its name."""
    parts = module.split(".")
    places = (".".join(parts[:count]) for count in range(1, len(parts)))
    return next((each for each in places if getattr(sys.modules.get(each), name, None) is thing), module)


def _names(seen: Iterable[_Seen]) -> str:
    places: dict[str, list[str]] = {}
    for each in seen:
        names = places.setdefault(each.place, [])
        names += [each.name] if each.name not in names else []
    return "; ".join(_place(place, names) for place, names in places.items())


def _place(place: str, names: list[str]) -> str:
    told = "its functions" if len(names) > _MANY else ", ".join(f"`{name}`" for name in names)
    return f"`{place}`: {told}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in _lines(head, rows))


def _lines(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    yield head
    yield tuple("---" for _ in head)
    yield from rows

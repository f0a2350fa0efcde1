"""Tells of a module once the program has imported it; imports nothing by itself, and leaves no trace on the module."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

__all__ = ["is_imported", "when_imported"]

Then: TypeAlias = Callable[[ModuleType], None]

_waiting: dict[str, list[Then]] = {}


def is_imported(name: str) -> bool:
    """Say whether the user's program has imported a module, wholly."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    return module is not None and not getattr(spec, "_initializing", False)


def when_imported(name: str, then: Then) -> None:
    """Call `then(module)` once, as soon as a module that is not there yet has been executed; `then` must not raise."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
    _waiting.setdefault(name, []).append(then)


class _Finder:
    """Finds by the other finders, and only what somebody waits for."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _waiting:
            return None
        others = (getattr(finder, "find_spec", None) for finder in list(sys.meta_path) if finder is not self)
        found = (find(name, path, target) for find in others if find is not None)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Telling(spec.loader)
        return spec


class _Telling:
    """Stands in a spec for the loader until the module is executed, then puts it back."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        if name == "_loader":  # a copy that has none yet
            raise AttributeError(name)
        return getattr(self._loader, name)

    def exec_module(self, module: Any) -> None:
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        name = module.__spec__.name
        for then in _waiting.pop(name, ()):
            then(sys.modules.get(name, module))  # some modules put another object in their place


# Python takes frames of this file out of the traceback of a failed import, and warnings pass over them.
_Telling.exec_module.__code__ = _Telling.exec_module.__code__.replace(
    co_filename="<frozen importlib._bootstrap_external>"
)

_FINDER = _Finder()

"""What a plugin leans on in its framework: looked for when the plugin is switched on, not when it is needed."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from autolog.exceptions import PluginError

__all__ = ["check_needs"]

_ABSENT: Final = object()


def check_needs(framework: ModuleType, *paths: str) -> None:
    """Make sure that a framework has what a plugin leans on; to be asked before anything is declared.

    Args:
        framework: the framework's module.
        paths: dotted names below it, e.g. `"callback.TrainingCallback"`.

    Raises:
        PluginError: it names those that are missing; the plugin is then switched off with that line.
    """
    missing = [path for path in paths if _below(framework, path) is _ABSENT]
    if missing:
        version = getattr(framework, "__version__", "of this version")
        names = ", ".join(f"{framework.__name__}.{path}" for path in missing)
        raise PluginError(f"{framework.__name__} {version} has no {names}, which this plugin leans on")


def _below(found: Any, path: str) -> Any:
    for name in path.split("."):
        found = getattr(found, name, _ABSENT)
    return found

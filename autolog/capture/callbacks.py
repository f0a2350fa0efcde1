"""What callbacks a training was given, in words."""

from __future__ import annotations

from typing import Any, Final

from autolog.values import type_name

__all__ = ["described"]

_PLAIN: Final = (bool, int, float, str)


def described(callbacks: Any, package: str) -> dict[str, list[str]]:
    """Give the param `callbacks`; none where there are no callbacks, or no list of them.

    Args:
        callbacks: as the user gave them.
        package: the framework's; its own callbacks are told with their settings, a user's by class or name only.
    """
    if type(callbacks) not in (list, tuple, set) or not callbacks:
        return {}
    return {"callbacks": [_described(each, package) for each in callbacks]}


def _described(callback: object, package: str) -> str:
    kind = type(callback)
    if kind.__module__.partition(".")[0] != package:
        name = getattr(callback, "__qualname__", None) if kind.__module__ == "builtins" else None
        return name if isinstance(name, str) else type_name(callback)
    settings = getattr(callback, "__dict__", {}).items()
    shown = (f"{name}={value}" for name, value in settings if type(value) in _PLAIN and not name.startswith("_"))
    return f"{kind.__name__}({', '.join(shown)})"

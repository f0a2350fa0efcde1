"""Handlers that are imported with their first call, so that `enable()` is quick."""

from __future__ import annotations

from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autolog.hookspecs import Handler

__all__ = ["late"]


def late(package: str, where: str) -> Handler:
    """Give the handler `package.module.name`, imported when it is first called.

    Args:
        package: the plugin's.
        where: `module.name` in it.
    """
    found = cache(partial(_imported, package, *where.split(".")))
    return lambda call: found()(call)


def _imported(package: str, module: str, name: str) -> Any:
    return getattr(import_module(f"{package}.{module}"), name)

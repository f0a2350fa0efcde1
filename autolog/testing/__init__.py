"""What a plugin's or a backend's author tests with: fixtures for pytest, and two suites to subclass.

The fixtures are there wherever autolog is installed, and do nothing where no test asks for them: see `fixtures`.
`PluginContract` holds a framework plugin to what autolog promises to programs, `BackendContract` a backend to what it
promises about records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from autolog.testing.backends import BackendContract
    from autolog.testing.plugins import PluginContract
    from autolog.testing.recorded import Run, all_runs, in_thread, only_run, only_top_run, series, top_runs

__all__ = [
    "BackendContract",
    "PluginContract",
    "Run",
    "all_runs",
    "in_thread",
    "only_run",
    "only_top_run",
    "series",
    "top_runs",
]

_ROOMS: Final = {"BackendContract": "backends", "PluginContract": "plugins"}

pytest.register_assert_rewrite("autolog.testing.backends", "autolog.testing.plugins")


def __getattr__(name: str) -> Any:
    """Import a suite when it is asked for: this module is imported at every start of pytest."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_ROOMS.get(name, 'recorded')}"), name)

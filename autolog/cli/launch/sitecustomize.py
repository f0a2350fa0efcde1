"""Switches autolog on in a program that `autolog run` has started, before the first line of the program.

Python imports the module `sitecustomize` when it starts. `autolog run` puts this folder in front of PYTHONPATH, so it
finds this one. It takes every trace of itself away, lets a `sitecustomize` of the machine have its turn, and leaves the
program to Python itself. Hence what the program sees, and what happens when it fails, is what plain Python does.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

__all__: list[str] = []


def _leave_no_trace() -> dict[str, Any]:
    """Give what `autolog run` was asked for, and put environment and module path back as they were."""
    asked: dict[str, Any] = json.loads(os.environ.pop("AUTOLOG_RUN"))
    path = asked.pop("pythonpath")
    if isinstance(path, str):
        os.environ["PYTHONPATH"] = path
    else:
        del os.environ["PYTHONPATH"]
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 (pathlib is not loaded for a bare program)
    sys.path.remove(here)
    sys.path_importer_cache.pop(here, None)
    return asked


def _switch_on(asked: dict[str, Any]) -> None:
    try:
        import autolog

        autolog.enable(*asked["plugins"], **asked["options"])
    except Exception as error:  # noqa: BLE001 (the program goes on without us)
        print(f"autolog: nothing is recorded: {error}", file=sys.stderr)  # noqa: T201


_switch_on(_leave_no_trace())

# Where the machine has none, this raises just what Python expects of a missing sitecustomize, and passes over.
del sys.modules["sitecustomize"]
import sitecustomize  # type: ignore[import-not-found, unused-ignore]  # noqa: E402, F401

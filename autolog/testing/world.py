"""All that a program could notice of the process that it runs in.

Of the standard library alone, and imports nothing of ours: it also looks at processes without autolog.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import pickle
import random
import re
import signal
import sys
import threading
import types
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["fingerprint", "snapshot"]

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]+")
_OURS: Final = re.compile(r"(autolog\w*|wrapt|pluggy|packaging|lark|_distutils_hack)(\..*)?")


def snapshot(made: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a program made, by name, and what it left of the process, as JSON can say it."""
    return {
        "values": {name: fingerprint(value) for name, value in made.items()},
        "random": fingerprint(random.getstate()),
        **_frameworks(),
        "warning filters": str(warnings.filters),
        "warning registries": _registries(),
        "showwarning": warnings.showwarning.__qualname__,
        "excepthook": [str(getattr(sys, name)) for name in ("excepthook", "unraisablehook", "displayhook")],
        "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "path": sys.path,
        "path hooks": len(sys.path_hooks),
        "environment": {name: value for name, value in os.environ.items() if not name.startswith("LOKY")},
        "directory": str(Path.cwd()),
        "threads": _threads(),
        "thread hook": str(threading.excepthook),
        "gc": [gc.isenabled(), gc.get_threshold(), len(gc.callbacks), gc.get_freeze_count()],
        "trace": [str(sys.gettrace()), str(sys.getprofile()), sys.getrecursionlimit(), sys.getswitchinterval()],
        "modules": sorted(name for name in sys.modules if not _OURS.fullmatch(name) and not _is_standard(name)),
        "finders": [str(type(each)) for each in sys.meta_path if not _OURS.fullmatch(type(each).__module__)],
        "logging": [_logging_of(name) for name in (None, "sklearn", "joblib", "py.warnings")],
        "streams": [type(stream).__qualname__ for stream in (sys.stdout, sys.stderr, sys.stdin)],
    }


def fingerprint(value: object) -> str:
    """Give the digest of a value's pickle, where it has one, and the beginning of its text."""
    try:
        data = pickle.dumps(value)
    except Exception:  # noqa: BLE001  whatever the user's class does there
        data = b""
    text = _ADDRESS.sub("", repr(value))
    return f"{type(value).__name__} {hashlib.sha256(data).hexdigest()[:16]} {len(data)} {text[:60]}"


def _frameworks() -> dict[str, Any]:
    """Give the state that frameworks keep for the whole process, of those that are there."""
    numpy, sklearn, torch = map(sys.modules.get, ("numpy", "sklearn", "torch"))
    found: dict[str, Any] = {}
    if numpy is not None:
        found |= {"numpy random": fingerprint(numpy.random.get_state()), "numpy errors": numpy.geterr()}
    if sklearn is not None:
        found["sklearn config"] = str(sklearn.get_config())
    if torch is not None:
        found["torch random"] = fingerprint(torch.get_rng_state().tolist())
    return found


def _threads() -> list[str]:
    """Name the threads; not those of a pool that is winding down."""
    names = (each.name for each in threading.enumerate())
    return sorted(
        re.sub(r"\d+", "N", name) for name in names if not name.startswith("autolog") and "(worker)" not in name
    )


def _is_standard(name: str) -> bool:
    """Say whether a module is of the standard library: which of those are loaded, programs do not ask."""
    return name.partition(".")[0] in sys.stdlib_module_names


def _registries() -> dict[str, str]:
    """Give which warnings each module remembers; not the version, which any change of the filters changes."""
    found = {}
    for name, module in list(sys.modules.items()):
        registry = vars(module).get("__warningregistry__") if isinstance(module, types.ModuleType) else None
        if registry:
            found[name] = str(sorted(str(item) for item in registry.items() if item[0] != "version"))
    return found


def _logging_of(name: str | None) -> list[str]:
    """Give how a logger is set up."""
    logger = logging.getLogger(name)
    return [logger.name, str(logger.level), str(logger.handlers), str(logger.disabled), str(logger.propagate)]

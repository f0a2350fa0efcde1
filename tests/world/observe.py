"""Runs plain programs, recorded or not, and writes down all that a program could notice of the process after each.

Usage: python observe.py OUT plain|early|late PROGRAM...    (early: recorded from the start; late: after the imports)
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
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
from pathlib import Path
from typing import Any

__all__: list[str] = []

ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
OURS = re.compile(r"(autolog\w*|wrapt|pluggy|packaging|lark|_distutils_hack)(\..*)?")


def run(program: Path) -> types.ModuleType:
    """Run a program as `python program.py` would, and give its `__main__`."""
    main = types.ModuleType("__main__")
    main.__file__ = str(program)
    sys.modules["__main__"] = main
    exec(compile(program.read_text(), str(program), "exec"), vars(main))
    return main


def snapshot(main: types.ModuleType) -> dict[str, Any]:
    """What the program made, and what it left of the process."""
    return {
        "values": {name: fingerprint(value) for name, value in vars(main).items() if is_result(name, value)},
        "random": fingerprint(random.getstate()),
        "numpy random": fingerprint(sys.modules["numpy"].random.get_state()),
        "numpy errors": sys.modules["numpy"].geterr(),
        "sklearn config": str(sys.modules["sklearn"].get_config()),
        "warning filters": str(warnings.filters),
        "warning registries": registries(),
        "showwarning": warnings.showwarning.__qualname__,
        "excepthook": [str(getattr(sys, name)) for name in ("excepthook", "unraisablehook", "displayhook")],
        "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "path": sys.path,
        "path hooks": len(sys.path_hooks),
        "environment": {name: value for name, value in os.environ.items() if not name.startswith("LOKY")},
        "directory": str(Path.cwd()),
        "threads": sorted(
            re.sub(r"\d+", "N", each.name)
            for each in threading.enumerate()
            if not each.name.startswith("autolog") and "(worker)" not in each.name  # of a pool that is winding down
        ),
        "thread hook": str(threading.excepthook),
        "gc": [gc.isenabled(), gc.get_threshold(), len(gc.callbacks), gc.get_freeze_count()],
        "trace": [str(sys.gettrace()), str(sys.getprofile()), sys.getrecursionlimit(), sys.getswitchinterval()],
        "modules": sorted(name for name in sys.modules if not OURS.fullmatch(name) and not is_standard(name)),
        "finders": [str(type(each)) for each in sys.meta_path if not OURS.fullmatch(type(each).__module__)],
        "logging": [logging_of(None)] + [logging_of(name) for name in ("sklearn", "joblib", "py.warnings")],
        "streams": [type(stream).__qualname__ for stream in (sys.stdout, sys.stderr, sys.stdin)],
    }


def is_result(name: str, value: object) -> bool:
    """Say whether a variable is one that the program made."""
    return not name.startswith("_") and not isinstance(value, (types.ModuleType, type, types.FunctionType))


def is_standard(name: str) -> bool:
    """Say whether a module is of the standard library: which of those are loaded, programs do not ask."""
    return name.partition(".")[0] in sys.stdlib_module_names


def fingerprint(value: object) -> str:
    """Give the digest of a value's pickle, and the beginning of its text."""
    data, text = pickle.dumps(value), ADDRESS.sub("", repr(value))
    return f"{type(value).__name__} {hashlib.sha256(data).hexdigest()[:16]} {len(data)} {text[:60]}"


def registries() -> dict[str, str]:
    """Give which warnings each module remembers; not the version, which any call of scikit-learn changes."""
    found = {}
    for name, module in list(sys.modules.items()):
        registry = vars(module).get("__warningregistry__") if isinstance(module, types.ModuleType) else None
        if registry:
            found[name] = str(sorted(str(item) for item in registry.items() if item[0] != "version"))
    return found


def logging_of(name: str | None) -> list[str]:
    """Give how a logger is set up."""
    logger = logging.getLogger(name)
    return [logger.name, str(logger.level), str(logger.handlers), str(logger.disabled), str(logger.propagate)]


def main() -> None:
    """Run the programs and write the snapshots."""
    out, mode, *programs = sys.argv[1:]
    here = Path(__file__).parent
    random.seed(0)
    if mode != "early":
        importlib.import_module("joblib")
        importlib.import_module("sklearn")
    if mode != "plain":
        import autolog

        autolog.enable(backend=str(Path(out).with_suffix(".runs")))
        early = {"numpy", "scipy", "pandas", "polars", "pyarrow", "joblib", "sklearn"} & set(sys.modules)
        assert mode == "late" or not early, early
    seen = {}
    for program in programs:
        print(f"== {program}", flush=True)
        print(f"== {program}", flush=True, file=sys.stderr)
        seen[program] = snapshot(run(here / f"{program}.py"))
        Path(out).write_text(json.dumps(seen, indent=1))


if __name__ == "__main__":
    main()

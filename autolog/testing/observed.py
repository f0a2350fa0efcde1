"""What processes of a contract's training see: without autolog, and with it from the start or from the import on."""

from __future__ import annotations

import difflib
import inspect
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from autolog import session
from autolog.loading.loader import PLUGINS

if TYPE_CHECKING:
    from autolog.testing.plugins import PluginContract

__all__ = ["Observed", "differences", "observed", "package_of"]


class Observed(NamedTuple):
    """A process, seen from outside and from inside.

    Args:
        code: its exit code.
        out: its stdout.
        err: its stderr, without autolog's lines.
        seen: what it wrote down; empty where it did not come to that.
        runs: the folder that it recorded into.
    """

    code: int
    out: str
    err: str
    seen: dict[str, Any]
    runs: Path


def observed(contract: type[PluginContract]) -> dict[str, Observed]:
    """Run a contract's training in the three ways, once for all tests."""
    if contract not in _seen:
        folder = tempfile.TemporaryDirectory(prefix="autolog-contract-")
        _seen[contract] = folder, _observed(contract, Path(folder.name))
    return _seen[contract][1]


_seen: dict[type, tuple[tempfile.TemporaryDirectory[str], dict[str, Observed]]] = {}
"""By contract, with the folder, which goes when nobody holds it."""


def _observed(contract: type[PluginContract], folder: Path) -> dict[str, Observed]:
    started = {mode: _started(contract, mode, folder) for mode in ("plain", "early", "late")}  # side by side
    return {mode: _ended(process, mode, folder) for mode, process in started.items()}


def package_of(plugin: str) -> str:
    """Give the package that an installed plugin stands in."""
    record = session.get().loader.find(PLUGINS, plugin)
    entry = None if record is None else record.entry_point
    if entry is None:
        raise AssertionError(f"no plugin {plugin!r} is installed: install its distribution (pip install -e .)")
    return entry.value.partition(":")[0].partition(".")[0]


def _started(contract: type[PluginContract], mode: str, folder: Path) -> subprocess.Popen[str]:
    what = [inspect.getfile(contract), contract.__qualname__, mode, package_of(contract.plugin)]
    where = [str(folder / mode), str(folder / f"{mode}.runs")]
    command = [sys.executable, "-m", "autolog.testing.program", *what, *where]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOLOG", "PYTEST"))}
    path = os.pathsep.join(str(Path(each).absolute()) for each in sys.path if each)
    ours = {"PYTHONHASHSEED": "0", "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "XDG_STATE_HOME": str(folder / "state")}
    place = folder / "place"  # the same for all, since programs see where they are
    place.mkdir(exist_ok=True)
    return subprocess.Popen(  # noqa: S603  the interpreter's own path, and ours
        command, cwd=place, env={**kept, **ours}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _ended(process: subprocess.Popen[str], mode: str, folder: Path) -> Observed:
    out, err = process.communicate()
    theirs = "".join(line for line in err.splitlines(keepends=True) if not line.startswith("autolog:"))
    seen = json.loads((folder / mode).read_text("utf-8")) if (folder / mode).exists() else {}
    return Observed(process.returncode, out, theirs, seen, folder / f"{mode}.runs")


def differences(one: object, other: object) -> str:
    """Give the lines in which two things differ, as JSON."""
    without, recorded = (json.dumps(each, indent=1, sort_keys=True).splitlines() for each in (one, other))
    return "\n".join(difflib.unified_diff(without, recorded, "without", "with", n=2, lineterm=""))

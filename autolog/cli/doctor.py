"""`autolog doctor`: what is installed, what is set and where, and how the store is; fails where something is broken."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import platform
import shutil
import sys
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.text import Text

import autolog
from autolog import guard, session
from autolog.cli.places import folder_of, store_option
from autolog.cli.screen import heading, indented, rows_table, show
from autolog.exceptions import AutologError
from autolog.loading.loader import PLUGINS, Loader, Record
from autolog.settings.sources import is_off
from autolog.store.gc import roots
from autolog.text import size, value_text, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from autolog.store.run import Run

__all__ = ["command"]

_NEEDED: Final = ("pluggy", "wrapt", "packaging", "click", "rich", "lark")
_STATE_STYLES: Final = {"loaded": "green", "skipped": "yellow", "failed": "red"}


@click.command("doctor")
@store_option
def command(place: str | None) -> int:
    """Check plugins, settings and the store. The exit code is 1 where something is broken."""
    broken: list[str] = []
    with _quiet():
        installed = [*_versions(), *_plugins(session.get().loader, broken), *_settings()]
    show([*installed, *_store(folder_of(place), broken), *_verdict(broken)])
    return 1 if broken else 0


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what is said of plugins from being said twice: it is in the table."""
    handler = logging.NullHandler()  # with a handler of its own, a logger does not fall back to stderr
    guard.logger.addHandler(handler)
    try:
        yield
    finally:
        guard.logger.removeHandler(handler)


def _verdict(broken: list[str]) -> Iterator[RenderableType]:
    yield heading("Broken" if broken else "All is well")
    for line in broken:
        yield Text(f"  {visible(line)}", "red")


# ---- what is installed


def _versions() -> Iterator[RenderableType]:
    python = f"{platform.python_version()} ({platform.python_implementation()})  {sys.executable}"
    needed = ", ".join(f"{name} {_version(name)}" for name in _NEEDED)
    rows = [("autolog", f"{autolog.__version__}  {Path(autolog.__file__).parent}"), ("Python", python)]
    yield rows_table([*rows, ("system", platform.platform()), ("uses", needed)])


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(not installed)"


def _plugins(loader: Loader, broken: list[str]) -> Iterator[RenderableType]:
    """Load what can be loaded: only that shows whether it works."""
    for record in loader.records:
        if not _is_excluded(record) and (record.group != PLUGINS or _is_usable(record)):
            loader.load(record)
    broken += [
        f"{_kind(record)} {record.name}: {record.reason}" for record in loader.records if record.state == "failed"
    ]
    yield heading("Plugins and backends")
    yield indented(rows_table(map(_plugin_row, loader.records), ["", "name", "state", "framework", "from", ""]))


def _is_excluded(record: Record) -> bool:
    return record.group == PLUGINS and session.get().excludes(record.name)


def _is_usable(record: Record) -> bool:
    """Say whether the framework can be imported; where it cannot, that is said, and is no fault of the plugin."""
    if record.state != "waiting" or not _is_installed(record.name):
        return False
    try:
        guard.refusable("its framework cannot be imported", guard.contained, importlib.import_module, record.name)
    except (AutologError, OSError) as error:
        record.state, record.reason = "skipped", str(error)
    return record.state == "waiting"


def _is_installed(module: str) -> bool:
    try:
        return module in sys.modules or importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _kind(record: Record) -> str:
    return "plugin" if record.group == PLUGINS else "backend"


def _plugin_row(record: Record) -> Sequence[str | Text]:
    state = Text(_state(record), _STATE_STYLES.get(record.state, "dim"))
    module = sys.modules.get(record.name) if record.group == PLUGINS else None
    framework = str(getattr(module, "__version__", ""))
    source = f"{record.distribution} {record.version}".strip()
    return [_kind(record), visible(record.name), state, visible(framework), visible(source), visible(_reason(record))]


def _state(record: Record) -> str:
    if record.state != "waiting":
        return record.state
    return "excluded" if _is_excluded(record) else "not installed"


def _reason(record: Record) -> str:
    if record.state != "waiting" or not _is_excluded(record):
        return record.reason
    origins = session.get().resolved.origins()
    return next(f"set at {each.where}" for each in origins if each.option == "exclude_plugins")


# ---- what is set


def _settings() -> Iterator[RenderableType]:
    origins = session.get().resolved.origins()
    rows = [(origin.option, value_text(origin.value), visible(origin.where or origin.source)) for origin in origins]
    yield heading("Settings")
    if is_off():
        yield indented(Text("AUTOLOG=0 in the environment: everything is switched off", "yellow"))
    yield indented(rows_table(rows, ["option", "value", "set at"]))


# ---- the store


def _store(folder: Path | None, broken: list[str]) -> Iterator[RenderableType]:
    yield heading("Store")
    if folder is None:
        yield indented(Text("not a local folder; nothing to check here"))
        return
    rows = [("folder", visible(str(folder))), *_disk(folder, broken)]
    try:
        rows += _runs(folder, broken) if folder.is_dir() else [("runs", "none yet")]
    except (AutologError, OSError) as error:
        broken.append(f"store: {error}")
    yield indented(rows_table(rows))


def _disk(folder: Path, broken: list[str]) -> Iterator[tuple[str, str]]:
    """Tell of the folder, or of the one that it will be made in."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    if not writable:
        broken.append(f"store: {there} cannot be written to")
    yield "exists", "yes" if there == folder else "no, it is made at the first run"
    yield "writable", "yes" if writable else "no"
    yield "free space", size(shutil.disk_usage(there).free)


def _runs(folder: Path, broken: list[str]) -> Iterator[tuple[str, str]]:
    store = session.get().open_store(str(folder))
    kept, deleted = list(store.runs()), list(store.runs(deleted=True))
    by_status = Counter(run.status for run in kept)
    top = sum(run.parent_run_id is None for run in kept)
    yield "runs", f"{top}, and {len(kept) - top} children; {len(deleted)} deleted"
    yield "status", visible(", ".join(f"{count} {status}" for status, count in by_status.most_common())) or "none"
    damaged = {store.tree(run.run_id): run.unreadable for run in [*kept, *deleted] if run.unreadable}
    yield "unreadable pieces", _listed({tree[:8]: count for tree, count in damaged.items()})
    yield "lost runs", _listed(_lost([*kept, *deleted]))
    yield "journals without end", _listed(_unsealed(folder, kept))
    broken += [f"store: {count} unreadable pieces in the journals of run {tree}" for tree, count in damaged.items()]


def _lost(runs: Sequence[Run]) -> Counter[str]:
    """Count by tree the runs whose process has gone without ending them."""
    return Counter(root[:8] for root, run in zip(roots(runs), runs, strict=True) if run.status == "LOST")


def _unsealed(folder: Path, runs: Sequence[Run]) -> Counter[str]:
    """Count by tree the rings of points that no process is going to seal; readers take the points from there."""
    running = {root for root, run in zip(roots(runs), runs, strict=True) if run.status == "RUNNING"}
    return Counter(path.parent.name[:8] for path in folder.glob("*/*.ring") if path.parent.name not in running)


def _listed(counts: dict[str, int] | Counter[str]) -> str:
    return f"{sum(counts.values())} (in {', '.join(counts)})" if counts else "none"

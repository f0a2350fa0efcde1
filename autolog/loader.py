"""Finds plugins and backends by entry point, and loads each only when it is needed.

A framework plugin is loaded once its framework is in the process, a backend once its scheme is used. The record says of
each what became of it and why; one that cannot be used harms no other.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from types import ModuleType
from typing import Final, Literal

from autolog import guard
from autolog.exceptions import PluginError, UnknownBackendError

__all__ = ["BACKENDS", "PLUGINS", "Loader", "Record"]

PLUGINS: Final = "autolog.plugins"
BACKENDS: Final = "autolog.backends"
_EXTRA: Final = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
State = Literal["waiting", "loaded", "skipped", "failed"]


@dataclass
class Record:
    """What became of one entry point.

    Args:
        group: `autolog.plugins` or `autolog.backends`.
        name: the framework's import name, or the scheme.
        distribution: the name of the distribution that it comes from.
        version: that distribution's version.
        entry_point: loads it; None for one that was registered as a module.
        state: waiting for its framework or scheme, loaded, skipped for a reason, or failed.
        reason: why it was skipped or failed.
        module: it, once it is loaded.
    """

    group: str
    name: str
    distribution: str
    version: str
    entry_point: EntryPoint | None
    state: State = "waiting"
    reason: str = ""
    module: ModuleType | None = None

    def stop(self, state: State, reason: str) -> None:
        """Take it out of use, and say so in one line."""
        self.state, self.reason = state, reason
        guard.logger.warning(
            "autolog: %s plugin %r (%s) is %s: %s", self.group, self.name, self.distribution, state, reason
        )


class Loader:
    """The plugins and backends that are installed.

    Args:
        register: is given the module and its record when a plugin has been loaded.
    """

    def __init__(self, register: Callable[[ModuleType, Record], None]) -> None:
        self._register = register
        self.records = [record for group in (PLUGINS, BACKENDS) for record in _found(group)]

    def add(self, module: ModuleType, name: str) -> None:
        """Use a module as a plugin without an entry point.

        Raises:
            PluginError: the name is taken.
        """
        taken = self.find(PLUGINS, name)
        if taken is not None:
            raise PluginError(f"the plugin name {name!r} is taken by {taken.distribution}; register under another name")
        record = Record(PLUGINS, name, "(registered)", "", None, "loaded", module=module)
        self.records.append(record)
        self._register(module, record)

    def find(self, group: str, name: str) -> Record | None:
        """Give the entry of that name that is in use or may come into use."""
        fits = (record for record in self.records if (record.group, record.name) == (group, name))
        return next((record for record in fits if not record.reason.startswith("its name is taken")), None)

    @property
    def plugins(self) -> list[Record]:
        """The framework plugins that may come into use."""
        return [record for record in self.records if record.group == PLUGINS and record.state in ("waiting", "loaded")]

    def load(self, record: Record) -> None:
        """Load an entry, once; what goes wrong is said in its record."""
        if record.state != "waiting" or record.entry_point is None:
            return
        wrong = _unsupported(record.entry_point)
        if wrong:
            record.stop("skipped", wrong)
            return
        try:
            record.module = record.entry_point.load()
        except Exception as error:
            record.stop("failed", guard.describe(error))
            return
        record.state = "loaded"
        self._register(record.module, record)

    def backend(self, scheme: str) -> Record:
        """Give the backend of a URI's scheme, loaded.

        Raises:
            UnknownBackendError: none is installed, or it cannot be used.
        """
        record = self.find(BACKENDS, scheme)
        known = sorted(record.name for record in self.records if record.group == BACKENDS)
        if record is None:
            raise UnknownBackendError(f"no backend for {scheme!r} URIs is installed; there are: {', '.join(known)}")
        self.load(record)
        if record.state != "loaded":
            raise UnknownBackendError(f"the backend for {scheme!r} URIs cannot be used: {record.reason}")
        return record


def _found(group: str) -> list[Record]:
    """Give the group's entries in a fixed order; of those that claim one name only the first is used."""
    unique = {(_distribution(entry), entry.name, entry.value): entry for entry in entry_points(group=group)}
    records = [_record(group, entry) for _, entry in sorted(unique.items(), key=lambda item: _precedence(*item[0]))]
    by_name: dict[str, Record] = {}
    for record in records:
        holder = by_name.setdefault(record.name, record)
        if holder is not record:
            record.stop("skipped", f"its name is taken by {holder.distribution} {holder.version}")
    return records


def _precedence(distribution: str, name: str, value: str) -> tuple[bool, str, str, str]:
    """What ships with this package was here first; between others the distribution's name decides."""
    return (distribution != _own_distribution(), distribution, name, value)


@functools.lru_cache(maxsize=1)
def _own_distribution() -> str | None:
    own = (
        _distribution(entry) for entry in entry_points(group=BACKENDS, name="file") if entry.value == "autolog_files"
    )
    return next(own, None)


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "?"


def _record(group: str, entry: EntryPoint) -> Record:
    return Record(group, entry.name, _distribution(entry), entry.dist.version if entry.dist is not None else "?", entry)


def _unsupported(entry: EntryPoint) -> str | None:
    """Compare what is installed with the range that the extra named like the entry states; None where it fits."""
    for text in _stated(entry.name, entry.dist.requires or [] if entry.dist is not None else []):
        from packaging.requirements import Requirement  # slow to import, and seldom needed

        requirement = Requirement(text)
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            continue  # the module is there without metadata: nothing to compare
        if not requirement.specifier.contains(installed, prereleases=True):
            return f"{requirement.name} {installed} is outside the range it supports ({requirement.specifier})"
    return None


def _stated(extra: str, requires: Iterable[str]) -> list[str]:
    """Give the requirements of one extra, those of the extras it names left out."""
    stated = ((text, _EXTRA.search(text)) for text in requires)
    return [
        text.partition(";")[0] for text, found in stated if found is not None and found[1] == extra and "[" not in text
    ]


def is_imported(name: str) -> bool:
    """Say whether the user's program has imported a module, wholly."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    return module is not None and not getattr(spec, "_initializing", False)

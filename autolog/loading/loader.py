"""Finds plugins and backends by entry point, and loads each only when it is needed.

A framework plugin is loaded once its framework is in the process, a backend once its scheme is used. The record says of
each what became of it and why; one that cannot be used harms no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Final, Literal

from autolog import guard
from autolog.exceptions import PluginError, UnknownBackendError
from autolog.loading import installed
from autolog.loading.installed import Entry
from autolog.loading.ranges import contains, name_and_range

__all__ = ["BACKENDS", "PLUGINS", "Loader", "Record"]

PLUGINS: Final = "autolog.plugins"
BACKENDS: Final = "autolog.backends"
_EXTRA: Final = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
State = Literal["waiting", "loading", "loaded", "skipped", "failed"]


@dataclass
class Record:
    """What became of one entry point.

    Args:
        group: `autolog.plugins` or `autolog.backends`.
        name: the framework's import name, or the scheme.
        distribution: the name of the distribution that it comes from.
        version: that distribution's version.
        entry_point: loads it; None for one that was registered as a module.
        state: waiting for its framework or scheme, being loaded, loaded, skipped for a reason, or failed.
        reason: why it was skipped or failed.
        module: it, once it is loaded.
    """

    group: str
    name: str
    distribution: str
    version: str
    entry_point: Entry | None
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
        entries = _installed_entries()
        self.records = [record for group in (PLUGINS, BACKENDS) for record in _found(group, entries)]

    def add(self, module: ModuleType, name: str) -> None:
        """Use a module as a plugin without an entry point.

        Raises:
            PluginError: the name is taken, or its hooks are not those of the contract.
        """
        taken = self.find(PLUGINS, name)
        if taken is not None:
            raise PluginError(f"the plugin name {name!r} is taken by {taken.distribution}; register under another name")
        record = Record(PLUGINS, name, "(registered)", "", None, "loaded", module=module)
        self.records.append(record)
        self._register(module, record)
        if record.state != "loaded":
            self.records.remove(record)
            raise PluginError(f"{name!r} cannot be used as a plugin: {record.reason}")

    def check_plugins(self, names: Iterable[str]) -> None:
        """Refuse names that no plugin has.

        Raises:
            PluginError: there is none of that name; it says which is the nearest.
        """
        for name in names:
            if self.find(PLUGINS, name) is None:
                raise self._unknown(name)

    def _unknown(self, name: str) -> PluginError:
        import difflib  # only here: it is slow to import, and this is the way out

        known = sorted({record.name for record in self.records if record.group == PLUGINS})
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return PluginError(f"no plugin {name!r} is installed{hint}; there are: {', '.join(known)}")

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
        record.state = "loading"  # its module may be what imports the framework, whose import asks for this again
        try:
            record.module = guard.contained(record.entry_point.load)
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


def _installed_entries() -> list[Entry]:
    """Give the entry points of our groups; what ships with this package was here first, then the names decide."""
    groups = (PLUGINS, BACKENDS)
    found = [entry for each in installed.distributions("[autolog.") for entry in each.entries(groups)]
    own = {each.distribution.key for each in found if (each.name, each.value) == ("file", "autolog_files")}
    return sorted(found, key=lambda each: (each.distribution.key not in own, each.distribution.key, each.name))


def _found(group: str, entries: Iterable[Entry]) -> list[Record]:
    """Give the group's records; of the entries that claim one name only the first is used."""
    records = [
        Record(group, each.name, each.distribution.name, each.distribution.version, each)
        for each in entries
        if each.group == group
    ]
    by_name: dict[str, Record] = {}
    for record in records:
        holder = by_name.setdefault(record.name, record)
        if holder is not record:
            record.stop("skipped", f"its name is taken by {holder.distribution} {holder.version}")
    return records


def _unsupported(entry: Entry) -> str | None:
    """Compare what is installed with the range that the extra named like the entry states; None where it fits."""
    for name, wanted in map(name_and_range, _stated(entry.name, entry.distribution.requires)):
        version = installed.versions(name)  # None: the module is there without metadata, nothing to compare
        if version is not None and not contains(wanted, version):
            return f"{name} {version} is outside the range it supports ({wanted})"
    return None


def _stated(extra: str, requires: Iterable[str]) -> list[str]:
    """Give the requirements of one extra, those of the extras it names left out."""
    stated = ((text, _EXTRA.search(text)) for text in requires if "[" not in text)
    named = ((text, installed.canonical(found[1])) for text, found in stated if found is not None)
    return [text.partition(";")[0] for text, name in named if name == installed.canonical(extra)]

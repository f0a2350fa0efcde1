"""The distributions that are installed: their entry points, versions and requirements.

`importlib.metadata` knows all this too, but importing it takes longer than importing autolog. So the folders of
`sys.path` are read here, and it is asked only where there is more to search than folders.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = ["Distribution", "Entry", "canonical", "distributions", "file_text", "versions"]

_PIECE: Final = 16 << 10  # bytes of a file that are read at a time
_SECTION: Final = re.compile(r"\[(?P<group>[^]]+)\]\s*\Z")
_ENTRY: Final = re.compile(r"(?P<name>[^=#;\s][^=]*?)\s*=\s*(?P<value>[\w.]+(?:\s*:\s*[\w.]+)?)")


class Entry(NamedTuple):
    """One entry point.

    Args:
        group: what it is an entry of.
        name: its name there.
        value: `module` or `module:attribute`.
        distribution: where it comes from.
    """

    group: str
    name: str
    value: str
    distribution: Distribution

    def load(self) -> Any:
        """Import what it points to; errors pass."""
        module, _, attributes = self.value.partition(":")
        found = import_module(module.strip())
        for attribute in filter(None, attributes.strip().split(".")):
            found = getattr(found, attribute)
        return found


class Distribution(NamedTuple):
    """One distribution.

    Args:
        key: its name in the one form that all spellings have in common.
        name: its name.
        version: its version.
        requires: its requirements, as it states them.
        entry_points: the text of its list of entry points.
    """

    key: str
    name: str
    version: str
    requires: tuple[str, ...]
    entry_points: str

    def entries(self, groups: Collection[str]) -> Iterator[Entry]:
        """Give its entry points of some groups."""
        group = ""
        for line in map(str.strip, self.entry_points.splitlines()):
            section, entry = _SECTION.match(line), _ENTRY.match(line)
            group = section["group"].strip() if section else group
            if entry and not section and group in groups:
                yield Entry(group, entry["name"], entry["value"], self)


def distributions(word: str) -> list[Distribution]:
    """Give the distributions whose entry points contain a word; of one name, only the first on `sys.path` counts."""
    return list(_from_folders(word) if _are_all_folders() else _from_metadata(word))


def versions(name: str) -> str | None:
    """Give the version of the distribution of that name, None where none is installed."""
    if _are_all_folders():
        named = (folder for folder in _info_folders() if canonical(_stem(folder)[0]) == canonical(name))
        return next((_stem(folder)[1] or _read(folder, "").version for folder in named), None)
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


# ---- from folders


def _are_all_folders() -> bool:
    """Say whether nothing but folders is searched: no archive, and no finder with distributions of its own."""
    others = (finder for finder in sys.meta_path if hasattr(finder, "find_distributions") and not _is_of_paths(finder))
    return not any(others) and not any(map(os.path.isfile, sys.path))


def _is_of_paths(finder: object) -> bool:
    """Say whether a finder finds what is on `sys.path`: Python's does, and that of its own backport."""
    return finder is PathFinder or getattr(type(finder), "__module__", "") == "importlib_metadata"


def _info_folders() -> Iterable[str]:
    return _listed(tuple((place or ".", _changed(place or ".")) for place in sys.path))


@functools.lru_cache(maxsize=1)
def _listed(places: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """List the folders of distributions in folders, each of which was changed then last."""
    return tuple(
        os.path.join(place, name)  # noqa: PTH118  strings: among hundreds of folders, paths take most of the time
        for place, changed in dict.fromkeys(places)
        if changed
        for name in sorted(os.listdir(place))  # noqa: PTH208
        if name.endswith((".dist-info", ".egg-info"))
    )


def _changed(place: str) -> int:
    """Give the time of a folder's last change, 0 where it cannot be listed."""
    folder = Path(place)
    return folder.stat().st_mtime_ns if folder.is_dir() and os.access(folder, os.R_OK) else 0


def _stem(folder: str) -> tuple[str, str]:
    """Give name and version by the folder's name; a version is there in wheels' folders only.

    There one dash stands between the two; a folder with more of them was named by an installer that does not replace
    those in names, and only its metadata tell where the name ends.
    """
    name, _, version = folder.rpartition(os.sep)[2].rpartition(".")[0].partition("-")
    if not folder.endswith(".dist-info"):
        return name, ""
    stated = dict(reversed(_fields(folder))) if "-" in version else {}
    return stated.get("Name", name), stated.get("Version", version)


def _from_folders(word: str) -> Iterator[Distribution]:
    first: dict[str, str] = {}
    for folder in _info_folders():
        first.setdefault(canonical(_stem(folder)[0]), folder)
    for folder in first.values():
        entry_points = file_text(folder, "entry_points.txt") or ""
        if word in entry_points:
            yield _read(folder, entry_points)


def _read(folder: str, entry_points: str) -> Distribution:
    fields = _fields(folder)
    named = dict(reversed(fields))
    name = named.get("Name", _stem(folder)[0])
    requires = tuple(value for field, value in fields if field == "Requires-Dist")
    return Distribution(canonical(name), name, named.get("Version", ""), requires, entry_points)


def _fields(folder: str) -> list[tuple[str, str]]:
    """Give the fields of a distribution's metadata, in their order."""
    head = (file_text(folder, "METADATA") or file_text(folder, "PKG-INFO") or "").partition("\n\n")[0]
    return [(field, value) for field, _, value in (line.partition(": ") for line in head.splitlines())]


def file_text(folder: str, name: str, *, is_whole: bool = True) -> str | None:
    """Read a file in the folder of a distribution by as few calls to the system as there can be; None where none is.

    There are hundreds of such files, and after each call a thread waits for the interpreter, and then the program does.

    Args:
        folder: the distribution's.
        name: the file's.
        is_whole: all of it is read, else the lines with which it begins.
    """
    try:
        file = os.open(f"{folder}{os.sep}{name}", os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError:
        return None
    try:
        data = piece = os.read(file, _PIECE)
        while is_whole and len(piece) == _PIECE:
            data += (piece := os.read(file, _PIECE))
    except OSError:
        return None
    finally:
        os.close(file)
    text = data[: len(data) if is_whole else data.rfind(b"\n") + 1].decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def canonical(name: str) -> str:
    """Give the one form of all the ways that the name of a distribution, or of an extra, may be written in."""
    return re.sub(r"[-_.]+", "-", name).lower()


# ---- from elsewhere


def _from_metadata(word: str) -> Iterable[Distribution]:
    from importlib import metadata

    first: dict[str, metadata.Distribution] = {}
    for each in metadata.distributions():
        with contextlib.suppress(OSError, LookupError, TypeError):  # what an installation that broke off has left
            first.setdefault(canonical(each.metadata["Name"]), each)
    for key, each in first.items():
        entry_points = each.read_text("entry_points.txt") or ""
        if word in entry_points:
            yield Distribution(key, each.metadata["Name"], each.version, tuple(each.requires or ()), entry_points)

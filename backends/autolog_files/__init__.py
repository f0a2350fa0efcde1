"""The local backend: a folder of run folders, kept by the journal itself, and read back by the journal store."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from autolog import hookimpl
from autolog.exceptions import RunNotFoundError, UsageError
from autolog.hookspecs import Backend, Batch, Delivery
from autolog.paths import inside
from autolog.store import segments
from autolog.store.segments import Segment

if TYPE_CHECKING:
    from autolog.store.base import Look, Store

__all__ = ["FolderBackend", "LocalFiles"]

_TICK: Final = 2_000_000_000  # nanoseconds in which a folder may change again and have the same time
_DIGITS: Final = 32
_RUN_ID: Final = re.compile(r"[0-9a-f]{32}\Z")
_WRITER: Final = re.compile(r"[0-9a-f]{1,64}\Z")


def _folder(uri: str) -> Path:
    """Give the folder of a plain path or a `file:` URI; a relative one begins at the working directory of now."""
    if uri[:5].lower() != "file:":
        return Path(uri).expanduser().absolute()
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"{uri!r} names another host; mount its folder here and give the path")
    return Path(unquote(parts.path)).absolute()


class LocalFiles:
    """The file access of a local folder of run folders.

    Args:
        root: the folder; it need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def trees(self) -> list[str]:
        """Give the ids of the top-level runs."""
        try:
            with os.scandir(self.root) as entries:
                return [entry.name for entry in entries if _RUN_ID.match(entry.name) and entry.is_dir()]
        except OSError:
            return []

    def sizes(self, tree: str) -> dict[str, int]:
        """Give name and size of the journal and ring files in a tree's folder; empty where there is no such tree."""
        if not _RUN_ID.match(tree):
            return {}
        try:
            with os.scandir(self.root / tree) as entries:
                found = list(entries)
            files = [entry for entry in found if entry.name.endswith((".jsonl", ".ring")) and entry.is_file()]
            pieces = [
                piece for entry in found if _WRITER.match(entry.name) for piece in self._segments(tree, entry.name)
            ]
            return {**{entry.name: entry.stat().st_size for entry in files}, **segments.sizes(pieces)}
        except OSError:
            return {}

    def _segments(self, tree: str, writer: str) -> list[Segment]:
        """Give the pieces of a journal, in a copy of a place where nothing can be appended."""
        try:
            with os.scandir(self.root / tree / writer) as entries:
                found = [Segment.of(f"{writer}/{entry.name}") for entry in entries]
        except OSError:
            return []
        return [piece for piece in found if piece is not None]

    def look(self, marks: Mapping[str, int | None]) -> dict[str, Look | None]:
        """Look at all trees at once: give what each holds, None for those that have their mark of `marks` still."""
        changed = self._changed()
        now = time.time_ns()
        return {
            tree: None if at == marks.get(tree) else self._look(tree, at, now)
            for tree, at in changed.items()
            if tree in marks or _RUN_ID.match(tree)
        }

    def fetch(self, trees: Iterable[str]) -> None:
        """Do nothing: they are here."""

    def _changed(self) -> dict[str, int]:
        """Give when something was last put into or taken out of each tree's folder, in nanoseconds."""
        try:
            root = os.open(self.root, os.O_RDONLY)  # names below an open folder are found in half the time
        except OSError:
            return {}
        try:
            with os.scandir(root) as entries:
                return {each.name: each.stat().st_mtime_ns for each in entries if len(each.name) == _DIGITS}
        finally:
            os.close(root)

    def _look(self, tree: str, changed: int, now: int) -> Look:
        from autolog.store.base import Look  # the reading side, which a program that records leaves alone

        sizes = self.sizes(tree)
        in_pieces = any(
            "@" in name for name in sizes
        )  # they grow in folders below, which the tree's time does not tell
        return Look(sizes, None if in_pieces or now - changed < _TICK else changed)

    def read(self, tree: str, name: str, start: int) -> bytes:
        """Give a file from `start` to its end; nothing where it has gone."""
        try:
            with (self.root / tree / name).open("rb") as file:
                file.seek(start)
                return file.read()
        except FileNotFoundError:
            pieces = self._segments(tree, name.partition("@")[0])
            return segments.read(pieces, name, start, lambda names: [_bytes(self.root / tree / each) for each in names])

    def local(self, tree: str, path: str) -> Path:
        """Give the path of a file below the tree's folder.

        Raises:
            RunNotFoundError: it is not there, though a journal speaks of it.
        """
        found = inside(self.root / tree, path)
        if not found.exists():
            raise RunNotFoundError(f"{found} is missing; copy the run's whole folder, not only its journal")
        return found

    def remove(self, tree: str, path: str | None) -> None:
        """Remove a folder below the tree's folder, or where `path` is None the whole tree."""
        folder = self.root / tree if path is None else inside(self.root / tree, path)
        shutil.rmtree(folder, ignore_errors=path is not None)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


class FolderBackend(Backend):
    """Keeps a copy of journals and files in a folder: for a folder that is not the journal's own.

    Args:
        root: the folder of run folders.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def deliver(self, batch: Batch) -> Delivery:
        """Write the batch's lines at their place, and copy its files; doing it again changes nothing."""
        folder, digests = self.root / batch.tree, batch.digests
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, source in batch.files.items():
                _copy(source, inside(folder, name), digests.get(name))
            _write_at(folder / f"{batch.writer}.jsonl", batch.offset, batch.lines)
            os.utime(folder)  # a reader that knows the folder by its time looks again
        except OSError as error:
            return Delivery("retry", str(error))
        return Delivery("done")

    def close(self) -> None:
        """Nothing is held open."""


def _copy(source: Path, target: Path, digest: str | None) -> None:
    """Copy a file, unless it is there from an earlier try; readers see it whole or not at all."""
    if target.is_file() and _sha256(target) == digest:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, partial)
    partial.replace(target)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(functools.partial(file.read, 1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _write_at(path: Path, offset: int, lines: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(file, "wb") as stream:
        stream.seek(offset)
        stream.write(lines)


@hookimpl
def autolog_journal_folder(uri: str) -> Path:
    """A local folder is where the journal itself is kept."""
    return _folder(uri)


@hookimpl
def autolog_open_backend(uri: str) -> Backend:
    """Copy into a folder that is not the journal's own."""
    return FolderBackend(_folder(uri))


@hookimpl
def autolog_open_store(uri: str) -> Store:
    """Read the runs below a folder."""
    from autolog.store.index.store import IndexedStore  # the whole reading side, which most programs never use

    folder = _folder(uri)
    return IndexedStore(uri, LocalFiles(folder), str(folder))

"""The backend of the scheme `memory`: runs live in this process and end with it; for tests, and for trying out.

autolog.enable(backend="memory:mine")
autolog.search_runs(store="memory:mine")
"""

from __future__ import annotations

import hashlib
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from autolog import hookimpl
from autolog.exceptions import RunNotFoundError
from autolog.hookspecs import Backend, Batch, Delivery

if TYPE_CHECKING:
    from autolog.store.base import Store

__all__ = ["MemoryBackend", "MemoryFiles"]


class _Tree(NamedTuple):
    """What is kept of one top-level run.

    Args:
        journals: the bytes of each journal, by the name of its file.
        files: the bytes of each file, by its path below the run's folder.
    """

    journals: dict[str, bytearray]
    files: dict[str, bytes]


@cache
def _place(uri: str) -> dict[str, _Tree]:
    """Give what is kept under a URI."""
    return {}


class MemoryBackend(Backend):
    """Keeps what it is handed.

    Args:
        trees: where, by the id of the top-level run.
    """

    def __init__(self, trees: dict[str, _Tree]) -> None:
        self._trees = trees

    def deliver(self, batch: Batch) -> Delivery:
        """Keep the batch's lines at their place, and its files; doing it again changes nothing."""
        tree = self._trees.setdefault(batch.tree, _Tree({}, {}))
        tree.files.update((name, path.read_bytes()) for name, path in batch.files.items())
        lines = tree.journals.setdefault(f"{batch.writer}.jsonl", bytearray())
        lines.extend(bytes(max(0, batch.offset - len(lines))))
        lines[batch.offset : batch.end] = batch.lines
        return Delivery("done")


class MemoryFiles:
    """The file access of what is kept.

    Args:
        trees: it, by the id of the top-level run.
    """

    def __init__(self, trees: dict[str, _Tree]) -> None:
        self._trees = trees

    def trees(self) -> list[str]:
        """Give the ids of the top-level runs."""
        return list(self._trees)

    def sizes(self, tree: str) -> dict[str, int]:
        """Give name and size of a tree's journals; empty where there is no such tree."""
        found = self._trees.get(tree)
        return {} if found is None else {name: len(lines) for name, lines in found.journals.items()}

    def read(self, tree: str, name: str, start: int) -> bytes:
        """Give a journal from `start` to its end; nothing where it has gone."""
        found = self._trees.get(tree)
        return b"" if found is None else bytes(found.journals.get(name, b"")[start:])

    def local(self, tree: str, path: str) -> Path:
        """Give a temporary file with the bytes of a file of a tree.

        Raises:
            RunNotFoundError: it is not there, though a journal speaks of it.
        """
        found = self._trees.get(tree)
        if found is None or path not in found.files:
            raise RunNotFoundError(f"{path} of run {tree} is not in memory; it was never delivered here")
        content = found.files[path]
        copy = _scratch() / hashlib.sha256(content).hexdigest() / Path(path).name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(content)
        return copy

    def remove(self, tree: str, path: str | None) -> None:
        """Remove the files below a folder of the tree, or where `path` is None the whole tree."""
        if path is None:
            self._trees.pop(tree, None)
        elif tree in self._trees:
            files = self._trees[tree].files
            for name in [name for name in files if name.startswith(f"{path}/")]:
                del files[name]


def _scratch() -> Path:
    return Path(_scratch_folder().name)


@cache
def _scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Give a folder that goes with the process."""
    return tempfile.TemporaryDirectory(prefix="autolog-memory-")


@hookimpl
def autolog_open_backend(uri: str) -> Backend:
    """Keep what is delivered to this URI."""
    return MemoryBackend(_place(uri))


@hookimpl
def autolog_open_store(uri: str) -> Store:
    """Read what was delivered to this URI."""
    from autolog.store.journals import JournalStore  # the whole reading side, which most programs never use

    return JournalStore(uri, MemoryFiles(_place(uri)))

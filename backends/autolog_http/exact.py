"""The exact record of runs that autolog has delivered: the copies of their journals among the artifacts.

They are put there once a top-level run has ended, so they say what MLflow has no word for: types, splits, environment,
series bit for bit.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from autolog.exceptions import JournalError, RunNotFoundError
from autolog.guard import logger
from autolog.paths import checked
from autolog.store.journals import JournalStore
from autolog.store.run import Run
from autolog_http.asking import Server
from autolog_http.downloads import Downloads
from autolog_http.reading import ServerRun
from autolog_http.record import FOLDER

__all__ = ["Record"]

_JOURNAL: Final = re.compile(rf"{FOLDER}/([0-9a-f]{{1,64}})\.jsonl\.gz\Z")
_LARGEST: Final = 4 << 30  # bytes of a journal
_BLOCK: Final = 1 << 20


class Record(JournalStore):
    """The runs of a server that it has a whole record of.

    Args:
        server: it.
        downloads: of its artifacts.
    """

    def __init__(self, server: Server, downloads: Downloads) -> None:
        self._server = server
        self._downloads = downloads
        self._copies = Copies(downloads)
        super().__init__(server.client.uri, self._copies)

    def of(self, said: ServerRun) -> Run | None:
        """Give a run as it was recorded; None where its whole record is not at the server, or cannot be read."""
        top = said if said.run_id == said.tree else self._server.of_ours(said.tree or "")
        if said.tree is None or top is None or not top.has_ended:
            return None
        try:
            return self.run(said.run_id) if self._copies.refresh(said.tree, top) else None
        except (JournalError, RunNotFoundError) as error:
            logger.warning("autolog: the record of run %s cannot be read: %s", said.run_id, error)
            return None

    def file(self, run_id: str, path: str) -> Path:
        """Give a local file with the bytes of an artifact or a model of a run.

        Raises:
            RunNotFoundError: the server does not have it, or has another than was recorded.
        """
        run, said = self.run(run_id), self._server.of_ours(run_id)
        if said is None:
            raise RunNotFoundError(f"run {run_id} has gone from {self.uri}")
        digests = {each.get("path"): each.get("sha256") for each in (*run.artifacts.values(), *run.models)}
        return self._downloads.get(said, path, digests.get(path))


class Copies:
    """Local copies of journals, by top-level run: what a store over journals reads them from.

    Args:
        downloads: of the server's artifacts.
    """

    def __init__(self, downloads: Downloads) -> None:
        self._downloads = downloads
        self._tops: dict[str, ServerRun] = {}
        self._journals: dict[str, dict[str, Path]] = {}

    def refresh(self, tree: str, top: ServerRun) -> bool:
        """Copy what there is of a top-level run's record; False where there is none.

        Args:
            tree: our id of it.
            top: it.
        """
        found = self._downloads.sizes(top, FOLDER)
        named = {parts[1]: (path, size) for path, size in found.items() if (parts := _JOURNAL.match(path))}
        self._tops[tree] = top
        self._journals[tree] = {f"{name}.jsonl": self._copy(top, name, *each) for name, each in named.items()}
        return bool(named)

    def _copy(self, top: ServerRun, name: str, path: str, size: int) -> Path:
        """Copy a journal, unless it is there: one that has grown has another size, also compressed."""
        target = self._downloads.folder(top) / "journal" / f"{name}.{size}.jsonl"
        if not target.is_file():
            packed = target.with_suffix(".gz")
            self._downloads.fetch(top, path, packed, _LARGEST)
            _unpack(packed, target)
        return target

    # ---- as the files of a store

    def trees(self) -> list[str]:
        """Give the ids of the top-level runs that were copied."""
        return list(self._journals)

    def sizes(self, tree: str) -> dict[str, int]:
        """Give name and size of a tree's journals."""
        return {name: path.stat().st_size for name, path in self._journals.get(tree, {}).items()}

    def read(self, tree: str, name: str, start: int) -> bytes:
        """Give a journal from `start` to its end."""
        with self._journals[tree][name].open("rb") as file:
            file.seek(start)
            return file.read()

    def local(self, tree: str, path: str) -> Path:
        """Give a local copy of a value that was too large for a line."""
        return self._downloads.get(self._tops[tree], f"{FOLDER}/{checked(path)}")

    def remove(self, tree: str, path: str | None) -> None:
        """Nothing is removed from a server."""


def _unpack(packed: Path, target: Path) -> None:
    partial = target.with_suffix(".part")
    try:
        with packed.open("rb") as source, partial.open("wb") as file:
            file.writelines(_unpacked(source))
        partial.replace(target)
    except zlib.error as error:
        raise JournalError(f"the copy of a journal at the server is damaged: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
        packed.unlink(missing_ok=True)


def _unpacked(source: IO[bytes]) -> Iterator[bytes]:
    """Give the bytes that a gzip file holds, up to what a journal may have."""
    reader, size = zlib.decompressobj(wbits=31), 0
    data = source.read(_BLOCK)
    while data and not reader.eof:
        piece = reader.decompress(data, _BLOCK)
        size += len(piece)
        if size > _LARGEST:
            raise JournalError(f"the copy of a journal at the server has more than {_LARGEST:,} bytes")
        yield piece
        data = reader.unconsumed_tail or source.read(_BLOCK)

"""A bucket as the files that a journal store reads, with copies of what was read in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import obstore
import platformdirs

from autolog import guard
from autolog.exceptions import RunNotFoundError
from autolog.paths import checked, inside
from autolog.store import segments
from autolog.store.base import Look
from autolog.store.segments import Segment
from autolog_s3 import forked
from autolog_s3.address import Address
from autolog_s3.errors import BucketError, UnlistableError, said
from autolog_s3.opening import Bucket, open_bucket

if TYPE_CHECKING:
    from obstore import ObjectMeta

__all__ = ["BucketFiles"]

_RUN_ID: Final = re.compile(r"[0-9a-f]{32}\Z")
_PATIENCE: Final = "1h"  # for a large file
_AT_ONCE: Final = 16
_BLOCK: Final = 1 << 20


class BucketFiles:
    """The file access of a bucket with run folders. All copies of objects are whole, or not there.

    Args:
        address: where it is.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._opened: Bucket | None = None
        self._listed: dict[str, dict[str, ObjectMeta]] = {}
        name = hashlib.sha256(repr(address).encode()).hexdigest()[:16]
        self._cache = platformdirs.user_cache_path("autolog", appauthor=False) / "buckets" / name

    @property
    def _bucket(self) -> Bucket:
        if forked.is_cut_off():
            raise BucketError(
                f"{self._address} cannot be read in a process forked from one that uses it; read it there"
            )
        self._opened = self._opened or open_bucket(self._address, _PATIENCE)
        return self._opened

    def trees(self) -> list[str]:
        """Give the ids of the top-level runs, by one listing of what lies at the top."""
        with said(self._address):
            found = obstore.list_with_delimiter(self._bucket)
        return [name for name in found["common_prefixes"] if _RUN_ID.match(name)]

    def sizes(self, tree: str) -> dict[str, int]:
        """Give name and size of a tree's journals, by one listing of that tree."""
        if not _RUN_ID.match(tree):
            return {}
        self._listed[tree] = listed = self._list(tree)
        return _sizes(listed)

    def _list(self, tree: str) -> dict[str, ObjectMeta]:
        """Give what lies below a tree; one that cannot be listed, as a stranger may make it, hides no other."""
        try:
            with said(self._address):
                pages = list(obstore.list(self._bucket, tree, chunk_size=1000))
        except UnlistableError as error:
            guard.logger.warning("autolog: run %s is passed over: %s", tree, error)
            return {}
        return {each["path"].partition("/")[2]: each for page in pages for each in page}

    def look(self, marks: Mapping[str, int | None]) -> dict[str, Look | None]:
        """Look at all trees at once, by one listing of all there is; None where one is as its mark of `marks` says."""
        try:
            self._listed = self._list_all()
        except UnlistableError:  # one tree cannot be listed, and which is only told by trying each
            self._listed = {tree: self._list(tree) for tree in self.trees()}
        looks = {tree: _look(listed) for tree, listed in self._listed.items()}
        return {tree: None if look.mark == marks.get(tree) else look for tree, look in looks.items()}

    def _list_all(self) -> dict[str, dict[str, ObjectMeta]]:
        """Give what lies below each tree."""
        found: dict[str, dict[str, ObjectMeta]] = {}
        with said(self._address):
            for page in obstore.list(self._bucket, chunk_size=1000):
                for each in page:
                    tree, _, name = each["path"].partition("/")
                    if _RUN_ID.match(tree):
                        found.setdefault(tree, {})[name] = each
        return found

    def fetch(self, trees: Iterable[str]) -> None:
        """Copy the pieces of journals that are not here yet, many at a time: each alone would cost its way."""
        self._copies([(tree, piece.name) for tree in trees for piece in _segments(self._listed.get(tree, {}))])

    def read(self, tree: str, name: str, start: int) -> bytes:
        """Give a journal from `start` to its end as of the last listing; nothing where it has gone."""
        listed = self._listed.get(tree, {})
        if name in listed:  # a folder was copied into the bucket; such a file grows by being put there again
            return self._whole(f"{tree}/{name}")[start:]
        return segments.read(_segments(listed), name, start, lambda names: self._pieces(tree, names))

    def _whole(self, key: str) -> bytes:
        try:
            with said(self._address):
                return bytes(obstore.get(self._bucket, key).bytes())
        except FileNotFoundError:
            return b""

    def _pieces(self, tree: str, names: Sequence[str]) -> list[bytes]:
        return list(map(_content, self._copies([(tree, name) for name in names])))

    def _copies(self, pieces: Sequence[tuple[str, str]]) -> list[Path | None]:
        if not pieces:
            return []
        with ThreadPoolExecutor(min(_AT_ONCE, len(pieces)), "autolog-reading") as pool:
            return list(pool.map(self._piece, *zip(*pieces, strict=True)))

    def _piece(self, tree: str, name: str) -> Path | None:
        """Give the copy of a piece, None where that has gone."""
        try:
            return self._copy(tree, name, self._listed[tree][name])
        except FileNotFoundError:
            return None

    def local(self, tree: str, path: str) -> Path:
        """Give a local copy of a file below the tree's folder.

        Raises:
            RunNotFoundError: it is not there, though a journal speaks of it.
        """
        name = checked(path)
        try:
            with said(self._address):
                return self._copy(tree, name, obstore.head(self._bucket, f"{tree}/{name}"))
        except FileNotFoundError:
            raise RunNotFoundError(f"{self._address}/{tree}/{name} is missing, though the run has it") from None

    def _copy(self, tree: str, name: str, meta: ObjectMeta) -> Path:
        """Give the copy of an object as it is now, made where it is not there yet."""
        version = f"{name} {meta['size']} {(meta['e_tag'] or str(meta['last_modified'])).strip(chr(34))}"
        target = inside(self._cache / tree / hashlib.sha256(version.encode()).hexdigest()[:16], name)
        if not target.is_file():
            self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            with said(self._address):
                self._download(f"{tree}/{name}", target)
        return target

    def _download(self, key: str, target: Path) -> None:
        file, partial = tempfile.mkstemp(".part", dir=target.parent)
        try:
            with os.fdopen(file, "wb") as stream:
                for block in obstore.get(self._bucket, key).stream(min_chunk_size=_BLOCK):
                    stream.write(block)
            Path(partial).replace(target)
        finally:
            Path(partial).unlink(missing_ok=True)

    def remove(self, tree: str, path: str | None) -> None:
        """Remove what lies below a folder of the tree's, or where `path` is None the whole tree."""
        below = tree if path is None else f"{tree}/{checked(path)}"
        with said(self._address):
            for page in obstore.list(self._bucket, below, chunk_size=1000):
                obstore.delete(self._bucket, [each["path"] for each in page])


def _content(copy: Path | None) -> bytes:
    try:
        return b"" if copy is None else copy.read_bytes()
    except FileNotFoundError:
        return b""


def _sizes(listed: dict[str, ObjectMeta]) -> dict[str, int]:
    files = {name: each["size"] for name, each in listed.items() if _is_journal(name)}
    return {**files, **segments.sizes(_segments(listed))}


def _look(listed: dict[str, ObjectMeta]) -> Look:
    """A listing tells all names and sizes, so they are their own mark."""
    sizes = _sizes(listed)
    return Look(sizes, zlib.crc32(repr(sorted(sizes.items())).encode()))


def _is_journal(name: str) -> bool:
    return "/" not in name and name.endswith((".jsonl", ".ring"))


def _segments(listed: dict[str, ObjectMeta]) -> list[Segment]:
    """Give the segments in a listing; an object that is larger than what it says to hold is none."""
    found = ((Segment.of(name), each["size"]) for name, each in listed.items())
    return [piece for piece, size in found if piece is not None and size <= 2 * (piece.end - piece.start) + 1024]

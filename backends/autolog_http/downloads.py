"""Artifacts of an MLflow server's runs: which there are, and local copies of them in the user's cache folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import platformdirs

from autolog.exceptions import RunNotFoundError, UsageError
from autolog.guard import logger
from autolog.paths import checked, inside
from autolog.scratch import scratch
from autolog_http.asking import Server
from autolog_http.client import ServerError
from autolog_http.reading import ServerRun, dicts, text, whole

__all__ = ["Downloads"]

_MOST: Final = 100_000  # files and folders of a run
_LARGEST: Final = 1 << 40  # bytes of a file
_BLOCK: Final = 1 << 20


class Downloads:
    """The artifacts of one server.

    Args:
        server: it.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        name = hashlib.sha256(server.client.uri.encode()).hexdigest()[:16]
        self._root = platformdirs.user_cache_path("autolog", appauthor=False) / "servers" / name

    def folder(self, run: ServerRun) -> Path:
        """Give the folder of a run's copies, which is the user's alone."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._root / run.mlflow_id

    # ---- which there are

    def sizes(self, run: ServerRun, folder: str = "") -> dict[str, int]:
        """Give the size of each artifact below a folder, by path.

        Raises:
            ServerError: the server did not answer, or there is no end of files.
        """
        found: dict[str, int] = {}
        waiting, met = [folder], {folder}
        while waiting:
            for path, is_folder, size in self._entries(run, waiting.pop()):
                if len(found) + len(met) >= _MOST:
                    raise ServerError(f"run {run.run_id} has more than {_MOST:,} artifacts; they are not listed", 413)
                if not is_folder:
                    found[path] = size
                elif path not in met:
                    met.add(path)
                    waiting.append(path)
        return found

    def _entries(self, run: ServerRun, folder: str) -> Iterator[tuple[str, bool, int]]:
        """Give path, whether it is a folder, and size; what cannot lie in the folder is passed over."""
        asked = {"run_id": run.mlflow_id, "path": folder or None}
        for page in self._server.pages("GET", "mlflow/artifacts/list", **asked):
            for each in dicts(page.get("files")):
                path = text(each.get("path"))
                if _lies_in(folder, path):
                    yield path, each.get("is_dir") is True, max(0, whole(each.get("file_size")) or 0)
                else:
                    logger.warning("autolog: run %s has an artifact named %.100r; it is passed over", run.run_id, path)

    # ---- copies

    def get(self, run: ServerRun, path: str, digest: str | None = None) -> Path:
        """Give a local copy of an artifact.

        Args:
            run: whose it is.
            path: below the run's artifacts.
            digest: the SHA-256 of its bytes, where that was recorded.

        Raises:
            RunNotFoundError: the server does not have it, or has another.
            ServerError: the server did not answer.
        """
        target = inside(self.folder(run) / "files", path)
        if digest is None or not target.is_file() or _sha256(target) != digest:
            self.fetch(run, path, target)
        if digest is not None and _sha256(target) != digest:
            raise RunNotFoundError(f"{path} of run {run.run_id} at {self._server.client.uri} is not what was recorded")
        return target

    def fetch(self, run: ServerRun, path: str, target: Path, limit: int = _LARGEST) -> None:
        """Download an artifact; who looks at `target` sees it whole or not at all. Errors as for `get`."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with scratch(".part-", target.parent) as place:
            partial = place / "file"
            with partial.open("wb") as file:
                file.writelines(self._blocks(run, path, limit))
            partial.replace(target)

    def _blocks(self, run: ServerRun, path: str, limit: int) -> Iterator[bytes]:
        where = self._server.client.uri
        place = urlsplit(run.artifacts)
        if place.scheme != "mlflow-artifacts":
            raise RunNotFoundError(f"{where} does not hand out {path}: it lies below {run.artifacts}; fetch it there")
        try:
            yield from self._server.client.download(f"{unquote(place.path).strip('/')}/{checked(path)}", limit)
        except ServerError as error:
            if not error.is_missing:
                raise
            raise RunNotFoundError(f"run {run.run_id} has no artifact {path!r} at {where}") from error


def _lies_in(folder: str, path: str) -> bool:
    try:
        return checked(path) == path and path.startswith(folder and f"{folder}/")
    except UsageError:
        return False


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()

"""The exact record: a run's journals, and the values that were too large for a line, among its artifacts."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Final

from autolog.delivery.batches import journals
from autolog.scratch import scratch
from autolog_http import artifacts
from autolog_http.client import Client
from autolog_http.runs import Remote

__all__ = ["FOLDER", "put"]

FOLDER: Final = "autolog/journal"
"""Where they lie among the artifacts of the top-level run."""


def put(client: Client, top: Remote, folder: Path) -> None:
    """Put all that there is of a top-level run.

    Args:
        client: reaches the server.
        top: the run there.
        folder: its folder here.

    Raises:
        ServerError: the server does not take it.
    """
    for value in sorted((folder / "values").glob("*.json")):
        artifacts.put(client, top.root, f"{FOLDER}/values/{value.name}", value)
    with scratch() as place:
        for journal in journals(folder):
            packed = _pack(journal, place / f"{journal.name}.gz")
            artifacts.put(client, top.root, f"{FOLDER}/{packed.name}", packed)
            packed.unlink()


def _pack(journal: Path, target: Path) -> Path:
    """Compress a journal; the same bytes each time."""
    with journal.open("rb") as source, target.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        shutil.copyfileobj(source, packed, 1 << 20)
    return target

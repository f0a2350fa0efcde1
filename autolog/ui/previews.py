"""An artifact's content as something to look at: nothing in it is run, and of a long one the beginning is shown."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from autolog.ui.typed import JSON, typed

if TYPE_CHECKING:
    from autolog.store.base import Store

__all__ = ["kind_of", "preview"]

_TEXT: Final = 1 << 18  # bytes of a text
_WHOLE: Final = 1 << 22  # bytes of what is parsed
_ROWS: Final = 200
_CELLS: Final = 100  # columns of a table
_CELL: Final = 300  # characters of a cell
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "image": (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".avif", ".svg"),
    "json": (".json",),
    "table": (".csv", ".tsv"),
    "html": (".html", ".htm"),
    "text": (".txt", ".md", ".log", ".py", ".toml", ".yaml", ".yml", ".ini", ".cfg", ".diff", ".patch", ".jsonl"),
}


def kind_of(path: str) -> str:
    """Say by an artifact's name how it is shown."""
    suffix = PurePosixPath(path).suffix.lower()
    return next((kind for kind, suffixes in _KINDS.items() if suffix in suffixes), "other")


def preview(store: Store, run_id: str, path: str) -> dict[str, JSON]:
    """Give what the page shows of an artifact; its `kind` says which of image, text, json, table, html, other it is.

    Raises:
        RunNotFoundError: there is no such run, or the file is missing.
        UsageError: the run has no such artifact.
    """
    file = store.run(run_id).artifact_path(path)
    address = f"/api/runs/{quote(run_id)}/{{}}/{quote(path)}"
    kind = kind_of(path)
    if kind == "image":
        return {"kind": kind, "src": address.format("artifact")}
    if kind == "html":
        return {"kind": kind, "src": address.format("frame")}
    if kind == "table":
        return _table_of_text(file, "\t" if path.lower().endswith(".tsv") else ",")
    if kind == "json" and file.stat().st_size <= _WHOLE:
        return _json(file)
    return _text(file)


def _text(file: Path) -> dict[str, JSON]:
    """Give a text, or say that the bytes are none."""
    with file.open("rb") as stream:
        data = stream.read(_TEXT + 1)
    if b"\0" in data:
        return {"kind": "other", "size": file.stat().st_size}
    return {"kind": "text", "text": data[:_TEXT].decode("utf-8", "replace"), "truncated": len(data) > _TEXT}


def _json(file: Path) -> dict[str, JSON]:
    """Give a document; one that is a table, as `log_table` writes it, as such."""
    try:
        value = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return _text(file)
    if isinstance(value, dict) and isinstance(value.get("columns"), list) and _are_rows(value.get("data")):
        return _table(value["columns"], value["data"][:_ROWS], len(value["data"]))
    return {"kind": "json", "value": typed(value)}


def _are_rows(data: Any) -> bool:
    return isinstance(data, list) and all(isinstance(row, list) for row in data)


def _table_of_text(file: Path, delimiter: str) -> dict[str, JSON]:
    """Give the first rows of a file of separated values; how many there are is known where it is read to its end."""
    with file.open(encoding="utf-8", errors="replace", newline="") as stream:
        beginning = io.StringIO(stream.read(_WHOLE), newline="")
    try:
        lines = list(itertools.islice(csv.reader(beginning, delimiter=delimiter), _ROWS + 2))
    except csv.Error:
        return _text(file)
    head, body = (lines[0], lines[1:]) if lines else ([], [])
    return _table(head, body[:_ROWS], len(body) if len(body) <= _ROWS else None)


def _table(columns: list[Any], data: list[list[Any]], total: int | None) -> dict[str, JSON]:
    return {
        "kind": "table",
        "columns": [_cell(name) for name in columns[:_CELLS]],
        "rows": [[_cell(value) for value in row[:_CELLS]] for row in data],
        "truncated": total is None or total > len(data) or len(columns) > _CELLS,
        "total": total,
    }


def _cell(value: Any) -> JSON:
    return f"{value[:_CELL]}…" if isinstance(value, str) and len(value) > _CELL else typed(value)

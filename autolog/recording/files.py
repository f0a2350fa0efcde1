"""Files of a run: whole or not there at all, with their sizes and digests."""

from __future__ import annotations

import functools
import hashlib
import io
import uuid
from pathlib import Path

from autolog.values import JSON

__all__ = ["keep", "write"]


def keep(target: Path, source: Path | bytes) -> dict[str, JSON]:
    """Copy a file, or bytes, to `target`, and give its size and digest.

    Raises:
        OSError: the disk refuses; then nothing is left behind.
    """
    partial = target.with_name(f".{uuid.uuid4().hex[:12]}.part")  # a name as long as allowed has no room for more
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        facts = _copied(source, partial)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return facts


def _copied(source: Path | bytes, target: Path) -> dict[str, JSON]:
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as file, io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as data:
        for block in iter(functools.partial(data.read, 1 << 20), b""):
            digest.update(block)
            size += file.write(block)
    return {"size": size, "sha256": digest.hexdigest()}


def write(path: Path, data: bytes) -> int:
    """Write a file whose name says what is in it, its folder made; who finds it torn can tell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.write_bytes(data)

"""How far one destination has been served with one top-level run, kept beside the run's journals."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from autolog.paths import make_folder
from autolog.recording.redaction.names import is_secret_name

__all__ = ["Cursors", "public_uri"]

_FOLDER: Final = ".sent"


def public_uri(uri: str) -> str:
    """Give a destination's URI without what is secret in it, as it may be written down: user, password, tokens."""
    try:
        parts = urlsplit(uri)
        host = parts.netloc.rpartition("@")[2]
        query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if not is_secret_name(name)])
        return urlunsplit((parts.scheme, host, parts.path, query, "")) if parts.netloc else uri
    except ValueError:
        return "(a URI that cannot be read)"


class Cursors:
    """What one destination has of one top-level run.

    Args:
        folder: the run's.
        uri: the destination's, without secrets.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder = folder
        self.uri = uri
        self.path = folder / _FOLDER / f"{hashlib.sha256(uri.encode()).hexdigest()[:16]}.json"
        self.delivered: dict[str, int] = {}  # bytes of each journal, by writer
        self.settled: dict[str, int] = {}  # what was delivered when the destination was told that this was all
        self.ended = False  # the top-level run, by the last that was delivered of it

    @classmethod
    def all_in(cls, folder: Path) -> Iterator[Cursors]:
        """Give those of all destinations that somebody has begun to serve."""
        for path in sorted((folder / _FOLDER).glob("*.json")):
            uri = _read(path).get("to")
            if isinstance(uri, str):
                yield cls(folder, uri).load()

    @property
    def lock(self) -> Path:
        """The file that is locked by who serves the destination."""
        return self.path.with_suffix(".lock")

    @property
    def is_settled(self) -> bool:
        """Say whether the destination was told that what was delivered is all."""
        return self.settled == self.delivered

    def begin(self) -> None:
        """Leave the file, where there is none, should this process be killed; a disk that refuses may do so later."""
        with contextlib.suppress(OSError):
            make_folder(self.path.parent)
            with self.path.open("x", encoding="ascii") as file:
                file.write(self._text())

    def load(self) -> Cursors:
        """Read what is known by now; anybody may have gone on."""
        said = _read(self.path)
        self.delivered, self.settled = _offsets(said.get("delivered")), _offsets(said.get("settled"))
        self.ended = said.get("ended") is True
        return self

    def save(self) -> None:
        """Write what is known."""
        make_folder(self.path.parent)
        partial = self.path.with_suffix(f".{os.getpid()}.part")
        partial.write_text(self._text(), "ascii")
        partial.replace(self.path)

    def _text(self) -> str:
        known = {"to": self.uri, "delivered": self.delivered, "settled": self.settled, "ended": self.ended}
        return json.dumps(known)

    def keep_aside(self, fact: Mapping[str, Any]) -> None:
        """Write down what the destination refuses for good."""
        make_folder(self.path.parent)
        with self.aside.open("ab") as file:
            file.write(json.dumps(fact).encode("ascii") + b"\n")

    @property
    def aside(self) -> Path:
        """The file with what was refused for good, a line each."""
        return self.path.with_suffix(".refused.jsonl")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _offsets(said: object) -> dict[str, int]:
    return {name: at for name, at in said.items() if type(at) is int and at >= 0} if isinstance(said, dict) else {}

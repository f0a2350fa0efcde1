"""Journals cut into batches, with the files that their events speak of."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from autolog.exceptions import AutologError
from autolog.hookspecs import Batch
from autolog.journal import liveness
from autolog.journal.events import Event, are_of, decode_lines
from autolog.journal.process import BEAT, identity
from autolog.paths import inside

__all__ = ["batches", "is_abandoned", "is_gone", "is_own", "is_run", "journals", "look", "read_events"]

_RUN_ID: Final = re.compile(r"[0-9a-f]{32}\Z")
_LONGEST: Final = 64 << 20  # bytes of a line
_SILENCE: Final = 7 * 86_400.0  # seconds; a process may be stopped, or held up, for days


def is_run(folder: Path) -> bool:
    """Say whether a folder is a top-level run's, by its name; one that is being removed has another."""
    return _RUN_ID.match(folder.name) is not None


def journals(folder: Path) -> list[Path]:
    """Give the journals of a top-level run."""
    return sorted(folder.glob("*.jsonl"))


def batches(
    folder: Path, journal: Path, delivered: Mapping[str, int], size: int, until: float = math.inf
) -> Iterator[Batch]:
    """Give what a journal holds beyond what was handed over.

    Args:
        folder: the run's.
        journal: its path.
        delivered: how far each journal of the run was handed over; it may grow while batches are taken.
        size: of a batch, about, in bytes.
        until: in bytes; what begins there, or behind, is left for another time.
    """
    for offset, lines in _pieces(journal, delivered.get(journal.stem, 0), size, until):
        events = tuple(decode_lines(lines)[0])
        files = _files(folder, events, has_spilled=b'"$file"' in lines)
        yield Batch(folder.name, journal.stem, offset, lines, events, files, folder, dict(delivered))


def _pieces(journal: Path, offset: int, size: int, until: float) -> Iterator[tuple[int, bytes]]:
    """Give whole lines, each piece with its place; a line that its writer died in the middle of is whole as it is.

    One that is longer than any of ours is cut: nobody can read it anyhow, and all of it is to arrive.
    """
    with journal.open("rb") as file:
        while offset < until:
            file.seek(offset)
            lines = file.read(size)
            lines += b"" if len(lines) < size else file.readline(_LONGEST)
            whole = lines.rfind(b"\n") + 1
            if whole < len(lines) < size and not is_gone(journal):
                lines = lines[:whole]
            if not lines:
                return
            yield offset, lines
            offset += len(lines)


def look(journal: str, offset: int, kinds: Collection[str], size: int) -> int | None:
    """Give where the whole lines beyond a place end; None where some are events of other kinds, or there are many.

    It gives the interpreter away as seldom as it can: to get it back costs who trains more than all that it does.

    Args:
        journal: its path.
        offset: the place, in bytes.
        kinds: of events.
        size: what is too much, in bytes.
    """
    file = os.open(journal, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        os.lseek(file, offset, os.SEEK_SET)
        lines = os.read(file, size)
    finally:
        os.close(file)
    whole = lines.rfind(b"\n") + 1
    return offset + whole if len(lines) < size and are_of(lines[:whole], kinds) else None


def read_events(folder: Path, writer: str, end: int) -> Iterator[Event]:
    """Give the events of a journal up to a place, reading a little at a time.

    Args:
        folder: the run's.
        writer: the journal's.
        end: the place, in bytes.
    """
    with (folder / f"{writer}.jsonl").open("rb") as file:
        while file.tell() < end:
            yield from decode_lines(file.readline())[0]


def is_gone(journal: Path) -> bool:
    """Say whether the process that wrote a journal is there no more."""
    return _is_silent(journal, liveness.MISSED * BEAT)


def is_abandoned(journal: Path) -> bool:
    """Say whether nobody will write a journal any more, so that it may go; where that cannot be told, after a week."""
    return _is_silent(journal, _SILENCE)


def _is_silent(journal: Path, seconds: float) -> bool:
    return liveness.is_lost(_header(journal), journal.stat().st_mtime_ns // 1000, seconds)


def is_own(journal: Path) -> bool:
    """Say whether this process wrote a journal."""
    header = _header(journal)
    return header is not None and identity().items() <= header.data.items()


def _header(journal: Path) -> Event | None:
    """Give the first line of a journal; None where there is none that can be read."""
    try:
        with journal.open("rb") as file:
            first = decode_lines(file.readline())[0]
    except OSError:
        return None
    return first[0] if first and first[0].kind == "journal" else None


def _files(folder: Path, events: tuple[Event, ...], *, has_spilled: bool) -> dict[str, Path]:
    """Give the files that events speak of, as far as they are there and inside the run's folder."""
    found: dict[str, Path] = {}
    kept = (f"files/{each.run}/{each.data.get('path')}" for each in events if each.kind in ("artifact", "model"))
    spilled = (f"values/{name}" for event in events if has_spilled for name in _spilled(event.data))
    for name in (*kept, *spilled):
        try:
            path = inside(folder, name)
        except AutologError:
            continue
        if path.is_file():
            found[name] = path
    return found


def _spilled(data: Mapping[str, Any]) -> Iterator[str]:
    """Give the files of values that were too large for a line, however deep these lie."""
    waiting: list[Any] = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "$file" in value:
                yield str(value["$file"])
            waiting.extend(value.values())

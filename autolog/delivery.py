"""Delivery: a thread and cursors a destination, which follow the journals of this process and hand on what they hold.

The journal comes first and holds everything; a destination that is slow or away holds up neither the program nor the
others. A cursor says how far a journal has been taken; it lies beside the journal, so that a later process goes on
where this one stopped, also with the runs of one that was killed. A batch may be handed over twice, when a cursor could
not be written in time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from autolog import guard
from autolog.background import Background
from autolog.exceptions import AutologError
from autolog.hookspecs import Backend, Batch, Delivery
from autolog.journal import liveness
from autolog.journal.events import Event, decode_lines
from autolog.journal.process import BEAT
from autolog.paths import inside

__all__ = ["Courier", "cursor_path"]

_PAUSE: Final = 1.0  # seconds between two looks at the journals
_BATCH: Final = 1 << 20  # bytes of lines in a batch, if there are so many
_FIRST_WAIT = 1.0  # seconds until the second try; each further one waits twice as long
_LONGEST_WAIT: Final = 60.0


def cursor_path(folder: Path, uri: str) -> Path:
    """Give the file with the cursors of one destination in a top-level run's folder."""
    return folder / ".sent" / f"{hashlib.sha256(uri.encode()).hexdigest()[:16]}.json"


class Courier:
    """Delivers to one destination.

    Args:
        uri: it.
        backend: opened for it.
    """

    def __init__(self, uri: str, backend: Backend) -> None:
        self.uri = uri
        self._backend = backend
        self._folders: dict[Path, None] = {}
        self._searched: set[Path] = set()
        self._tries = 0
        self._not_before = 0.0
        self._thread = Background("autolog-delivery", self._run)

    def follow(self, folder: Path) -> None:
        """Deliver a top-level run from now on; its cursor file says so, should this process be killed."""
        if folder not in self._folders:
            _begin_cursors(folder, self.uri)
            self._folders[folder] = None
        self._thread.start()

    def forget(self) -> None:
        """In a forked child: the runs followed so far are the parent's to deliver."""
        self._folders = {}

    def finish(self, deadline: float) -> int:
        """Deliver what is left until `deadline` (on `time.monotonic`'s clock), and let go of the destination.

        Returns:
            How many runs are not delivered whole.
        """
        self._thread.stop()
        self._not_before = 0.0
        while time.monotonic() < deadline and not self._round(threading.Event()):
            time.sleep(min(0.2, max(0.0, deadline - time.monotonic())))
        guard.call("delivery.close", None, guard.contained, self._backend.close)
        return sum(not _is_delivered(folder, self.uri) for folder in self._folders)

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            guard.call("delivery.round", None, self._round, stop)
            self._thread.sleep(_PAUSE)

    def _round(self, stop: threading.Event) -> bool:
        """Hand over all there is; False where something has to wait."""
        self._adopt()
        waiting = [folder for folder in list(self._folders) if not self._deliver_folder(folder, stop)]
        return not waiting

    def _adopt(self) -> None:
        """Follow what processes that are gone left undelivered beside the runs followed here; once a place."""
        for root in {folder.parent for folder in list(self._folders)} - self._searched:
            self._searched.add(root)
            self._folders.update(dict.fromkeys(_left_behind(root, self.uri)))

    def _deliver_folder(self, folder: Path, stop: threading.Event) -> bool:
        cursors = _read_cursors(folder, self.uri)
        for journal in sorted(folder.glob("*.jsonl")):
            for batch in _batches(folder, journal, cursors.get(journal.stem, 0)):
                if stop.is_set() or time.monotonic() < self._not_before or not self._hand_over(folder, batch):
                    return False
                cursors[batch.writer] = batch.offset + len(batch.lines)
                _write_cursors(folder, self.uri, cursors)
        return True

    def _hand_over(self, folder: Path, batch: Batch) -> bool:
        """Give a batch to the backend; what it refuses for good is kept aside with the reason."""
        said = guard.call("delivery.deliver", None, guard.contained, self._backend.deliver, batch)
        if said is None or said.state == "retry":
            self._wait_longer(said)
            return False
        self._tries = 0
        if said.state == "refused":
            guard.logger.warning("autolog: %s refuses a part of run %s: %s", self.uri, batch.tree, said.reason)
            _keep_aside(folder, self.uri, batch, said)
        return True

    def _wait_longer(self, said: Delivery | None) -> None:
        """Back off: twice as long each time, with jitter, and not before the time that the destination named."""
        self._tries += 1
        pause = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(self._tries - 1, 10)) * random.Random().uniform(0.5, 1.0)  # noqa: S311
        named = said.after if said is not None and said.after is not None else 0.0
        self._not_before = time.monotonic() + max(pause, named)


def _batches(folder: Path, journal: Path, offset: int) -> Iterator[Batch]:
    """Give a journal's whole lines from `offset` on, a batch at a time."""
    with journal.open("rb") as file:
        while True:
            file.seek(offset)
            lines = file.read(_BATCH)
            lines += b"" if len(lines) < _BATCH else file.readline()
            lines = lines[: lines.rfind(b"\n") + 1]
            if not lines:
                return
            events = tuple(decode_lines(lines)[0])
            yield Batch(folder.name, journal.stem, offset, lines, events, _files(folder, events))
            offset += len(lines)


def _files(folder: Path, events: tuple[Event, ...]) -> dict[str, Path]:
    """Give the files that events speak of, as far as they are there and inside the run's folder."""
    names = [name for event in events for name in _named_files(event)]
    found: dict[str, Path] = {}
    for name in names:
        try:
            path = inside(folder, name)
        except AutologError:
            continue
        if path.is_file():
            found[name] = path
    return found


def _named_files(event: Event) -> Iterator[str]:
    if event.kind in ("artifact", "model"):
        yield f"files/{event.run}/{event.data.get('path')}"
    yield from (f"values/{name}" for name in _spilled(event.data))


def _spilled(value: Any) -> Iterator[str]:
    """Give the files of values that were too large for a line."""
    if isinstance(value, dict):
        if "$file" in value:
            yield str(value["$file"])
        for each in value.values():
            yield from _spilled(each)


def _is_delivered(folder: Path, uri: str) -> bool:
    cursors = _read_cursors(folder, uri)
    return all(cursors.get(path.stem, 0) >= path.stat().st_size for path in folder.glob("*.jsonl"))


def _left_behind(root: Path, uri: str) -> list[Path]:
    """Give the runs that somebody began to deliver and nobody who lives will deliver whole."""
    cursors = cursor_path(root / "*", uri).relative_to(root)
    folders = [path.parents[1] for path in root.glob(str(cursors))]
    return [folder for folder in folders if not _is_delivered(folder, uri) and not _is_written_to(folder)]


def _is_written_to(folder: Path) -> bool:
    return not all(map(_writer_is_gone, folder.glob("*.jsonl")))


def _writer_is_gone(journal: Path) -> bool:
    with journal.open("rb") as file:
        first = decode_lines(file.readline())[0]
    header = first[0] if first and first[0].kind == "journal" else None
    return liveness.is_lost(header, journal.stat().st_mtime_ns // 1000, BEAT)


def _begin_cursors(folder: Path, uri: str) -> None:
    """Leave a cursor file, where there is none; what the disk refuses is tried again with the first batch."""
    path = cursor_path(folder, uri)
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="ascii") as file:
            file.write("{}")


def _read_cursors(folder: Path, uri: str) -> dict[str, int]:
    try:
        found = json.loads(cursor_path(folder, uri).read_bytes())
    except (OSError, ValueError):
        return {}
    return {name: offset for name, offset in found.items() if type(offset) is int} if isinstance(found, dict) else {}


def _write_cursors(folder: Path, uri: str, cursors: dict[str, int]) -> None:
    path = cursor_path(folder, uri)
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    partial.write_text(json.dumps(cursors), "ascii")
    partial.replace(path)


def _keep_aside(folder: Path, uri: str, batch: Batch, said: Delivery) -> None:
    path = cursor_path(folder, uri).with_suffix(".refused.jsonl")
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        fact = {"writer": batch.writer, "offset": batch.offset, "size": len(batch.lines), "reason": said.reason}
        file.write(json.dumps(fact).encode("ascii") + b"\n")

"""Delivery: a thread and cursors a destination, which follow the journals of this process and hand on what they hold.

The journal comes first and holds everything; a destination that is slow or away holds up neither the program nor the
others. A cursor says how far a journal has been taken; it lies beside the journal, so that a later process goes on
where this one stopped. A batch may be handed over twice, when a cursor could not be written in time.
"""

from __future__ import annotations

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
from autolog.exceptions import AutologError
from autolog.hookspecs import Backend, Batch, Delivery
from autolog.journal.events import Event, decode_lines
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
        self._folders: list[Path] = []
        self._tries = 0
        self._not_before = 0.0
        self._stopping = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, folder: Path) -> None:
        """Deliver a top-level run from now on."""
        self._folders.append(folder)
        self.start()

    def start(self) -> None:
        """Have the thread run, as long as there is something to follow."""
        if self._folders and self._thread is None:
            self._stopping = False
            self._wake.clear()
            self._thread = threading.Thread(target=self._run, name="autolog-delivery", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop the thread, but not wait long for a request that is under way."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping = True
            self._wake.set()
            thread.join(0.5)

    def forget(self) -> None:
        """In a forked child: the runs followed so far are the parent's to deliver."""
        self._folders, self._thread = [], None
        self._wake = threading.Event()

    def finish(self, deadline: float) -> int:
        """Deliver what is left until `deadline` (on `time.monotonic`'s clock), and let go of the destination.

        Returns:
            How many runs are not delivered whole.
        """
        self.stop()
        self._stopping, self._not_before = False, 0.0
        while time.monotonic() < deadline and not self._round():
            time.sleep(min(0.2, max(0.0, deadline - time.monotonic())))
        guard.call("delivery.close", None, guard.contained, self._backend.close)
        return sum(not _is_delivered(folder, self.uri) for folder in self._folders)

    def _run(self) -> None:
        while not self._stopping:
            guard.call("delivery.round", None, self._round)
            self._wake.wait(_PAUSE)

    def _round(self) -> bool:
        """Hand over all there is; False where something has to wait."""
        waiting = [folder for folder in list(self._folders) if not self._deliver_folder(folder)]
        return not waiting

    def _deliver_folder(self, folder: Path) -> bool:
        cursors = _read_cursors(folder, self.uri)
        for journal in sorted(folder.glob("*.jsonl")):
            for batch in _batches(folder, journal, cursors.get(journal.stem, 0)):
                if self._stopping or time.monotonic() < self._not_before or not self._hand_over(folder, batch):
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

"""The journals of this process: the thread that writes, the beats, and what a fork and the exit do to them."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from autolog import guard
from autolog.background import Background
from autolog.journal import children
from autolog.journal.writer import Journal

__all__ = [
    "BEAT",
    "close",
    "flush",
    "folders",
    "forget",
    "has_heirs",
    "identity",
    "journal",
    "on_fork",
    "process_start",
]

BEAT: Final = 10.0  # seconds between two beats of a run
_SEAL: Final = 0.05  # seconds that a point waits at most
_SYNC: Final = 5.0  # seconds between two fsyncs of a journal that changed
_KEPT: Final = 16  # journals whose runs have ended that stay open, for facts that come later

_journals: dict[str, Journal] = {}
_on_fork: list[Callable[[], None]] = []
_registered = False
_has_forked = False  # while a run was open


def journal(folder: Path, tree: str, after: int = 0) -> Journal:
    """Give this process's journal in a top-level run's folder; a new one after a fork.

    Args:
        folder: the folder of the top-level run.
        tree: its id.
        after: no event may be dated earlier, in microseconds since the epoch.
    """
    found = _journals.get(str(folder))
    if found is None:
        _register()
        children.watch()
        found = _journals.setdefault(str(folder), Journal(folder, tree, identity(), _thread.wake))
        _close_old()
        _thread.wake()
    found.last = max(found.last, after)
    return found


def forget(folder: Path) -> None:
    """Close the journal in a folder that is about to be removed."""
    found = _journals.pop(str(folder), None)
    if found is not None:
        found.close()


def folders() -> list[Path]:
    """Give the folders of the top-level runs that this process writes to."""
    return [each.path.parent for each in list(_journals.values())]


def has_heirs() -> bool:
    """Say whether a child may live that was forked while a run was open, which it may log to."""
    if not _has_forked:
        return False
    own = _command_line("self")
    return any(_command_line(child) == own for child in _children())  # which another program has changed


def _children() -> Iterator[str]:
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended, or a system without such files
            yield from path.read_text("ascii").split()


def _command_line(pid: str) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def flush() -> None:
    """Write out all points that wait; called on entering a wrapped call, which may hold the interpreter."""
    for each in list(_journals.values()):
        each.seal()


def close() -> None:
    """Write everything and let go of all files; the process ends. Later events begin new ones."""
    _thread.stop()
    for each in list(_journals.values()):
        guard.call("journal.close", each, each.close)
    _journals.clear()


def on_fork(reset: Callable[[], None]) -> None:
    """Have `reset()` called in a forked child, when the inherited journals have been dropped."""
    _on_fork.append(reset)


def _close_old() -> None:
    """Close the journals longest without an open run, so that files do not pile up."""
    idle = [(folder, each) for folder, each in _journals.items() if not each.running]
    for folder, each in idle[:-_KEPT]:
        each.close()
        _journals.pop(folder, None)


def identity() -> dict[str, Any]:
    """Say which process this is, so that a reader on the same host can tell whether it lives."""
    return dict(_identity_of(os.getpid()))


@functools.lru_cache(maxsize=1)
def _identity_of(pid: int) -> Mapping[str, Any]:
    """Ask the system once a process: a run in a loop would wait for its answers each time."""
    where = {"host": socket.gethostname(), "boot": _boot(), "pids": _pids()}
    return {**where, "pid": pid, "process_start": process_start(pid)}


def _boot() -> str | None:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return None


def _pids() -> str | None:
    """Name the space that process numbers are counted in: each container has its own."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return None


def process_start(pid: int) -> str | None:
    """Give a mark of when a process began, since numbers are used again; None where the system does not tell.

    A process that has ended, and that only its parent has not asked about yet, has the mark "ended".
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        fields = text.rpartition(")")[2].split()
        return "ended" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return None


def _run(stop: threading.Event) -> None:
    """Seal rings, beat and sync; on a thread that starts with the first event."""
    beat = sync = time.monotonic()
    while not stop.is_set():
        now = time.monotonic()
        _thread.sleep(_pause(max(0.0, beat + BEAT - now), max(0.0, sync + _SYNC - now)))
        now = time.monotonic()
        beats, syncs = now - beat >= BEAT, now - sync >= _SYNC
        beat, sync = now if beats else beat, now if syncs else sync
        for each in list(_journals.values()):
            guard.call("journal.thread", each, _tend, each, beats, syncs)


def _pause(beat: float, sync: float) -> float | None:
    """Give how long the thread may sleep: until points are due, the next beat or the next sync, or for ever.

    Args:
        beat: seconds until the next beat.
        sync: seconds until the next sync.
    """
    journals = list(_journals.values())
    due = [
        *([_SEAL] if any(each.waits for each in journals) else []),
        *([beat] if any(each.running for each in journals) else []),
        *([sync] if any(each.changed for each in journals) else []),
    ]
    return min(due, default=None)


def _tend(each: Journal, beats: bool, syncs: bool) -> None:
    if beats:
        each.beat(BEAT)
    if syncs:
        each.sync()
    each.tick()  # what goes wrong with a point does not keep the run from being known to live


_thread = Background("autolog-writer", _run)


def _register() -> None:
    global _registered
    if not _registered and hasattr(os, "register_at_fork"):
        _registered = True
        os.register_at_fork(after_in_parent=_in_parent, after_in_child=_in_child)


def _in_parent() -> None:
    global _has_forked
    _has_forked = _has_forked or any(each.running for each in list(_journals.values()))


def _in_child() -> None:
    """Drop what belongs to the parent; the child's first event makes journals of its own."""
    global _has_forked
    _has_forked = False
    for each in list(_journals.values()):
        guard.call("journal.drop", None, each.drop)
    _journals.clear()
    for reset in _on_fork:
        guard.call("journal.fork", None, reset)

"""`autolog sync`: what is left to be delivered of a folder of runs, whoever left it, delivered now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

from autolog import guard
from autolog.delivery.batches import is_run, journals
from autolog.delivery.courier import wait_before
from autolog.delivery.cursors import Cursors, public_uri
from autolog.delivery.route import LaterError, Route, is_complete, remaining
from autolog.exceptions import AutologError
from autolog.hookspecs import Backend, Batch

__all__ = ["Sent", "Task", "deliver", "tasks"]

_TRIES: Final = 5


class Task(NamedTuple):
    """One run that is to go to one destination.

    Args:
        folder: the run's.
        uri: the destination, as it was given; it may hold secrets.
        size: how many bytes of journals it lacks.
    """

    folder: Path
    uri: str
    size: int


class Sent(NamedTuple):
    """What became of a task.

    Args:
        task: it.
        state: `sent`; `busy`, where another process is delivering this run; `gone`, where its folder is there no more,
            since all have all of it, or it was deleted; or `left`.
        reason: why it is left.
    """

    task: Task
    state: Literal["sent", "busy", "gone", "left"]
    reason: str = ""


def tasks(root: Path, to: str | None) -> list[Task]:
    """Give what a folder of runs, or a run's own folder, holds that a destination lacks.

    Args:
        root: the folder.
        to: the destination; where it is None, those that each run was meant for.
    """
    found = (
        _task(cursors, to or cursors.uri)
        for folder in _run_folders(root)
        for cursors in ([Cursors(folder, public_uri(to)).load()] if to else Cursors.all_in(folder))
    )
    return [task for task in found if task is not None]


def _task(cursors: Cursors, uri: str) -> Task | None:
    """Say what a destination lacks; one whose journals cannot be read is tried, which tells why."""
    try:
        return None if is_complete(cursors) else Task(cursors.folder, uri, remaining(cursors))
    except OSError:
        return Task(cursors.folder, uri, 0)


def _run_folders(root: Path) -> list[Path]:
    if is_run(root) and journals(root):
        return [root]
    return sorted(each for each in root.iterdir() if is_run(each) and each.is_dir())


class _Gate:
    """Lets everything pass, and tells how much did.

    Args:
        passed: told the number of bytes.
    """

    hurries = True

    def __init__(self, passed: Callable[[int], object]) -> None:
        self._passed = passed

    def opens(self, *, ended: bool) -> bool:
        """Say that a batch may be handed over."""
        return True

    def passed(self, batch: Batch, *, ended: bool) -> None:
        """Take notice of one that was handed over."""
        self._passed(len(batch.lines))


def deliver(
    wanted: list[Task], open_backend: Callable[[str], Backend], passed: Callable[[int], object]
) -> Iterator[Sent]:
    """Deliver, and give what became of each as soon as that is known; one that fails does not stop the others.

    Args:
        wanted: what is to be delivered.
        open_backend: opens a destination.
        passed: told how many bytes of journals were handed over.
    """
    gate = _Gate(passed)
    for uri in dict.fromkeys(each.uri for each in wanted):
        backend = open_backend(uri)
        backend.hurries = True
        try:
            for task in (each for each in wanted if each.uri == uri):
                yield _deliver(task, Route(task.folder, public_uri(uri), backend), gate)
        finally:
            backend.close()


def _deliver(task: Task, route: Route, gate: _Gate) -> Sent:
    for tries in range(1, _TRIES + 1):
        try:
            is_through = guard.refusable("its journals", route.advance, gate)
            return Sent(task, "busy" if not is_through else "sent" if task.folder.is_dir() else "gone")
        except LaterError as error:
            reason, named = str(error), error.after
        except (AutologError, OSError) as error:
            return Sent(task, "left", str(error))
        if tries < _TRIES:
            time.sleep(wait_before(tries, named))
    return Sent(task, "left", reason)

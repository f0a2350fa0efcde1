"""Whether the process that wrote a journal still lives."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Mapping
from typing import Final

from autolog.journal.events import Event
from autolog.journal.process import identity, process_start

__all__ = ["MISSED", "is_lost"]

MISSED: Final = 3  # promised beats, after which a writer counts as gone


def is_lost(header: Event | None, last: int, silence: float) -> bool:
    """Say whether a run that has no end will get none.

    On the writer's own host and boot it is lost as soon as the process is gone; elsewhere once it has been
    silent for long.

    Args:
        header: the first line of the journal that the run's session began in, None where it was lost.
        last: the time of the writer's last event, in microseconds since the epoch.
        silence: so many seconds of it are long; `MISSED` beats, where a reader wants to know.
    """
    alive = None if header is None else _process_lives(header)
    if alive is not None:
        return not alive
    return time.time() - last / 1e6 > silence


@functools.lru_cache(maxsize=1)
def _here() -> tuple[object, ...]:
    return _place(identity())


def _place(said: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(said.get(name) for name in ("host", "boot", "pids"))


def _process_lives(header: Event) -> bool | None:
    """Say whether the process lives; None where that cannot be told from here."""
    said = header.data
    pid, began = said.get("pid"), said.get("process_start")
    if _here() != _place(said) or said.get("boot") is None or type(pid) is not int:
        return None
    now = process_start(pid)
    return began == now if now is not None else _answers(pid)


def _answers(pid: int) -> bool | None:
    """Ask the system whether it knows the process, where its start is hidden from us."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return None
    return None

"""Whether the process that wrote a journal still lives."""

from __future__ import annotations

import functools
import os
import time
from typing import Final

from autolog.journal.events import Event
from autolog.journal.process import BEAT, identity, process_start

__all__ = ["is_lost"]

_MISSED: Final = 3  # promised beats


def is_lost(header: Event | None, last: int) -> bool:
    """Say whether a run that has no end will get none.

    On the writer's own host and boot it is lost as soon as the process is gone; elsewhere once its last event is older
    than three promised beats.

    Args:
        header: the first line of the journal that the run's session began in, None where it was lost.
        last: the time of the writer's last event, in microseconds since the epoch.
    """
    alive = None if header is None else _process_lives(header)
    if alive is not None:
        return not alive
    return time.time() - last / 1e6 > _MISSED * BEAT


@functools.lru_cache(maxsize=1)
def _here() -> tuple[object, object]:
    here = identity()
    return here["host"], here["boot"]


def _process_lives(header: Event) -> bool | None:
    """Say whether the process lives; None where that cannot be told from here."""
    said = header.data
    pid, began = said.get("pid"), said.get("process_start")
    if _here() != (said.get("host"), said.get("boot")) or said.get("boot") is None or type(pid) is not int:
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OSError, OverflowError):
        pass
    return began == process_start(pid)

"""Which of the processes of one training records it."""

from __future__ import annotations

import os
from typing import Any, Final

__all__ = ["is_recorded_here"]

_RANKS: Final = ("RANK", "LOCAL_RANK")
"""What launchers say to a process that they start, where the trainer does not know its rank yet."""


def is_recorded_here(trainer: Any) -> bool:
    """Say whether this process is the one of a trainer's that records: rank zero."""
    return all(os.environ.get(name) in (None, "", "0") for name in _RANKS) and bool(trainer.is_global_zero)

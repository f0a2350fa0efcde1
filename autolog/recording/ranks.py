"""Whether this process is the first of those that were launched to work on one thing together."""

from __future__ import annotations

import os

__all__ = ["is_follower"]


def is_follower() -> bool:
    """Say whether a launcher such as torchrun has started this process beside a first one, which opens the runs."""
    return os.environ.get("WORLD_SIZE", "1") != "1" and os.environ.get("RANK", "0") != "0"

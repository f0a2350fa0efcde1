"""The time and the ids that what is recorded gets: all that no test could foresee, in one place."""

from __future__ import annotations

import time
import uuid

__all__ = ["new_id", "now"]

now = time.time_ns
"""Gives the nanoseconds since the epoch."""


def _random_id(digits: int) -> str:
    return uuid.uuid4().hex[:digits]


new_id = _random_id
"""Gives so many hexadecimal digits that nothing else has."""

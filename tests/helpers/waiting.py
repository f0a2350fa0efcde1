"""Waits for what threads and other processes do in their own time."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["wait_until"]


def wait_until(is_so: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something.

    Args:
        is_so: says whether it is so by now.
        seconds: the longest wait; a busy machine is slow.

    Raises:
        TimeoutError: in vain.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"in vain for {seconds:g} s")
        time.sleep(0.02)

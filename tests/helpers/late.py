"""Waits for what is written of a run behind its back."""

from __future__ import annotations

import threading

__all__ = ["wait_for_environment"]


def wait_for_environment() -> None:
    """Have the facts of this process's environment written, which are gathered on a thread and may outlast a run."""
    for thread in threading.enumerate():
        if thread.name == "autolog-environment":
            thread.join()

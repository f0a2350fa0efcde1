"""Keeps what the HTTP library would log of our requests out of the user's log, and leaves the user's own in it."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Final

__all__ = ["quietly"]

_NAMES: Final = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy")
_here: Final = threading.local()


def _is_users(record: logging.LogRecord) -> bool:
    return not getattr(_here, "depth", 0)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep this thread's requests out of the log."""
    for name in _NAMES:
        logging.getLogger(name).addFilter(_is_users)  # once, however often it is asked
    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        yield
    finally:
        _here.depth -= 1

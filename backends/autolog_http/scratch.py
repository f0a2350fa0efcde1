"""A folder for as long as something is being sent; `TemporaryDirectory` would go when a forked child ends, too."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["scratch"]


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Have an empty folder for the body of a `with`."""
    folder = tempfile.mkdtemp(prefix="autolog-")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

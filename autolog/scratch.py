"""A folder for as long as something is made in it; `TemporaryDirectory` would also go when a forked child ends."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["scratch"]


@contextlib.contextmanager
def scratch(prefix: str = "autolog-", below: Path | None = None) -> Iterator[Path]:
    """Have an empty folder for the body of a `with`; it is removed there and nowhere else.

    Args:
        prefix: of its name.
        below: the folder that it is made in; that for temporary files where not given.
    """
    folder = tempfile.mkdtemp(prefix=prefix, dir=below)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

"""Names of files below a run's folder, which must not lead out of it, whoever wrote them."""

from __future__ import annotations

import itertools
import re
from pathlib import Path, PurePosixPath

from autolog.exceptions import UsageError

__all__ = ["checked", "inside"]

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?\Z")


def checked(path: str) -> str:
    """Give a relative path with `/`, as it was.

    Raises:
        UsageError: it is empty, absolute, leads upwards, or has a part that some system cannot take.
    """
    if not isinstance(path, str):
        raise UsageError(f"a file's name must be a str, not a {type(path).__name__}: {path!r}")
    parts = PurePosixPath(path.replace("\\", "/")).parts
    bad = (
        not parts
        or parts[0].startswith("/")
        or ":" in parts[0][:2]
        or any(part == ".." or "\0" in part or _RESERVED.match(part) for part in parts)
    )
    if bad:
        raise UsageError(
            f"{path!r} does not name a file inside the run's folder; give a relative path such as 'a/b.txt'"
        )
    return "/".join(parts)


def inside(folder: Path, path: str) -> Path:
    """Give the local path of a file below `folder`; no link on the way may lead out.

    Raises:
        UsageError: it would lie elsewhere.
    """
    found = folder / checked(path)
    below = (found, *itertools.takewhile(lambda parent: parent != folder, found.parents))
    if any(part.is_symlink() for part in below) and not found.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{path!r} is a link that leads out of {folder}")
    return found

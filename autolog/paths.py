"""Names of files below a run's folder, which must not lead out of it, whoever wrote them."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import stat
from pathlib import Path, PurePosixPath

from autolog.exceptions import UsageError

__all__ = ["checked", "inside", "make_folder"]

_UNFIT = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ELOOP})
_LONGEST = 255  # bytes, on all file systems in use
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?\Z")


def checked(path: str) -> str:
    """Give a relative path with `/`, as it was.

    Raises:
        UsageError: it is empty, absolute, leads upwards, or has a part that some system cannot take, or too long a one.
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
    if any(len(part.encode("utf-8", "replace")) > _LONGEST for part in parts):
        raise UsageError(f"{path[:100]!r}… is too long for a file's name: {_LONGEST} bytes in UTF-8; shorten it")
    if bad:
        raise UsageError(
            f"{path!r} does not name a file inside the run's folder; give a relative path such as 'a/b.txt'"
        )
    return "/".join(parts)


def inside(folder: Path, path: str) -> Path:
    """Give the local path of a file below `folder`; no link on the way may lead out.

    Raises:
        UsageError: it would lie elsewhere, or the file system takes no such name.
        OSError: the disk cannot be read.
    """
    found = folder / checked(path)
    below = (found, *itertools.takewhile(lambda parent: parent != folder, found.parents))
    if any(_is_link(part, path) for part in below) and not found.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{path!r} is a link that leads out of {folder}")
    return found


def make_folder(path: Path) -> None:
    """Make a folder in one that is there; it may be there already.

    `Path.mkdir` with `exist_ok` raises FileExistsError where another process takes the folder away at that moment.

    Raises:
        OSError: it cannot be made; FileNotFoundError where the folder for it is not there, or no longer.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir()


def _is_link(part: Path, path: str) -> bool:
    """Ask the file system, which also knows what else it does not take."""
    try:
        return stat.S_ISLNK(os.lstat(part).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, UnicodeEncodeError) as error:
        if isinstance(error, OSError) and error.errno not in _UNFIT:
            raise
        raise UsageError(f"{path[:100]!r} is no name that the file system takes ({error}); give another") from None

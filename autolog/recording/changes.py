"""What changed since the commit, as git tells it; git is asked on a copy of the index, and with a limit of time."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from autolog.recording.redaction.texts import redact_text
from autolog.scratch import scratch

if TYPE_CHECKING:
    import subprocess
    import threading

    from autolog.guard import Notes

__all__ = ["looks_at_its_own", "since_commit"]

looks_at_its_own: Final[set[Callable[[object], bool]]] = set()
"""Say of a SIGCHLD handler that it asks after children of its own only; a framework's plugin knows the framework's."""

_LONGEST: Final = 1 << 20  # bytes of a diff that are kept
_PATIENCE: Final = 5.0  # seconds that git may take
_LOOK: Final = 0.02  # seconds between two looks at whether the program ends


def since_commit(root: Path, state: Path, ending: threading.Event, missing: Notes) -> bytes | None:
    """Give the tracked changes against HEAD, without secrets, cut at a line's end; None where git cannot be asked.

    Args:
        root: the work tree.
        state: the folder with its index.
        ending: once it is set, git is stopped.
        missing: takes note of why there are none.

    Raises:
        OSError: git failed, or took too long, or may have seen only a part.
    """
    git = shutil.which("git")
    if git is None:
        missing.note("the changes since the commit: git is not installed")
        return None
    handler = signal.getsignal(signal.SIGCHLD)
    if handler is not signal.SIG_DFL and not any(looks(handler) for looks in looks_at_its_own):
        missing.note(
            "the changes since the commit: the end of a git process would reach this program's SIGCHLD handler"
        )
        return None
    try:
        return _kept(_compared(git, root, state / "index", ending))
    except InterruptedError as error:
        missing.note(f"the changes since the commit: {error}")
        return None


def _kept(output: bytes) -> bytes:
    whole = len(output) <= _LONGEST
    kept = output if whole else output[: output.rfind(b"\n", 0, _LONGEST) + 1]
    text = redact_text(kept.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    return text if whole else text + f"[cut by autolog after {len(kept)} bytes]\n".encode()


def _compared(git: str, root: Path, index: Path, ending: threading.Event) -> bytes:
    """Compare on a copy of the index, since git writes into it which files it found unchanged.

    The folder is removed after git has ended, also where the program ends: without an index every file looks deleted.
    """
    with scratch() as folder:
        copy = folder / "index"
        with contextlib.suppress(FileNotFoundError):  # nothing is tracked
            written = index.stat().st_mtime_ns  # a file that is no older is one that git reads, to see if it changed
            shutil.copyfile(index, copy)
            os.utime(copy, ns=(written, written))
        (folder / "index.lock").touch()  # so that git writes nothing, and the copy must stay as it is
        before = _identity(copy)
        output = _output([git, *_DIFF], root, copy, ending)
        if _identity(copy) != before:
            raise OSError("the copy of the index was changed or removed while git read it")
        return output


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


_DIFF: Final = (
    *("--no-optional-locks", "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"),
    *("diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=dirty"),
)
_ABOUT_ANOTHER: Final = frozenset({"GIT_DIR", "GIT_WORK_TREE"})


def _output(command: list[str], root: Path, index: Path, ending: threading.Event) -> bytes:
    """Run git to its end, or until there is more than is kept, and give what it writes."""
    until = time.monotonic() + _PATIENCE
    with _start(command, root, index) as process:
        try:
            output = _read(process, until, ending)
            if len(output) <= _LONGEST:
                process.wait(max(0.0, until - time.monotonic()))
        finally:
            process.kill()
    if len(output) <= _LONGEST and process.returncode != 0:
        raise OSError(f"git ended with {process.returncode}")
    return output


def _start(command: list[str], root: Path, index: Path) -> subprocess.Popen[bytes]:
    """Start git on this work tree, whatever repository the variables of a git hook name."""
    import subprocess

    environment = {name: value for name, value in os.environ.items() if name not in _ABOUT_ANOTHER}
    return subprocess.Popen(  # noqa: S603 (the command is ours)
        command,
        cwd=root,
        env={**environment, "GIT_INDEX_FILE": str(index), "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        close_fds=True,
    )


def _read(process: subprocess.Popen[bytes], until: float, ending: threading.Event) -> bytes:
    """Read until the end, or until there is more than is kept."""
    pipe, output = process.stdout.fileno(), b""  # type: ignore[union-attr]
    with selectors.DefaultSelector() as waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        while len(output) <= _LONGEST:
            if ending.is_set():
                raise InterruptedError("the program ended before git did")
            if time.monotonic() >= until:
                raise TimeoutError(f"git took longer than {_PATIENCE:.0f} s")
            block = os.read(pipe, 1 << 16) if waiting.select(_LOOK) else None
            if block == b"":
                break
            output += block or b""
    return output

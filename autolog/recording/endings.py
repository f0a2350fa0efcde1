"""How a run ends: the status and the facts of the exception that ended it, if any."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Final

from autolog import guard
from autolog.recording.redaction.texts import redact_text

__all__ = ["error_facts", "status_of"]

_MOST: Final = 100  # frames above the call that failed, and as many from the script downward


def status_of(error: BaseException | None) -> str:
    """Give the status of a run that ended with this exception passing through it, or with None."""
    if isinstance(error, KeyboardInterrupt):
        return "KILLED"
    if isinstance(error, SystemExit):
        return "FINISHED" if error.code in (None, 0, False) else "FAILED"
    return "FINISHED" if error is None else "FAILED"


def error_facts(error: BaseException | None, run: guard.Notes | None) -> dict[str, str] | None:
    """Give type, message and traceback of an exception, without secrets."""
    if error is None:
        return None
    text = guard.call("runs.traceback", run, _traceback, error)
    described = guard.describe(error)
    return {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": redact_text(described),
        "traceback": redact_text(text or described),
    }


def _traceback(error: BaseException) -> str:
    """Format an error as Python does where nobody catches it: down from the user's program to the line that raised it.

    Here it has passed through a call of the program's only, and its traceback begins there.
    """
    found = traceback.TracebackException.from_exception(error, compact=True)
    if error.__traceback__ is not None:
        found.stack[:0] = _summary(list(_above(error.__traceback__.tb_frame)))
    return "".join(found.format())


def _summary(frames: list[tuple[FrameType, int]]) -> list[traceback.FrameSummary]:
    """Describe frames, given inmost first, as they are read; of a deep recursion the middle is left out."""
    left = len(frames) - 2 * _MOST
    if left <= 0:
        return traceback.StackSummary.extract(iter(reversed(frames)))
    middle = traceback.FrameSummary("…", 0, f"{left} calls that are left out", lookup_line=False, line="")
    outer, inner = (traceback.StackSummary.extract(reversed(part)) for part in (frames[-_MOST:], frames[:_MOST]))
    return [*outer, middle, *inner]


def _above(frame: FrameType) -> Iterator[tuple[FrameType, int]]:
    """Give the frames that led to one, inmost first, up to the script or the cell of a notebook; none of ours."""
    while frame.f_code.co_name != "<module>" and frame.f_back is not None:
        frame = frame.f_back
        if not _is_ours(frame):
            yield frame, frame.f_lineno


def _is_ours(frame: FrameType) -> bool:
    module = frame.f_globals.get("__name__")
    is_wrapper = "importlib._bootstrap" in frame.f_code.co_filename  # by which warnings pass over it too
    return is_wrapper or (type(module) is str and module.partition(".")[0] == "autolog")

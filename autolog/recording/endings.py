"""How a run ends: the status and the facts of the exception that ended it, if any."""

from __future__ import annotations

import traceback

from autolog import guard
from autolog.recording.redaction.texts import redact_text

__all__ = ["error_facts", "status_of"]


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
    lines = guard.call("runs.traceback", run, traceback.format_exception, type(error), error, error.__traceback__)
    described = guard.describe(error)
    return {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": redact_text(described),
        "traceback": redact_text("".join(lines or [described])),
    }

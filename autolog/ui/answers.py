"""Answers: documents as JSON, and errors, which name what, where, and the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from autolog.exceptions import AutologError, FilterError, RunNotFoundError, UsageError
from autolog.guard import logger
from autolog.ui.typed import to_json

__all__ = ["ERRORS", "Json", "refusal"]


class Json(Response):
    """A document of dataclasses."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Write it."""
        return to_json(content)


def refusal(status: int, message: str, position: int | None = None, text: str | None = None) -> Json:
    """Give an error.

    Args:
        status: of HTTP.
        message: what, where, and the next step.
        position: the offset in `text` at which it stops making sense.
        text: the filter or the order that cannot be read.
    """
    return Json({"error": {"message": message, "position": position, "text": text}}, status)


def _misread(request: Request, error: FilterError) -> Response:
    return refusal(400, error.message, error.position, error.text)


def _failed(request: Request, error: Exception) -> Response:
    status = 400 if isinstance(error, UsageError) else 404 if isinstance(error, RunNotFoundError) else 500
    return refusal(status, str(error))


def _elsewhere(request: Request, error: HTTPException) -> Response:
    return refusal(error.status_code, f"{request.url.path}: {error.detail}")


def _unforeseen(request: Request, error: Exception) -> Response:
    """A store may hold what nobody thought of: the page says so, and the rest of it goes on."""
    logger.warning("autolog: %s cannot be shown: %r", request.url.path, error)
    return refusal(500, f"this cannot be shown: {type(error).__name__}: {error}")


_UNFORESEEN: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
ERRORS: Final[Mapping[Any, Any]] = {
    **dict.fromkeys(_UNFORESEEN, _unforeseen),
    HTTPException: _elsewhere,
    OSError: _failed,
    AutologError: _failed,
    FilterError: _misread,
}
"""What is answered where a request ends in an error."""

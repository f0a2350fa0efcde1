"""Artifacts, put through the server, which knows where they lie."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from autolog_http.client import Client, ServerError

__all__ = ["put"]


def put(client: Client, root: str, path: str, source: Path | bytes) -> None:
    """Put a file below a root of artifacts, streamed; one that has gone meanwhile is refused.

    Args:
        client: reaches the server.
        root: the URI that the server gave.
        path: below it, with `/`.
        source: the file, or its bytes.

    Raises:
        ServerError: the server does not take it, or does not stand between us and the place where it would lie.
    """
    parts = urlsplit(root)
    if parts.scheme != "mlflow-artifacts":
        raise ServerError(f"the server keeps artifacts at {parts.scheme}: and passes none on", 400, "NOT_SERVED")
    try:
        client.upload(f"{unquote(parts.path).strip('/')}/{path}", source)
    except FileNotFoundError:
        raise ServerError("the file is gone", 400, "NO_FILE") from None

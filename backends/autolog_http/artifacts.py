"""Artifacts, put through the server, which knows where they lie."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlparse, urlsplit, urlunparse

from autolog_http.client import Client, ServerError

__all__ = ["put"]

_BY_ROUTERS: Final = (400, 404, 405)
_UNPRINTED: Final = re.compile("[\\x00-\\x1f\\x7f]")


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
    if not _keeps_its_name(path):
        raise ServerError(f"the server would keep {path!r} under another name", 400, "NO_NAME")
    try:
        _upload(client, f"{unquote(parts.path).strip('/')}/{path}", source)
    except FileNotFoundError:
        raise ServerError("the file is gone", 400, "NO_FILE") from None


def _keeps_its_name(path: str) -> bool:
    """Say whether MLflow, which takes a path for an address and decodes it until that changes nothing, leaves it."""
    return urlunparse(urlparse(unquote(f"/{path}"))) == f"/{path}" and not _UNPRINTED.search(path)


def _upload(client: Client, path: str, source: Path | bytes) -> None:
    """Upload a file; what a router says no to before and after MLflow has answered behind it, it does not pass on."""
    if _routers_no(client, path, source) is not None:
        client.post("mlflow/experiments/search", max_results=1)
        said = _routers_no(client, path, source)
        if said is not None:
            raise ServerError(str(said), said.status, "NOT_PASSED_ON")


def _routers_no(client: Client, path: str, source: Path | bytes) -> ServerError | None:
    """Upload a file, and give an error that is not MLflow's own: it may be that of a server that is starting."""
    try:
        client.upload(path, source)
    except ServerError as error:
        if error.code or error.status not in _BY_ROUTERS:
            raise
        return error
    return None

"""What is no JSON: artifacts as they are, pages of a store shown in a frame, and lists for a spreadsheet."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse

from autolog.exceptions import UsageError
from autolog.ui import details, exporting, listing
from autolog.ui.api import query_of
from autolog.ui.previews import kind_of

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from autolog.store.base import Store

__all__ = ["FILES"]

_INERT: Final = {
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'"
}
"""What a store holds may look as it likes, but run, load and reach nothing."""


def _artifact(store: Store, request: Request) -> Response:
    """Give a file to be kept; a picture can be shown by its address too."""
    path = request.path_params["path"]
    media = (mimetypes.guess_type(path)[0] if kind_of(path) == "image" else None) or "application/octet-stream"
    return FileResponse(_file(store, request), media_type=media, filename=PurePosixPath(path).name, headers=_INERT)


def _frame(store: Store, request: Request) -> Response:
    """Give an HTML file as a page."""
    if kind_of(request.path_params["path"]) != "html":
        raise UsageError(f"{request.path_params['path']!r} is no page; only HTML is put into a frame")
    return FileResponse(_file(store, request), media_type="text/html", headers=_INERT)


def _file(store: Store, request: Request) -> Path:
    return store.run(request.path_params["id"]).artifact_path(request.path_params["path"])


def _diagram(store: Store, request: Request) -> Response:
    return HTMLResponse(details.diagram(store, request.path_params["id"]), headers=_INERT)


def _csv(store: Store, request: Request) -> Response:
    asked = request.query_params
    found, columns = query_of(asked).find(store), asked.getlist("columns")
    names = columns or exporting.all_names(listing.columns(store, tuple(asked.getlist("experiment"))))
    lines = exporting.lines(map(found.read, range(len(found.heads))), names)
    headers = {"content-disposition": 'attachment; filename="runs.csv"'}
    return StreamingResponse(lines, media_type="text/csv", headers=headers)


FILES: Mapping[str, Callable[[Store, Request], Response]] = {
    "/runs/{id}/artifact/{path:path}": _artifact,
    "/runs/{id}/frame/{path:path}": _frame,
    "/runs/{id}/diagram": _diagram,
    "/csv": _csv,
}
"""What is asked for, by its path below /api."""

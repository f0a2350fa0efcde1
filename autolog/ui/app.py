"""The web application: which function answers which address, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from autolog.store.search import still
from autolog.ui.answers import ERRORS, Json
from autolog.ui.api import DOCUMENTS
from autolog.ui.files import FILES
from autolog.ui.live import Changes, Watch, stream
from autolog.ui.safety import Door, Guarded

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from autolog.store.base import Store

__all__ = ["application"]

_STATIC: Final = Path(__file__).with_name("static")


def application(store: Store, door: Door) -> ASGIApp:
    """Give the application over a store.

    Args:
        store: where the runs are.
        door: who is let in.
    """
    shared = _Shared(store)
    answers = [Route(f"/api{path}", shared.answer(read)) for path, read in (*DOCUMENTS.items(), *FILES.items())]
    page = Mount("/", StaticFiles(directory=_STATIC, html=True))
    app = Starlette(routes=[*answers, Route("/api/events", shared.events), page], exception_handlers=ERRORS)
    return Guarded(app, door)


class _Shared:
    """A store that many requests ask, one at a time.

    Args:
        store: it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reading = threading.Lock()

    def answer(self, read: Callable[[Store, Request], Any]) -> Callable[[Request], Response]:
        """Give the endpoint that answers with what is read; it is called on a thread."""

        def endpoint(request: Request) -> Response:
            with self._reading, still(self._store):
                answer = read(self._store, request)
                return answer if isinstance(answer, Response) else Json(answer)

        return endpoint

    def events(self, request: Request) -> Response:
        """Answer with what changes, for as long as somebody listens."""
        asked = request.query_params
        watch = Watch(self._store, tuple(asked.getlist("experiment")), asked.get("parent"))

        def look() -> Changes:
            with self._reading, still(self._store):
                return watch.look()

        return StreamingResponse(stream(look), media_type="text/event-stream")

"""A server that answers as a test says: for what no MLflow server would answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Answers", "scripted_server"]

Answers: TypeAlias = Callable[[str, dict[str, Any]], Any]
"""Gives the answer to a request, from its path below the API's root and its fields: JSON, bytes, or None: not found."""


@contextmanager
def scripted_server(answers: Answers) -> Iterator[str]:
    """Have a server for a while; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def take(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = answers(
                parts.path.removeprefix("/api/2.0/"), {**dict(parse_qsl(parts.query)), **json.loads(body or b"{}")}
            )
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(404 if said is None else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = take

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()

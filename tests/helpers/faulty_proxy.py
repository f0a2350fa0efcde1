"""A proxy with faults: it stands between a client of ours and a real server, and a test says what goes wrong.

Each request is counted by its path, and then meets the fault that the test has set, or goes on to the server.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

__all__ = [
    "Answer",
    "Exchange",
    "Fault",
    "FaultyProxy",
    "black_hole",
    "cut_answer",
    "drop_answer",
    "faulty_proxy",
    "late",
    "own_certificate",
    "reset",
    "says",
]

_OF_ONE_LEG: Final = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding", "expect"})
_DAY: Final = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Answer:
    """What a client gets to hear."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Exchange(BaseHTTPRequestHandler):
    """A client's connection, and the request that has just come over it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    @property
    def proxy(self) -> FaultyProxy:
        """The proxy that it came to."""
        return self.server.proxy

    def take(self) -> None:
        """Let the request meet its fault; where a peer has gone, so has the connection."""
        try:
            self.proxy.next_fault(urlsplit(self.path).path)(self)
        except OSError:
            self.abort()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = take

    def body(self, share: float = 1.0) -> bytes:
        """Read the request's body, or so much of it."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return b"".join(self._chunks())
        return self.rfile.read(int(int(self.headers.get("Content-Length", 0)) * share))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def ask(self) -> Answer:
        """Have the server answer the request."""
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_LEG}
        onward = HTTPConnection(*self.proxy.target, timeout=60)
        try:
            onward.request(self.command, self.path, self.body(), headers)
            said = onward.getresponse()
            kept = [(name, value) for name, value in said.getheaders() if name.lower() not in _OF_ONE_LEG]
            return Answer(said.status, kept, said.read())
        finally:
            onward.close()

    def answer(self, answer: Answer, share: float = 1.0) -> None:
        """Give the client an answer, or so much of its body."""
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: int(len(answer.body) * share)])

    def abort(self) -> None:
        """Reset the connection: what is on its way is lost."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


# ---- faults

Fault: TypeAlias = Callable[[Exchange], None]


def pass_on(exchange: Exchange) -> None:
    """No fault."""
    exchange.answer(exchange.ask())


def black_hole(exchange: Exchange) -> None:
    """Take the request, and never answer."""
    exchange.proxy.healed.wait(60)
    exchange.abort()


def reset(exchange: Exchange) -> None:
    """Break off in the middle of the request; the server never sees it."""
    exchange.body(0.5)
    exchange.abort()


def drop_answer(exchange: Exchange) -> None:
    """Have the server do what was asked, and break off: the client cannot know."""
    exchange.ask()
    exchange.abort()


def cut_answer(exchange: Exchange) -> None:
    """Break off in the middle of the answer."""
    exchange.answer(exchange.ask(), share=0.5)
    exchange.abort()


def says(status: int, **headers: str) -> Fault:
    """Answer so in the server's place, with these headers (`Retry_After="1"`)."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]

    def fault(exchange: Exchange) -> None:
        exchange.body()
        exchange.answer(Answer(status, named, b"the proxy says no"))

    return fault


def late(seconds: float) -> Fault:
    """Have the server do what was asked, and answer so many seconds later."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.ask()
        time.sleep(seconds)
        exchange.answer(answer)

    return fault


# ---- the proxy


def own_certificate(folder: Path, host: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """Make a certificate that nobody has signed: what a server shows with it, and the file by which to trust it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - _DAY).not_valid_after(now + _DAY)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), False)
    path, private = folder / "certificate.pem", folder / "key.pem"
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(*form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, private)
    return context, path


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, proxy: FaultyProxy, port: int) -> None:
        self.proxy = proxy
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Exchange)

    def process_request(self, request: socket.socket, client_address: tuple[str, int]) -> None:  # type: ignore[override]
        self.open.add(request)
        super().process_request(request, client_address)

    def finish_request(self, request: socket.socket, client_address: tuple[str, int]) -> None:  # type: ignore[override]
        tls = self.proxy.tls
        plain = request if tls is None else tls.wrap_socket(request, server_side=True)
        super().finish_request(plain, client_address)
        plain.close()

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Close only: a reset must not be preceded by an orderly end."""
        self.open.discard(request)
        request.close()

    def handle_error(self, request: socket.socket, client_address: tuple[str, int]) -> None:  # type: ignore[override]
        """A peer that has gone is what this is about."""

    def stop(self) -> None:
        """Refuse connections from now on, and break off those that are open."""
        self.shutdown()
        self.server_close()
        for each in list(self.open):
            with contextlib.suppress(OSError):  # it has gone
                each.shutdown(socket.SHUT_RDWR)


@dataclass
class FaultyProxy:
    """A proxy to a server.

    Args:
        target: the server's host and port.
        tls: what the proxy shows its clients who it is with; plain HTTP without.
    """

    target: tuple[str, int]
    tls: ssl.SSLContext | None = None
    requests: Counter[str] = field(default_factory=Counter)
    healed: threading.Event = field(default_factory=threading.Event)
    _fault: Fault = pass_on
    _every: int = 1
    _among: str = ""
    _met: int = 0
    _port: int = 0
    _listener: _Listener | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, at the same port as before."""
        self._listener = _Listener(self, self._port)
        self._port = self._listener.server_address[1]
        threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True).start()

    def refuse(self) -> None:
        """Refuse all connections until it is healed."""
        if self._listener is not None:
            self._listener.stop()
        self._listener = None

    def fail(self, fault: Fault, every: int = 1, among: str = "") -> None:
        """Let requests meet a fault.

        Args:
            fault: it.
            every: each so manieth of them.
            among: those with this in their path.
        """
        self.healed.clear()
        self._fault, self._every, self._among, self._met = fault, every, among, 0

    def heal(self) -> None:
        """Pass everything on from now on, and count anew."""
        self.fail(pass_on)
        self.healed.set()
        self.requests.clear()
        if self._listener is None:
            self.start()

    def next_fault(self, path: str) -> Fault:
        """Count a request, and give what it is to meet."""
        self.requests[path] += 1
        self._met += self._among in path
        return self._fault if self._among in path and self._met % self._every == 0 else pass_on


@contextmanager
def faulty_proxy(url: str, tls: ssl.SSLContext | None = None) -> Iterator[FaultyProxy]:
    """Have a proxy to the server at `url` for a while."""
    parts = urlsplit(url)
    assert parts.hostname is not None and parts.port is not None
    proxy = FaultyProxy((parts.hostname, parts.port), tls)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.healed.set()
        proxy.refuse()

"""The proxy with faults does what its faults say: a test of faults that meets none would prove nothing."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from faulty_proxy import (
    Fault,
    FaultyProxy,
    black_hole,
    cut_answer,
    drop_answer,
    faulty_proxy,
    late,
    own_certificate,
    reset,
    says,
)

BODY = b"x" * 300_000


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent, and remembers it."""

    protocol_version = "HTTP/1.1"
    seen: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def seen() -> list[bytes]:
    """What has reached the server."""
    return []


@pytest.fixture
def proxy(seen: list[bytes]) -> Iterator[FaultyProxy]:
    """A proxy to a server that gives back what it is sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Echo,), {"seen": seen}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    with faulty_proxy(f"http://127.0.0.1:{server.server_address[1]}") as between:
        yield between
    server.shutdown()
    server.server_close()


def send(proxy: FaultyProxy) -> httpx.Response:
    return httpx.post(f"{proxy.url}/a?b=c", content=BODY, timeout=httpx.Timeout(10.0, read=1.0))


def test_what_meets_no_fault_passes_unchanged(proxy: FaultyProxy, seen: list[bytes]) -> None:
    """Requests over one connection come through with their bodies, and are counted by path."""
    with httpx.Client() as client:
        said = [client.post(f"{proxy.url}/a?b={number}", content=BODY).content for number in range(3)]
    assert said == seen == [BODY] * 3
    assert proxy.requests == {"/a": 3}


def test_a_body_in_chunks_passes(proxy: FaultyProxy, seen: list[bytes]) -> None:
    """A client may stream what it sends."""
    assert httpx.post(f"{proxy.url}/a", content=iter([b"one", b"two"])).content == b"onetwo"
    assert seen == [b"onetwo"]


@pytest.mark.parametrize(
    ("fault", "error", "reaches"),
    [
        (black_hole, httpx.ReadTimeout, False),
        (reset, (httpx.ReadError, httpx.WriteError), False),
        (drop_answer, (httpx.ReadError, httpx.RemoteProtocolError), True),
        (cut_answer, (httpx.ReadError, httpx.RemoteProtocolError), True),
    ],
)
def test_a_broken_exchange(
    proxy: FaultyProxy, seen: list[bytes], fault: Fault, error: type[Exception], reaches: bool
) -> None:
    """The client gets an error, the server the request or not; once healed all is well."""
    proxy.fail(fault)
    with pytest.raises(error):
        send(proxy)
    assert seen == ([BODY] if reaches else [])
    proxy.heal()
    assert send(proxy).content == BODY


def test_an_answer_in_the_servers_place(proxy: FaultyProxy, seen: list[bytes]) -> None:
    """The server sees nothing of a request that the proxy answers."""
    proxy.fail(says(429, Retry_After="7"))
    said = send(proxy)
    assert (said.status_code, said.headers["Retry-After"], seen) == (429, "7", [])


def test_a_late_answer_is_the_servers(proxy: FaultyProxy, seen: list[bytes]) -> None:
    """The client that waits long enough gets it, and one that does not has been heard all the same."""
    proxy.fail(late(0.2))
    assert send(proxy).content == BODY
    proxy.fail(late(5))
    with pytest.raises(httpx.ReadTimeout):
        send(proxy)


def test_every_third_request_fails(proxy: FaultyProxy) -> None:
    """A fault can hit some requests only."""
    proxy.fail(says(503), every=3)
    assert [send(proxy).status_code for _ in range(6)] == [200, 200, 503, 200, 200, 503]


def test_requests_by_their_path(proxy: FaultyProxy) -> None:
    """A fault can hit those requests only that ask for one thing."""
    proxy.fail(says(503), every=2, among="/b")
    asked = [httpx.post(f"{proxy.url}/{path}", content=b"x").status_code for path in ("b", "a", "b", "a", "b", "b")]
    assert asked == [200, 200, 503, 200, 200, 503]


def test_refused_and_back_at_the_same_place(proxy: FaultyProxy, seen: list[bytes]) -> None:
    """A connection that was open breaks, further ones are refused, and later it is found where it was."""
    with httpx.Client() as client:
        client.post(proxy.url, content=b"")
        proxy.refuse()
        for _ in range(2):
            with pytest.raises((httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError)):
                client.post(proxy.url, content=b"")
        proxy.heal()
        assert client.post(proxy.url, content=b"back").content == b"back"
    assert seen == [b"", b"back"]


def test_a_certificate_that_nobody_signed(proxy: FaultyProxy, seen: list[bytes], tmp_path: Path) -> None:
    """A client that verifies sends nothing; one that was given the certificate trusts it."""
    context, path = own_certificate(tmp_path)
    with faulty_proxy(proxy.url, context) as outer:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.post(outer.url, content=b"x")
        assert (seen, outer.requests) == ([], {})
        trusting = ssl.create_default_context(cafile=path)
        assert httpx.post(outer.url, content=b"x", verify=trusting).content == b"x"

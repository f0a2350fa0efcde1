"""Who may ask: checks of each request before anything else sees it, and the headers of each answer."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from autolog.ui.answers import refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Door", "Guarded", "hosts_of", "token_for"]

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
_METHODS: Final = frozenset({"GET", "HEAD"})
_OWN: Final = frozenset({"same-origin", "none"})


def hosts_of(host: str) -> frozenset[str]:
    """Give the names that a server bound to `host` is asked for by; `*` stands for any address.

    A foreign name that was made to point here (DNS rebinding) is none of them, and an address is no name.
    """
    if _is_loopback(host):
        return frozenset({"localhost", "127.0.0.1", "::1", host.lower()})
    return frozenset({"*", "localhost", host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()})


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_address(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def token_for(host: str) -> str | None:
    """Give a new token where others than this machine can ask; None where nobody else can."""
    return None if _is_loopback(host) else secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Door:
    """What a request must show to be let in.

    Args:
        hosts: the names that the server is asked for by, as `hosts_of` gives them.
        token: what is exchanged for a cookie; None where none is needed.
        cookie: the cookie's value.
    """

    hosts: frozenset[str]
    token: str | None = None
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def answer(self, request: Request) -> Response | None:
        """Give the answer to a request that goes no further, None to one that may."""
        if request.method not in _METHODS:
            return refusal(405, f"{request.method} changes nothing here: this server only shows; use GET")
        if not self._is_asked_for(_host(request)):
            return refusal(421, "this server is not asked for by that name; use the address that it printed")
        if not _is_own(request):
            return refusal(403, "another site may not ask this server; open the address that it printed")
        if self.token is None or self._is_known(request.cookies.get(self._name(request))):
            return None
        return self._exchanged(request, self.token)

    def _is_asked_for(self, host: str | None) -> bool:
        return host is not None and (host in self.hosts or ("*" in self.hosts and _is_address(host)))

    def _is_known(self, cookie: str | None) -> bool:
        return cookie is not None and secrets.compare_digest(cookie.encode(), self.cookie.encode())

    def _exchanged(self, request: Request, token: str) -> Response:
        """Take the token for a cookie, and out of the address."""
        given = request.query_params.get("token", "")
        if not secrets.compare_digest(given.encode(), token.encode()):
            return refusal(401, "this server needs its token: open the whole address that it printed")
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self._name(request), self.cookie, httponly=True, samesite="strict")
        return answer

    @staticmethod
    def _name(request: Request) -> str:
        """Name the cookie by the port: all servers of a host share their cookies."""
        return f"autolog_{(request.scope.get('server') or ('', 0))[1]}"


def _host(request: Request) -> str | None:
    """Give the host that is asked for, without the port, which a tunnel may change."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        return None


def _is_own(request: Request) -> bool:
    """Say whether a request comes from our page, from the user, or from a link elsewhere to the page itself."""
    headers = request.headers
    own = f"//{headers.get('host')}"
    if not headers.get("origin", own).endswith(own):
        return False
    is_opened = request.scope["path"] == "/" and headers.get("sec-fetch-mode") == "navigate"
    return is_opened or headers.get("sec-fetch-site", "none") in _OWN


class Guarded:
    """An application behind the door.

    Args:
        app: the application.
        door: the door.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; each answer has the headers."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        answer = self._door.answer(Request(scope))
        return await (answer or self._app)(scope, receive, _with_headers(send))


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending

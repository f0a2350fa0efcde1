"""The one client of MLflow's REST protocol: where the server is, who asks, and what becomes of an answer.

It follows MLflow's own environment variables. No credential is part of anything that it says.
"""

from __future__ import annotations

import codecs
import email.utils
import json
import os
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit
from urllib.request import getproxies

from autolog import guard
from autolog.background import away
from autolog.exceptions import AutologError, UsageError
from autolog.lazy import lazy
from autolog_http.quiet import quietly

if TYPE_CHECKING:
    import ssl

    import httpx

__all__ = ["Client", "ServerError", "part"]

_CONNECT: Final = 5.0  # seconds
_READ: Final = 30.0  # seconds without a byte
_LONGEST: Final = 300.0  # seconds that an answer in JSON may take as a whole
_LARGEST: Final = 256 << 20  # bytes of such an answer
_BLOCK: Final = 1 << 20
_TEMPORARY: Final = frozenset({408, 425, 429})
_MAKE_ANOTHER: Final = frozenset({"/api/2.0/mlflow/runs/create", "/api/2.0/mlflow/logged-models"})
"""What a second request of makes a second one."""
_HOUR: Final = 3600.0
_SAID: Final = 300  # characters of a server's message that are passed on


class ServerError(AutologError):
    """A server did not do what it was asked.

    Args:
        message: what was asked, and what came of it.
        status: of HTTP; None where no answer came.
        code: MLflow's error code, e.g. `RESOURCE_DOES_NOT_EXIST`; empty where the answer has none.
        after: the seconds that the server asks to be left alone.
    """

    def __init__(self, message: str, status: int | None = None, code: str = "", after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.after = after

    @property
    def is_temporary(self) -> bool:
        """Say whether the same request may succeed later."""
        return self.status is None or self.status >= 500 or self.status in _TEMPORARY

    @property
    def is_missing(self) -> bool:
        """Say whether what was asked for is not there."""
        return self.status == 404


class CutError(ServerError):
    """The connection broke off before all of the answer had come: the server may have done what it was asked."""


def part(answer: Any, *path: str) -> Any:
    """Give what lies in an answer below some names.

    Raises:
        ServerError: it is not there.
    """
    for name in path:
        if not isinstance(answer, dict) or name not in answer:
            raise ServerError(f"an answer lacks {'.'.join(path)}; is this an MLflow server?")
        answer = answer[name]
    return answer


class Client:
    """A connection to one server; opened with the first request.

    Args:
        uri: the server's address; user and password in it go before those of the environment.

    Raises:
        UsageError: the address names no host, or no port that is one.
    """

    def __init__(self, uri: str) -> None:
        parts = _parts(uri)
        host = parts.netloc.rpartition("@")[2]
        self.uri = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._auth = _auth(parts.username, parts.password)
        self._opened: dict[int, httpx.Client] = {}  # by process: a fork does not share its parent's connections

    @property
    def _http(self) -> httpx.Client:
        process = os.getpid()
        if process not in self._opened:
            self._opened[process] = self._open()
        return self._opened[process]

    def _open(self) -> httpx.Client:
        import httpx  # a store that nobody reads does not load it

        codecs.lookup("idna")  # is imported by any request: in a child that is forked meanwhile it would stay broken
        headers = {"User-Agent": "autolog", **({"Authorization": self._auth} if isinstance(self._auth, str) else {})}
        basic = self._auth if isinstance(self._auth, tuple) else None
        timeout = httpx.Timeout(_READ, connect=_CONNECT)
        opened = httpx.Client(base_url=self.uri, headers=headers, auth=basic, timeout=timeout, verify=_verify(self.uri))
        weakref.finalize(self, opened.close).atexit = False  # a store that nobody reads any more lets go of it
        return opened

    # ---- JSON

    def get(self, path: str, /, **fields: Any) -> dict[str, Any]:
        """Ask a function of the protocol, e.g. `client.get("mlflow/runs/get", run_id=…)`.

        Raises:
            ServerError: it did not answer, or refuses.
        """
        return self._json("GET", path, params={name: each for name, each in fields.items() if each is not None})

    def post(self, path: str, /, **fields: Any) -> dict[str, Any]:
        """Have the server do something; errors as for `get`."""
        return self._json("POST", path, json=fields)

    def patch(self, path: str, /, **fields: Any) -> dict[str, Any]:
        """Have the server change something; errors as for `get`."""
        return self._json("PATCH", path, json=fields)

    def delete(self, path: str) -> dict[str, Any]:
        """Have the server remove something; errors as for `get`."""
        return self._json("DELETE", path)

    @lazy
    def version(self) -> str:
        """The version of the server, empty where it does not tell; errors as for `get`."""
        try:
            return self._whole("GET", "/version").decode("ascii", "replace")
        except ServerError as error:
            if error.is_missing:
                return ""
            raise

    def pages(self, method: str, path: str, /, **fields: Any) -> Iterator[dict[str, Any]]:
        """Give the pages of an answer, until one names no next; errors as for `get`.

        Args:
            method: `GET` or `POST`.
            path: the function's.
            fields: what it is asked with.
        """
        ask, token = (self.get if method == "GET" else self.post), None
        seen: set[Any] = set()
        while token not in seen:
            seen.add(token)
            page = ask(path, **fields, **({"page_token": token} if token else {}))
            yield page
            token = page.get("next_page_token")
            if not isinstance(token, str) or not token:
                return

    def _json(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        data = self._whole(method, f"/api/2.0/{path}", **more)
        try:
            found = json.loads(data or b"{}")
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ServerError(f"{method} {path}: the answer is not MLflow's; is {self.uri} an MLflow server?", 404)
        return found

    # ---- files

    def upload(self, path: str, source: Path | bytes) -> None:
        """Put an artifact, streamed from its file; errors as for `get`.

        Args:
            path: the artifact's, below the server's root of artifacts.
            source: its file, or its bytes.
        """
        if isinstance(source, bytes):
            self._put(path, source)
            return
        with source.open("rb") as file:
            self._put(path, file)

    def _put(self, path: str, content: bytes | IO[bytes]) -> None:
        import httpx

        patient = httpx.Timeout(_READ, connect=_CONNECT, read=_LONGEST)  # the server stores it before it answers
        self._whole("PUT", _artifact(path), content=content, timeout=patient)

    def download(self, path: str, limit: int) -> Iterator[bytes]:
        """Give an artifact's bytes, piece by piece; errors as for `get`.

        Args:
            path: the artifact's, below the server's root of artifacts.
            limit: how many bytes it may have.
        """
        yield from self._bytes("GET", _artifact(path), limit)

    # ---- requests

    def _whole(self, method: str, path: str, **more: Any) -> bytes:
        """Make a request, once more where the connection breaks off and that does no harm, and give what it answers."""
        try:
            return b"".join(self._bytes(method, path, _LARGEST, **more))
        except CutError:
            if path in _MAKE_ANOTHER:
                raise
        if not isinstance(content := more.get("content", b""), bytes):
            content.seek(0)
        return b"".join(self._bytes(method, path, _LARGEST, **more))

    def _bytes(self, method: str, path: str, limit: int, **more: Any) -> Iterator[bytes]:
        """Make a request, and give the answer's body piece by piece."""
        import httpx

        http, size, end = self._http, 0, time.monotonic() + _LONGEST
        try:
            with away(), quietly(), http.stream(method, path, **more) as answer:
                if not answer.is_success:
                    raise self._refusal(method, path, answer)
                for block in answer.iter_bytes(_BLOCK):
                    size += len(block)
                    if size > limit or (limit == _LARGEST and time.monotonic() > end):
                        raise ServerError(f"{method} {path}: the answer has no end", 413)
                    yield block
        except (httpx.TransportError, httpx.StreamError, httpx.DecodingError) as error:
            is_cut = isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError)
            kind = CutError if is_cut else ServerError
            raise kind(f"{self.uri} cannot be reached: {guard.describe(error)}") from None
        except httpx.InvalidURL:
            raise ServerError(f"{method} {path[:_SAID]}: no address can be made of this", 400) from None

    def _refusal(self, method: str, path: str, answer: httpx.Response) -> ServerError:
        code, message = _said(next(answer.iter_bytes(_BLOCK), b""))
        where = f", which points to {answer.headers['Location']}" if "Location" in answer.headers else ""
        text = f"{method} {path}: {answer.status_code} {code or answer.reason_phrase}{where}: {message}"
        return ServerError(text.rstrip(": "), answer.status_code, code, _seconds(answer.headers.get("Retry-After")))

    def close(self) -> None:
        """Let go of the connections; the next request opens new ones."""
        opened = self._opened.pop(os.getpid(), None)
        if opened is not None:
            opened.close()


def _parts(uri: str) -> SplitResult:
    """Read an address, of which no part is shown that may be a secret."""
    try:
        parts = urlsplit(uri)
        if parts.hostname and (parts.port is None or parts.port):
            return parts
    except ValueError:
        pass
    raise UsageError("a server's address has a host, and a port or none; give one such as https://mlflow.example:5000")


def _artifact(path: str) -> str:
    return f"/api/2.0/mlflow-artifacts/artifacts/{quote(path)}"


def _auth(user: str | None, password: str | None) -> tuple[str, str] | str | None:
    """Give user and password, or the header's text of a token."""
    if user is None:
        user, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD")
    else:
        user, password = unquote(user), unquote(password or "")
    if user:
        return user, password or ""
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return f"Bearer {token}" if token else None


def _verify(uri: str) -> ssl.SSLContext | bool:
    """Say how a server's certificate is checked: always, unless MLflow's own variable says never.

    Where nothing is encrypted no authority is trusted: reading them takes longer than a request.
    """
    import ssl

    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        guard.logger.warning("autolog: MLFLOW_TRACKING_INSECURE_TLS is set: no server's certificate is checked")
        return False
    if uri.startswith("http:") and not getproxies():
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    names = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
    bundle = next(filter(None, map(os.environ.get, names)), None)
    return _context(Path(bundle)) if bundle else True


def _context(bundle: Path) -> ssl.SSLContext:
    import ssl

    place = {"capath": str(bundle)} if bundle.is_dir() else {"cafile": str(bundle)}
    try:
        return ssl.create_default_context(**place)  # type: ignore[arg-type]
    except OSError as error:
        raise ServerError(f"the certificates in {bundle} cannot be read: {error.strerror}") from None


def _said(body: bytes) -> tuple[str, str]:
    """Give an error's code and message as MLflow writes them, in one line; a proxy's own page says nothing."""
    try:
        found = json.loads(body)
        code, message = (" ".join(str(found.get(name, "")).split()) for name in ("error_code", "message"))
    except (ValueError, AttributeError, RecursionError):
        return "", ""
    return code[:_SAID], message[:_SAID]


def _seconds(after: str | None) -> float | None:
    """Read `Retry-After`: seconds, or a date; whatever it says, a server is asked again within the hour."""
    if after is None:
        return None
    try:
        named = float(after) if after.strip().isdecimal() else _date(after) - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, named), _HOUR)


def _date(text: str) -> float:
    return email.utils.parsedate_to_datetime(text).timestamp()

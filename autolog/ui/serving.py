"""The server of the page: one process, one port, until it is interrupted."""

from __future__ import annotations

import contextlib
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import uvicorn

from autolog.exceptions import UsageError
from autolog.ui.app import application
from autolog.ui.safety import Door, hosts_of, token_for

if TYPE_CHECKING:
    from autolog.store.base import Store

__all__ = ["open_browser", "serve"]

_PORTS: Final = range(7007, 7027)  # the first that is free
_ALL: Final = ("0.0.0.0", "::")  # noqa: S104 - only if the user says so
_PATIENCE: Final = 1  # seconds that a page's open stream keeps the server after its end


def serve(store: Store, host: str, port: int | None, announce: Callable[[str], None]) -> None:
    """Serve the page over a store until the process is interrupted.

    Args:
        store: where the runs are.
        host: the address to listen at.
        port: the port; one that is free where None.
        announce: is given the whole address once the server listens.

    Raises:
        UsageError: it cannot listen there.
    """
    listening = _listen(host, [port] if port is not None else [*_PORTS, 0])
    door = Door(hosts_of(host), token_for(host))
    config = uvicorn.Config(
        application(store, door), log_level="warning", lifespan="off", timeout_graceful_shutdown=_PATIENCE
    )
    announce(_address(host, listening.getsockname()[1], door.token))
    with contextlib.suppress(KeyboardInterrupt):  # which uvicorn raises again when it has ended
        uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, ports: Sequence[int]) -> socket.socket:
    """Listen at the first port that is free: a browser that asks before the server answers waits."""
    reasons = []
    for port in ports:
        try:
            return _listen_at(host, port)
        except OSError as error:  # noqa: PERF203 - the next one may be free
            reasons.append(error)
    raise UsageError(f"cannot listen at {host}, port {ports[-1]}: {reasons[-1]}; give another --port or --host")


def _listen_at(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server((str(address[0]), int(address[1])), family=family)


def _address(host: str, port: int, token: str | None) -> str:
    """Give what to open; where the server listens at all addresses, by this machine's name."""
    name = socket.gethostname() if host in _ALL else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/{'' if token is None else f'?token={token}'}"


def open_browser(address: str) -> None:
    """Open a page on a thread: some browsers keep who starts them waiting."""
    threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()

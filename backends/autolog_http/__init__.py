"""The HTTP backend: runs go to an MLflow server, by its own protocol."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from autolog import hookimpl
from autolog.exceptions import PluginError

if TYPE_CHECKING:
    from autolog.hookspecs import Backend
    from autolog.store.base import Store


@hookimpl
def autolog_open_backend(uri: str) -> Backend:
    """Deliver to the server at an address.

    Raises:
        PluginError: what it takes is not installed.
    """
    _check()
    from autolog_http.destination import MLflowBackend

    return MLflowBackend(uri)


@hookimpl
def autolog_open_store(uri: str) -> Store:
    """Read the runs of the server at an address; errors as for delivering."""
    _check()
    from autolog_http.client import Client
    from autolog_http.store import ServerStore

    return ServerStore(Client(uri))


def _check() -> None:
    if importlib.util.find_spec("httpx") is None:
        raise PluginError("to reach a server takes httpx, which is not installed; pip install autolog-ml[http]")

"""The HTTP backend: runs go to an MLflow server, by its own protocol."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from autolog import hookimpl
from autolog.exceptions import PluginError

if TYPE_CHECKING:
    from autolog.hookspecs import Backend


@hookimpl
def autolog_open_backend(uri: str) -> Backend:
    """Deliver to the server at an address.

    Raises:
        PluginError: what it takes is not installed.
    """
    if importlib.util.find_spec("httpx") is None:
        raise PluginError("to reach a server takes httpx, which is not installed; pip install autolog-ml[http]")
    from autolog_http.destination import MLflowBackend

    return MLflowBackend(uri)

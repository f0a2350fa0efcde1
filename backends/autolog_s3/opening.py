"""How an address becomes an open store, with the credentials and the patience that are right for it."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from obstore.store import AzureStore, GCSStore, S3Store

from autolog_s3.address import Address
from autolog_s3.credentials import keys, profile

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Bucket", "open_bucket"]

Bucket = S3Store | GCSStore | AzureStore
_RETRIES: Final[Any] = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}  # for longer there is the courier


def open_bucket(address: Address, patience: str) -> Bucket:
    """Open a bucket; the files of credentials are read, and may send obstore to the network for more.

    Args:
        address: where it is.
        patience: how long a request may take altogether, such as "2m".
    """
    return _OPENERS[address.scheme](address, {"timeout": patience, "connect_timeout": "5s", **_authorities()})


def _s3(address: Address, client: Any) -> S3Store:
    said = profile()
    endpoint = address.endpoint_url or _first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") or said.get("endpoint_url", "")
    region = address.region or _first("AWS_REGION", "AWS_DEFAULT_REGION") or said.get("region") or "us-east-1"
    config: Any = {"region": region, **keys(said), **({"aws_endpoint_url_s3": endpoint} if endpoint else {})}
    return S3Store(address.bucket, **_common(address, client, endpoint), config=config)


def _gs(address: Address, client: Any) -> GCSStore:
    endpoint = address.endpoint_url
    config: Any = {"base_url": endpoint} if endpoint else {}
    return GCSStore(address.bucket, **_common(address, client, endpoint), config=config)


def _az(address: Address, client: Any) -> AzureStore:
    endpoint = address.endpoint_url or _first("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
    config: Any = {"endpoint": endpoint} if endpoint else {}
    return AzureStore(address.bucket, **_common(address, client, endpoint), config=config)


_OPENERS: Final[dict[str, Callable[[Address, Any], Bucket]]] = {"s3": _s3, "gs": _gs, "az": _az}


def _common(address: Address, client: Any, endpoint: str) -> Any:
    """Give what is the same for all; without TLS only where somebody named such a server."""
    plain = {"allow_http": True} if endpoint.startswith("http://") else {}
    return {"prefix": address.prefix or None, "client_options": {**client, **plain}, "retry_config": _RETRIES}


def _first(*variables: str) -> str:
    return next(filter(None, map(os.environ.get, variables)), "")


def _authorities() -> dict[str, Any]:
    """Trust who the usual variables name, besides those whom the system trusts."""
    path = _first("AWS_CA_BUNDLE", "SSL_CERT_FILE")
    return {"root_certificate": Path(path).read_bytes()} if path else {}

"""Object stores: S3 and what speaks its protocol, Google Cloud Storage, Azure's blobs; a bucket is a folder of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autolog import hookimpl
from autolog.exceptions import PluginError
from autolog_s3.address import Address

if TYPE_CHECKING:
    from autolog.hookspecs import Backend
    from autolog.store.base import Store

__all__: list[str] = []


def _address(uri: str) -> Address:
    """Read a URI, and see that what it takes is there; no network is asked."""
    found = Address.of(uri)
    try:
        import obstore  # noqa: F401
    except ImportError as error:
        raise PluginError(f"{uri} needs obstore ({error}): pip install 'autolog-ml[s3]'") from None
    return found


@hookimpl
def autolog_open_backend(uri: str) -> Backend:
    """Deliver into a bucket."""
    address = _address(uri)
    from autolog_s3.delivering import BucketBackend

    return BucketBackend(address)


@hookimpl
def autolog_open_store(uri: str) -> Store:
    """Read the runs in a bucket."""
    address = _address(uri)
    from autolog.store.index.store import IndexedStore
    from autolog_s3.reading import BucketFiles

    return IndexedStore(uri, BucketFiles(address), repr(address))

"""A bucket on loopback, served by a server that the tests use, with its requests counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from measuring import folder

__all__ = ["bucket"]


@contextmanager
def bucket() -> Iterator[tuple[Path, Any, Mapping[str, str]]]:
    """Serve the bucket `bucket`.

    Yields:
        A folder, below which it lies as `served/bucket`; what counts the requests; the variables by which it is found.
    """
    from object_stores import CountingProxy, Rclone, running

    with folder() as place, running(Rclone, Path(place)) as server:
        server.make_bucket("bucket")
        proxy = CountingProxy(server.port)
        yield Path(place), proxy, {**server.environment(), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}
        proxy.close()

"""Delivery into a bucket: each batch is an object of its own, which is put again without harm."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import obstore

from autolog.background import away
from autolog.hookspecs import Backend, Batch, Delivery
from autolog.store.segments import Segment, pack
from autolog_s3 import forked
from autolog_s3.address import Address
from autolog_s3.credentials import preload
from autolog_s3.errors import FAILURES, reason
from autolog_s3.opening import Bucket, open_bucket

__all__ = ["BucketBackend"]

_DIGEST: Final = "sha256"  # the name under which an object keeps the digest of its bytes, in all stores
_PART: Final = 5 << 20  # bytes; the least that S3 takes
_PARTS: Final = 9_000  # of 10,000
_AT_ONCE: Final = 4
_PATIENCE: Final = "2m"  # for one part; a line of 350 kbit/s makes it


class BucketBackend(Backend):
    """Keeps journals, in segments, and files in a bucket.

    Args:
        address: where.
    """

    pause = 5.0
    batch_bytes = 8 << 20

    def __init__(self, address: Address) -> None:
        self._address = address
        self._bucket: Bucket | None = None

    def deliver(self, batch: Batch) -> Delivery:
        """Put the files, then the lines that speak of them; what is there already is not sent again."""
        if forked.is_cut_off():
            return forked.deliver(self._address, batch)
        if self._bucket is None:
            preload()
        try:
            with away():
                return self._deliver(batch)
        except FAILURES as error:
            self._bucket = None  # opened again with the credentials of then
            return Delivery("retry", reason(error))

    def _deliver(self, batch: Batch) -> Delivery:
        bucket = self._bucket = self._bucket or open_bucket(self._address, _PATIENCE)
        digests = batch.digests
        unfit = [
            name
            for name, source in batch.files.items()
            if not _put(bucket, f"{batch.tree}/{name}", source, digests.get(name))
        ]
        segment = Segment(batch.writer, batch.offset, batch.end)
        obstore.put(bucket, f"{batch.tree}/{segment.name}", pack(batch.lines))
        return Delivery("done", aside=[f"{name!r} is no name that an object store takes" for name in unfit])

    def close(self) -> None:
        """Let go of the connections."""
        self._bucket = None


def _put(bucket: Bucket, key: str, source: Path, digest: str | None) -> bool:
    """Put a file, unless it is there from an earlier try; False where it cannot have that name.

    A large one goes in parts, which are read as they are sent.
    """
    size = source.stat().st_size
    attributes = {} if digest is None else {_DIGEST: digest}
    part = max(_PART, size // _PARTS)
    try:
        if digest is None or not _is_there(bucket, key, size, digest):
            obstore.put(bucket, key, source, attributes=attributes, chunk_size=part, max_concurrency=_AT_ONCE)
    except ValueError:
        return False
    return True


def _is_there(bucket: Bucket, key: str, size: int, digest: str) -> bool:
    try:
        found = obstore.get(bucket, key, options={"head": True})
    except FileNotFoundError:
        return False
    return found.meta["size"] == size and found.attributes.get(_DIGEST) == digest

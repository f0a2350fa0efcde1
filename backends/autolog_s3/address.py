"""What a URI says: which bucket, where in it, and at which server."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from autolog.exceptions import UsageError
from autolog.paths import checked

__all__ = ["Address"]

_KNOWN: Final = ("endpoint_url", "region")


class Address(NamedTuple):
    """A place in an object store.

    Args:
        scheme: `s3`, `gs` or `az`.
        bucket: its name; Azure calls it a container.
        prefix: where in it, without slashes around; may be empty.
        endpoint_url: the server, where it is not the provider's own.
        region: the bucket's, where the URI says so.
    """

    scheme: str
    bucket: str
    prefix: str
    endpoint_url: str
    region: str

    @classmethod
    def of(cls, uri: str) -> Address:
        """Read a URI.

        Raises:
            UsageError: it names no bucket, or has in it what does not belong there.
        """
        try:
            parts = urlsplit(uri)
            asked = dict(parse_qsl(parts.query))
            endpoint = urlsplit(asked.get("endpoint_url", ""))
        except ValueError:
            raise UsageError("a bucket's URI cannot be read; give one such as s3://bucket/team") from None
        if "@" in parts.netloc or "@" in endpoint.netloc:
            raise UsageError(_NO_SECRETS.format(scheme=parts.scheme))
        if not parts.netloc or parts.fragment:
            raise UsageError(f"{uri} does not name a bucket; give one such as {parts.scheme}://bucket/team")
        if unknown := asked.keys() - set(_KNOWN):
            raise UsageError(f"{uri.partition('?')[0]} has {sorted(unknown)} behind the '?'; there may be {_KNOWN}")
        if asked.get("endpoint_url") and endpoint.scheme not in ("http", "https"):
            raise UsageError(f"endpoint_url={asked['endpoint_url']} is no URL of a server; give http://… or https://…")
        prefix = parts.path.strip("/")
        return cls(
            parts.scheme.lower(),
            parts.netloc,
            checked(prefix) if prefix else "",
            asked.get("endpoint_url", ""),
            asked.get("region", ""),
        )

    def __str__(self) -> str:
        return "/".join(filter(None, (f"{self.scheme}://{self.bucket}", self.prefix)))


_NO_SECRETS: Final = (
    "credentials do not belong into a {scheme}:// URI; they are taken from the environment, see docs/object-stores.md"
)

"""What went wrong at an object store, in one line without secrets; obstore's own text has whole answers in it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Final

from obstore.exceptions import BaseError, InvalidPathError, PermissionDeniedError, UnauthenticatedError

from autolog.exceptions import AutologError
from autolog_s3.address import Address

__all__ = ["FAILURES", "BucketError", "UnlistableError", "reason", "said"]

FAILURES: Final = (BaseError, OSError, ValueError, ImportError)

_CODE: Final = re.compile(r"<Code>\s*(\w{1,64})\s*</Code>")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_LACKING: Final = "no credentials were found; see docs/object-stores.md for where they are looked for"
_NOWHERE: Final = "there is no such bucket; create it, or give another address"
_SIGNS: Final = (  # in obstore's text, the first that is there tells
    ("169.254.", _LACKING),  # where a cloud's own machines are given them
    ("MissingAccount", "no account is named; set AZURE_STORAGE_ACCOUNT_NAME"),
    ("NoSuchBucket", _NOWHERE),
    ("ContainerNotFound", _NOWHERE),
    ("LOCATION", "the bucket is in another region; set AWS_REGION, or add ?region=… to the address"),
    ("TimedOut", "no answer came in time"),
    ("dns error", "the server's name is not known here"),
    ("kind: Connect", "the server cannot be reached"),
    ("kind: Request", "the connection broke"),
)


class BucketError(AutologError):
    """An object store cannot be read; the message says which and why."""


class UnlistableError(BucketError):
    """There is an object whose name is no path, so that nothing beside it can be listed."""


def reason(error: Exception) -> str:
    """Say in one line what an error means."""
    text = str(error)
    found = next((meaning for sign, meaning in _SIGNS if sign in text), "")
    answer = " ".join(told[1] for told in (_STATUS.search(text), _CODE.search(text)) if told)
    if found:
        return found
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return f"access is denied ({answer}); see docs/object-stores.md for where credentials are looked for"
    if isinstance(error, InvalidPathError):
        return "there is an object whose name is no path, such as a//b; remove it, or give another prefix"
    if answer:
        return f"the answer was {answer}"
    if isinstance(error, OSError) and error.strerror:
        return ": ".join(filter(None, (error.strerror, error.filename)))
    return f"obstore fails with {type(error).__name__}"


@contextlib.contextmanager
def said(address: Address) -> Iterator[None]:
    """Raise what goes wrong at an object store as an error of ours; a missing object passes as it is.

    Raises:
        BucketError: says where and why.
    """
    try:
        yield
    except FileNotFoundError as error:
        if reason(error) != _NOWHERE:
            raise
        raise BucketError(f"{address} cannot be read: {reason(error)}") from None
    except InvalidPathError as error:
        raise UnlistableError(f"{address} cannot be read: {reason(error)}") from None
    except FAILURES as error:
        raise BucketError(f"{address} cannot be read: {reason(error)}") from None

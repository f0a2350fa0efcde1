"""Descriptions of data -> digests, from a bounded reading of their bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autolog import guard

if TYPE_CHECKING:
    from autolog.capture.canonical import Update
    from autolog.hookspecs import DataDescription

__all__ = ["Digest", "digest", "schema"]

_BUDGET = 64 << 20
_SAMPLE_ROWS = 16_384  # also bounds how many pages of a memory-mapped file a sample touches


@dataclass(frozen=True)
class Digest:
    """What tells data apart.

    Args:
        value: 32 hexadecimal digits, the first half of a SHA-256.
        sampled: not every byte was read; equal values then make equal data likely, not certain.
    """

    value: str
    sampled: bool


class _BudgetSpentError(Exception):
    """A part is larger than its container knew."""


def digest(parts: Sequence[DataDescription], budget: int = _BUDGET) -> Digest:
    """Hash the shape, the schema and the bytes of all parts, in their order.

    Where the parts together are larger than `budget`, rows at a fixed distance, the same of every part, stand for
    all of them. A part that turns out larger than it knew is read up to `budget`. A part that cannot be read counts
    by its shape and schema. In these three cases the digest is marked as sampled.

    Args:
        parts: e.g. the inputs and the target.
        budget: in bytes.
    """
    sha = hashlib.sha256()
    total = sum(part.nbytes or 0 for part in parts)
    sampled = total > budget
    for part in parts:
        sha.update(schema(part))
        rows = _sample(part, -(-total // budget)) if sampled else None
        sampled |= not _hash_part(part, sha.update, rows, budget)
    return Digest(sha.hexdigest()[:32], sampled)


def schema(part: DataDescription) -> bytes:
    """Give the bytes that stand for the shape, the element type and the columns of a part."""
    columns = [(column.name, column.dtype) for column in part.columns]
    text = json.dumps([part.shape, part.dtype, columns]).encode()
    return b"%d:%b" % (len(text), text)


def _sample(part: DataDescription, step: int) -> range | None:
    """Give rows at a distance of `step` or more; None where there are no rows to choose from."""
    if not part.shape:
        return None
    count = part.shape[0]
    return range(0, count, max(step, -(-count // _SAMPLE_ROWS)))


def _hash_part(part: DataDescription, update: Update, rows: range | None, budget: int) -> bool:
    """Hash one part, and say whether it could be read to its end."""
    if part.update is None:
        return False
    try:
        guard.contained(part.update, _up_to(budget, update), rows)
    except _BudgetSpentError:
        return False
    return True


def _up_to(budget: int, update: Update) -> Update:
    """Give an `update` that takes `budget` bytes, however they are cut into pieces, and then raises."""
    left = budget

    def limited(data: bytes | memoryview) -> None:
        nonlocal left
        view = memoryview(data)
        if view.nbytes > left:
            update(view.cast("B")[:left])
            raise _BudgetSpentError
        left -= view.nbytes
        update(view)

    return limited

"""Segments: a journal in pieces, each a file that is never written again; for places where nothing can be appended."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

__all__ = ["Segment", "pack", "read", "sizes"]

_NAME: Final = re.compile(r"([0-9a-f]{1,64})/(\d{20})-(\d{1,9})\.jsonl\.gz", re.ASCII)
_LONGEST: Final = 128 << 20  # bytes; a stranger's name may say anything
_GAP: Final = b"\0"
_GZIP: Final = zlib.MAX_WBITS | 16
_LEVEL: Final = 1  # most is base64 of floats, which a higher one hardly makes smaller


class Segment(NamedTuple):
    """A piece of one journal: its place there, in bytes.

    Args:
        writer: the journal's.
        start: where it begins.
        end: where it ends.
    """

    writer: str
    start: int
    end: int

    @classmethod
    def of(cls, name: str) -> Segment | None:
        """Give the segment of that name, None for the name of anything else."""
        found = _NAME.fullmatch(name)
        length = int(found[3]) if found else 0
        return cls(found[1], int(found[2]), int(found[2]) + length) if found and 0 < length <= _LONGEST else None

    @property
    def name(self) -> str:
        """Its file, below the run's folder."""
        return f"{self.writer}/{self.start:020d}-{self.end - self.start}.jsonl.gz"


def pack(lines: bytes) -> bytes:
    """Give a segment's file; of the same lines always the same."""
    packing = zlib.compressobj(_LEVEL, wbits=_GZIP)  # its header has no time
    return packing.compress(lines) + packing.flush()


def _unpack(data: bytes, length: int) -> bytes:
    """Give a segment's lines; in place of what is damaged, a damaged line that is as long."""
    try:
        lines = zlib.decompressobj(_GZIP).decompress(data, length + 1)
    except zlib.error:
        lines = b""
    return lines if len(lines) == length else _GAP * (length - 1) + b"\n"


# ---- read as journals: each stretch without a gap is one, as if it were a file


def sizes(segments: Iterable[Segment]) -> dict[str, int]:
    """Give name and size of the journals that segments make up.

    What comes behind a gap is a journal of its own, whose first line is a damaged one. When the gap is closed that
    journal is gone, and who has read it begins anew.
    """
    return {_journal(each[0]): each[-1].end - each[0].start + bool(each[0].start) for each in _stretches(segments)}


def read(segments: Iterable[Segment], journal: str, start: int, fetch: Callable[[Sequence[str]], list[bytes]]) -> bytes:
    """Give a journal from `start` to its end; nothing where there is none of that name.

    Args:
        segments: those there are.
        journal: the name, as `sizes` gives it.
        start: where to begin.
        fetch: gives the files of these names, in their order; empty where one has gone.
    """
    stretch = next((each for each in _stretches(segments) if _journal(each[0]) == journal), None)
    if stretch is None:
        return b""
    gap = _GAP if stretch[0].start else b""
    begin = stretch[0].start + max(0, start - len(gap))
    needed = [each for each in stretch if each.end > begin]
    return gap[start:] + _joined(needed, fetch([each.name for each in needed]), begin)


def _joined(segments: Sequence[Segment], files: Sequence[bytes], begin: int) -> bytes:
    """Put pieces together from a place on; where they overlap they are the same."""
    parts = []
    for (_, start, end), data in zip(segments, files, strict=True):
        parts.append(_unpack(data, end - start)[begin - start :])
        begin = end
    return b"".join(parts)


def _stretches(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Give the pieces that follow one another without a gap, as few as suffice."""
    ordered = sorted(segments, key=lambda each: (each.writer, each.start, -each.end))
    return [stretch for _, own in groupby(ordered, attrgetter("writer")) for stretch in _of_one(own)]


def _of_one(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Of one writer, by their starts: a piece is left out where those before and behind it leave no gap without it."""
    stretches: list[list[Segment]] = []
    for each in segments:
        last = stretches[-1] if stretches else None
        if last is None or each.start > last[-1].end:
            stretches.append([each])
        elif each.end > last[-1].end:
            while len(last) > 1 and each.start <= last[-2].end:
                last.pop()
            last.append(each)
    return stretches


def _journal(first: Segment) -> str:
    return f"{first.writer}@{first.start}.jsonl"

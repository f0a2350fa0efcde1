"""One event, one line: the journal's format.

A line is a JSON object in ASCII that ends in its own checksum:

    {"run":"6f…","kind":"params","time":1790000000000000,"writer":"9a…","seq":3,"data":{…},"crc":"0badcafe"}

`time` is in microseconds since the epoch and never decreases within a writer; `seq` counts a writer's events from 0;
`crc` is the CRC-32 of all bytes of the line before `,"crc"`. The first line of a file is of kind `journal` and says
the format's version and who writes. A line that does not check is damaged; readers go on behind it and count it.
"""

from __future__ import annotations

import json
import operator
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

__all__ = ["FORMAT", "KINDS", "Event", "are_of", "decode_lines", "encode_line", "seal"]

FORMAT: Final = 1

KINDS: Final = (
    "journal",  # the header of a file: format, host, boot, pid
    "started",  # a run, or a further session of it, began
    "params",
    "points",  # metrics: series of (step, value, time)
    "tags",
    "dataset",
    "signature",
    "model",
    "artifact",
    "environment",
    "candidate",  # a run began that ends with the last of its splits
    "split",  # one finished split of a candidate, or of a search whose candidates are no runs
    "note",  # what is missing from the record, and why
    "beat",  # the writer lives, and says when it will say so again
    "finished",
    "deleted",
)

_TRAILER = re.compile(rb',"crc":"([0-9a-f]{8})"\}')
_TRAILER_LENGTH: Final = len(b',"crc":"00000000"}')
_json = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"), check_circular=False)
_text = json.encoder.encode_basestring_ascii
_hexadecimal = re.compile(r"[0-9a-f]{1,64}\Z")
_KIND_AT: Final = len('{"run":"') + 32  # bytes into a line, behind the run's id
_LIMIT: Final = 1 << 63  # times and numbers are integers of 64 bits


class Event(NamedTuple):
    """One immutable fact about one run; the fields are those of the line, in its order.

    Args:
        run: the run's id, 32 hexadecimal digits.
        kind: one of `KINDS`; readers pass over those they do not know.
        time: microseconds since the epoch.
        writer: the id of the journal file's writer.
        seq: the event's number within its writer.
        data: the fact, in JSON.
    """

    run: str
    kind: str
    time: int
    writer: str
    seq: int
    data: Mapping[str, Any]

    @property
    def order(self) -> tuple[int, str, int]:
        """What events are sorted by before they are folded."""
        return (self.time, self.writer, self.seq)


Fields: TypeAlias = "tuple[str, str, int, str, int, Mapping[str, Any]]"
"""An event; also as a plain tuple, which is made more quickly."""


def _encoder() -> Callable[[Any, bool], Iterable[str]]:
    """Give what gives the pieces of a JSON text: once, as `_json.encode` makes it anew, which a loop would feel."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return _json.iterencode
    texts = (_json.default, _text, None, _json.key_separator, _json.item_separator)
    pieces: Callable[[Any, bool], Iterable[str]] = make(None, *texts, _json.sort_keys, _json.skipkeys, _json.allow_nan)
    return pieces


_pieces_of, _decode_text = _encoder(), json.JSONDecoder().decode
_fields = operator.itemgetter(*Event._fields)


def seal(body: str) -> bytes:
    """Close a JSON object with its checksum and a line end; `body` is the object without its closing brace."""
    data = body.encode("ascii")
    return b'%b,"crc":"%08x"}\n' % (data, zlib.crc32(data))


def encode_line(event: Fields) -> bytes:
    """Give an event as a line of the journal."""
    run, kind, time, writer, seq, data = event
    said = "".join(_pieces_of(data, False))
    # ids and numbers are made of digits, which need no encoder
    return seal(f'{{"run":"{run}","kind":{_text(kind)},"time":{time},"writer":"{writer}","seq":{seq},"data":{said}')


def are_of(lines: bytes, kinds: Collection[str]) -> bool:
    """Say whether whole lines are all events of these kinds, by how each begins: none is decoded, or checked."""
    begin = tuple(b'","kind":"%b",' % kind.encode("ascii") for kind in kinds)
    return all(line.startswith(begin, _KIND_AT) for line in lines.splitlines())


def decode_lines(data: bytes) -> tuple[list[Event], int]:
    """Give the events in `data`, in their order, and how many pieces of it could not be read.

    A line that lacks its end is damaged too, so hand over whole lines of a file that is still being written.
    """
    events: list[Event] = []
    damaged = 0
    for line in data.split(b"\n"):
        if line:
            found, bad = _decode_line(line)
            events += found
            damaged += bad
    return events, damaged


def _decode_line(line: bytes) -> tuple[list[Event], int]:
    event = _decode(line)
    if event is not None:
        return [event], 0
    salvaged = [found for found in map(_decode, _pieces(line)) if found is not None]
    return salvaged, 1


def _pieces(line: bytes) -> Iterator[bytes]:
    """Cut a damaged line where events end: the damage may be the line end between two sound ones."""
    start = 0
    for trailer in _TRAILER.finditer(line):
        begin = line.find(b'{"run":', start, trailer.start())
        start = trailer.end()
        if begin >= 0 and (begin, start) != (0, len(line)):
            yield line[begin:start]


def _decode(line: bytes) -> Event | None:
    """Give the event of a sound line, None for anything else, hostile bytes included."""
    trailer = _TRAILER.fullmatch(line, len(line) - _TRAILER_LENGTH) if len(line) > _TRAILER_LENGTH else None
    if trailer is None or zlib.crc32(line[: trailer.start()]) != int(trailer[1], 16):
        return None
    try:
        return _checked(_decode_text(line.decode("ascii")))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _checked(fields: Mapping[str, Any]) -> Event | None:
    event = Event(*_fields(fields))
    sound = (
        type(event.kind) is str
        and type(event.time) is int
        and -_LIMIT <= event.time < _LIMIT
        and type(event.seq) is int
        and 0 <= event.seq < _LIMIT
        and type(event.data) is dict
        and _is_id(event.run)
        and _is_id(event.writer)
    )
    return event if sound else None


def _is_id(name: object) -> bool:
    return type(name) is str and _hexadecimal.match(name) is not None

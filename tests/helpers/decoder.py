"""A reader of journals that was written from `docs/journal.md`, and imports nothing of autolog's.

It tells of each run what the page says; of values only those forms that JSON lacks and that are compared here.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

__all__ = ["candidate", "runs"]

_END = len(',"crc":"00000000"}')


def runs(tree: Path) -> dict[str, dict[str, Any]]:
    """The runs in a top-level run's folder, by id."""
    rings = [(path.stem, path.read_bytes()) for path in tree.glob("*.ring")]  # before the journals
    found = [event for lines in _journals(tree) for event in _events(lines)]
    found += [event for writer, data in rings for event in _in_ring(writer, data, found)]
    ordered = sorted({(e["time"], e["writer"], e["seq"]): e for e in found}.items())
    by_run: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for _, event in ordered:
        if event["kind"] != "journal":
            by_run[event["run"]].append(event)
    return {run: _folded(events) for run, events in by_run.items()}


# ---- lines


def _journals(tree: Path) -> Iterator[bytes]:
    for path in tree.glob("*.jsonl"):
        yield path.read_bytes()
    for folder in {path.parent for path in tree.glob("*/*.jsonl.gz")}:
        lines = bytearray()
        for path in sorted(folder.glob("*.jsonl.gz")):
            begin = int(path.name[:20])
            lines.extend(bytes(max(0, begin - len(lines))))
            piece = gzip.decompress(path.read_bytes())
            lines[begin : begin + len(piece)] = piece
        yield bytes(lines)


def _events(lines: bytes) -> Iterator[dict[str, Any]]:
    for line in lines.split(b"\n"):
        event = _checked(line) or {}
        if {"run", "kind", "time", "writer", "seq", "data"} <= set(event):
            yield event


def _checked(line: bytes) -> Any:
    body, end = line[:-_END], line[-_END:]
    return json.loads(line) if end == b',"crc":"%08x"}' % zlib.crc32(body) else None


# ---- columns and the ring


def _points(series: dict[str, Any]) -> list[tuple[int, float, int]]:
    values = struct.unpack(f"<{series['n']}d", base64.b64decode(series["value"]))
    return list(zip(_whole(series["step"], series["n"]), values, _whole(series["time"], series["n"]), strict=True))


def _whole(column: dict[str, Any], count: int) -> list[int]:
    if "all" in column:
        return list(struct.unpack(f"<{count}q", base64.b64decode(column["all"])))
    if "by" in column:
        return [column["start"] + column["by"] * index for index in range(count)]
    code = {1: "b", 2: "h", 4: "i", 8: "q"}[column["width"]]
    deltas = struct.unpack(f"<{count - 1}{code}", base64.b64decode(column["deltas"]))
    return list(accumulate(deltas, initial=column["start"]))


def _in_ring(writer: str, ring: bytes, events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    assert ring[:16] == b"autolog ring 1\n\0"
    slots = int.from_bytes(ring[16:24], "little")
    names = {each["id"]: each for line in ring[64 + 40 * slots :].split(b"\n") if (each := _checked(line))}
    own = [event for event in events if event["writer"] == writer]
    sealed = [(e["run"], e["data"]["from"], e["data"]["to"]) for e in own if "from" in e["data"]]
    left: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    numbers: dict[str, list[int]] = defaultdict(list)
    cells = enumerate(struct.iter_unpack("<qqdqq", ring[64 : 64 + 40 * slots]))
    for index, (series, step, value, time, number) in sorted(cells, key=lambda cell: cell[1][4]):
        run, key = (names[series]["run"], names[series]["key"]) if series in names else ("", "")
        is_there = series in names and number > 0 and (number - 1) % slots == index
        if is_there and not any(run == of and first <= number <= last for of, first, last in sealed):
            left[run][key].append((step, value, time // 1000))
            numbers[run].append(number)
    for run, found in left.items():
        place = {"time": max(event["time"] for event in own), "seq": (1 << 62) + min(numbers[run])}
        yield {"run": run, "kind": "points", "writer": writer, **place, "data": {"series": found}}


# ---- the fold


def _folded(events: list[dict[str, Any]]) -> dict[str, Any]:
    of = {kind: [e["data"] for e in events if e["kind"] == kind] for kind in {e["kind"] for e in events}}
    starts = [e for e in events if e["kind"] in ("started", "candidate")]
    session = starts[-1]["data"]
    ends = {end["session"]: end for end in of.get("finished", [])}
    splits = {split["split"]: split for split in of.get("split", [])}
    params = [event["data"].get("params", {}) for event in events if event["kind"] in ("params", "candidate")]
    return {
        "run_name": session["run_name"],
        "experiment": session["experiment"],
        "parent": session["parent"],
        "start": starts[0]["time"],
        "status": _status(session, ends, splits),
        "params": {name: _value(value) for given in params for name, value in given.items()},
        "tags": _tags([e["data"] for e in events if e["kind"] in ("started", "candidate", "tags")]),
        "series": _series(of.get("points", [])),
        "splits": [splits[number] for number in sorted(splits)],
        "inputs": list({(each["name"], each["digest"], each["context"]): each for each in of.get("dataset", [])}),
        "artifacts": {each["path"]: each["sha256"] for each in of.get("artifact", [])},
        "notes": list(dict.fromkeys(each["text"] for each in of.get("note", []))),
        "deleted": bool(of.get("deleted") and of["deleted"][-1]["deleted"]),
    }


def _status(session: dict[str, Any], ends: dict[str, Any], splits: dict[int, Any]) -> str | None:
    if "session" in session:
        return ends[session["session"]]["status"] if session["session"] in ends else None
    if session["splits"] is None or len(splits) < session["splits"]:
        return None
    return "FAILED" if any(split["error"] for split in splits.values()) else "FINISHED"


def _tags(said: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in said:
        found.update({name: _value(value) for name, value in each["tags"].items()})
        for name in each.get("removed", ()):
            found.pop(name, None)
    return found


def _series(batches: list[dict[str, Any]]) -> dict[str, list[tuple[int, float, int]]]:
    found: dict[str, list[tuple[int, float, int]]] = defaultdict(list)
    for batch in batches:
        for key, series in batch["series"].items():
            found[key] += series if isinstance(series, list) else _points(series)
    return {key: sorted(points, key=lambda point: (point[0], point[2])) for key, points in found.items()}


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(each) for each in value]
    if not isinstance(value, dict):
        return value
    for form, read in _FORMS.items() if len(value) <= 4 else ():
        if form in value:
            return read(value)
    return {name: _value(each) for name, each in value.items()}


_FORMS = {
    "$float": lambda value: float(value["$float"]),
    "$int": lambda value: int(value["$int"], 16),
    "$tuple": lambda value: tuple(map(_value, value["$tuple"])),
    "$set": lambda value: set(map(_value, value["$set"])),
    "$dict": lambda value: {_value(key): _value(each) for key, each in value["$dict"]},
    "$bytes": lambda value: base64.b64decode(value["$bytes"]),
    "$object": lambda value: value["text"],
    "$complex": lambda value: complex(*map(_value, value["$complex"])),
}


def candidate(parent: str, session: str, number: int) -> str:
    """The id of a candidate."""
    return hashlib.sha256(f"{parent}/{session}/{number}".encode()).hexdigest()[:32]

"""Makes a store of many runs as their journals would be, far faster than by recording them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path

from autolog.journal import points
from autolog.journal.events import Event, encode_line
from autolog.store import segments

__all__ = ["FILTER", "LONG", "ORDER", "as_segment", "make", "run_id"]

FILTER = "metrics.metric_3 > 0.5 and params.text_1 = 'rbf'"
ORDER = ["metrics.metric_4 DESC"]
"""A search that finds a part of the runs."""
LONG = 1_000_000
"""Points of a long series."""
_BATCH = 8_192
_START = 1_790_000_000_000_000 - 86_400_000_000 * 365


def run_id(number: int) -> str:
    """Give the id of a run by its number."""
    return f"{number * 0x9E3779B97F4A7C15 & (1 << 64) - 1:016x}{number:016x}"


def as_file(folder: Path, writer: str, lines: bytes) -> None:
    """Put a journal where a program writes it."""
    (folder / f"{writer}.jsonl").write_bytes(lines)


def as_segment(folder: Path, writer: str, lines: bytes) -> None:
    """Put a journal as it lies in a bucket."""
    path = folder / segments.Segment(writer, 0, len(lines)).name
    path.parent.mkdir()
    path.write_bytes(segments.pack(lines))


def make(root: Path, runs: int, long: int, put: Callable[[Path, str, bytes], None] = as_file) -> None:
    """Write runs of 20 params and 20 metrics; the first `long` of them have a series of `LONG` points besides."""
    for number in range(runs):
        chance = random.Random(number)
        folder = root / run_id(number)
        folder.mkdir(parents=True)
        series = _long_series(chance) if number < long else ()
        lines = b"".join(map(encode_line, _events(number, chance, series)))
        put(folder, f"{number:016x}", lines)


def _events(number: int, chance: random.Random, series: Iterable[points.Columns]) -> Iterable[Event]:
    run, writer, time = run_id(number), f"{number:016x}", _START + number * 60_000_000
    facts: list[tuple[str, dict[str, object]]] = [
        ("journal", {"format": 1, "host": "elsewhere", "boot": "b", "pids": "p", "pid": 7, "process_start": "1"}),
        ("started", _started(number)),
        ("params", {"params": _params(chance)}),
        ("environment", {"python": "3.11.7", "platform": "Linux", "argv": ["train.py"], "packages": {"numpy": "2.0"}}),
        ("points", {"series": {f"metric_{key}": _one_point(chance, time) for key in range(20)}}),
        *(("points", {"series": {"loss": points.encode(columns)}}) for columns in series),
        ("finished", {"session": "s", "status": "FINISHED", "error": None}),
    ]
    return [Event(run, kind, time + seq, writer, seq, data) for seq, (kind, data) in enumerate(facts)]


def _started(number: int) -> dict[str, object]:
    return {
        "run_name": f"run {number % 97}",
        "experiment": f"experiment {number % 5}",
        "parent": None,
        "session": "s",
        "tags": {"team": f"team {number % 7}"},
    }


def _params(chance: random.Random) -> dict[str, object]:
    numbers = {f"number_{key}": chance.random() for key in range(10)}
    return {**numbers, **{f"text_{key}": chance.choice(["rbf", "linear", "poly", "sigmoid"]) for key in range(10)}}


def _one_point(chance: random.Random, time: int) -> dict[str, object]:
    return points.encode(points.Columns([0], [chance.random()], [time]))


def _long_series(chance: random.Random) -> Iterable[points.Columns]:
    for begin in range(0, LONG, _BATCH):
        steps = range(begin, min(begin + _BATCH, LONG))
        times = [_START + step * 50 + chance.randrange(9) for step in steps]
        yield points.Columns(steps, [chance.random() for _ in steps], times)

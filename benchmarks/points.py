"""How many points reach the disk in a second, and how many bytes each takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Figure, folder, main, median, program, size

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_POINTS = 1_000_000
_PROGRAM = """
import os, pathlib, random, sys, time, autolog
from autolog.journal import process
points = int(sys.argv[1])
random.seed(0)
values = [random.random() for _ in range(1000)]
began = time.perf_counter()
with autolog.start_run():
    for step in range(points):
        autolog.log_metric("loss", values[step % 1000], step=step)
process.close()
for path in pathlib.Path("autolog-runs").rglob("*.jsonl"):
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.close(file)
print(time.perf_counter() - began)
"""


def _run() -> tuple[float, float]:
    with folder() as here:
        seconds = program(_PROGRAM, _POINTS, cwd=here)
        return _POINTS / seconds, size(here, "*.jsonl") / _POINTS


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Log random values, close, and have the disk confirm them (fsync); count the journal's bytes."""
    found = [_run() for _ in range(5)]
    rates, sizes = zip(*found, strict=True)
    best = f"best {max(rates):,.0f}"
    yield Figure("points until closed and on disk", median(rates), "/s", 500_000, 1_000_000, best, up=True)
    yield Figure("a point in the journal", median(sizes), "bytes", 28, 20)


if __name__ == "__main__":
    main(measure)

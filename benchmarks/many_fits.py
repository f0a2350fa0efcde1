"""What a thousand tiny fits in a loop take: time, memory, open files, disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Figure, folder, main, program

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_PROGRAM = """
import json, os, pathlib, time
import numpy as np, sklearn.metrics
from sklearn.linear_model import Ridge
import autolog
X, y = np.arange(40.0).reshape(20, 2), np.arange(20.0)
def loop(count):
    began = time.perf_counter()
    for _ in range(count):
        Ridge().fit(X, y)
    return (time.perf_counter() - began) / count * 1000
def memory():
    statm = pathlib.Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / (1 << 20) if statm.exists() else 0
def files():
    folder = pathlib.Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0
bare = loop(200)
autolog.enable(silent=True)
loop(50)
before, opened = memory(), files()
added = loop(1000) - bare
print(json.dumps([added, bare, memory() - before, files() - opened]))
"""


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Run the loop in a fresh process."""
    with folder() as here:
        added, bare, memory, files = program(_PROGRAM, cwd=here)
    yield Figure("1,000 tiny fits, added to each", added, "ms", more=f"bare fit {bare:.2f} ms")
    yield Figure("1,000 tiny fits, memory that stays", memory, "MiB")
    yield Figure("1,000 tiny fits, further files open at the end", files, "files")


if __name__ == "__main__":
    main(measure)

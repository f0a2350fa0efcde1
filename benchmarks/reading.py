"""Reading a store of 50,000 runs by its index: building it, lists, searches, long series, many writers followed.

`python benchmarks/reading.py`; `AUTOLOG_BENCHMARK_RUNS=2000` makes a smaller store.
"""

from __future__ import annotations

import os
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import stores
from measuring import Figure, folder, main, timed

from autolog.journal.events import Event, encode_line
from autolog.store.index.store import IndexedStore
from autolog.store.search import find, search
from autolog_files import LocalFiles

__all__ = ["measure"]

_RUNS = int(os.environ.get("AUTOLOG_BENCHMARK_RUNS", "50000"))
_LONG = 10
_WRITERS = 100


class CountingFiles(LocalFiles):
    """Local files that count what is asked of them."""

    asked = taken = 0

    def read(self, tree: str, name: str, start: int) -> bytes:
        data = super().read(tree, name, start)
        self.asked, self.taken = self.asked + 1, self.taken + len(data)
        return data

    def sizes(self, tree: str) -> dict[str, int]:
        self.asked += 1
        return super().sizes(tree)


def measure(_: str | None = None) -> Iterator[Figure]:
    """Make the store, and give the figures."""
    with folder() as name:
        os.environ["XDG_CACHE_HOME"] = f"{name}/cache"
        root = Path(name, "runs")
        stores.make(root, _RUNS, _LONG)
        time.sleep(3)  # folders that have just changed are not yet at rest
        yield from _lists(root)
        yield from _series(root)
        yield from _followed(root)
        shutil.rmtree(root)


def _opened(root: Path) -> tuple[IndexedStore, CountingFiles]:
    files = CountingFiles(root)
    return IndexedStore(str(root), files, str(root)), files


def _lists(root: Path) -> Iterator[Figure]:
    yield timed(f"the index of {_RUNS:,} runs built", lambda: find(_opened(root)[0]), 60, "one process", times=1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Figure("memory at most", peak, "MiB", None, None, "Python and its libraries included")
    yield timed("first list of 50", lambda: search(_opened(root)[0], max_results=50), 0.3, "a new reader each time")
    store, files = _opened(root)
    search(store, max_results=50)
    files.asked = files.taken = 0
    yield timed("list of 50", lambda: search(store, max_results=50), 0.3)
    yield timed("filter, order, limit", lambda: search(store, stores.FILTER, stores.ORDER, max_results=50), 0.3)
    yield timed("all ids, the newest first", lambda: find(store), None, "what `autolog runs` folds children by")
    yield Figure("files opened or folders listed for these", files.asked, "", 0, 0)


def _series(root: Path) -> Iterator[Figure]:
    run = stores.run_id(0)
    yield timed("a series of 1,000,000 points, exactly", lambda: _opened(root)[0].run(run).columns("loss"), 0.5)
    yield timed("… as a list of points", lambda: _opened(root)[0].run(run).history("loss"), None)
    store, _ = _opened(root)
    (listed,) = search(store, f"attributes.run_id = '{run}'")
    yield timed("… thinned the first time", lambda: listed.thinned("loss"), None, "and kept", times=1)
    yield timed("… and then", lambda: listed.thinned("loss"), 0.05)


def _followed(root: Path) -> Iterator[Figure]:
    store, files = _opened(root)
    search(store, max_results=1)
    for round_ in range(2):  # in the first the trees awake
        files.asked = files.taken = 0
        written = sum(_append(root, number, round_) for number in range(_WRITERS))
        look = timed(f"{_WRITERS} writers followed", lambda: search(store, max_results=50), None, "one look", times=1)
    yield look
    yield Figure("bytes read to bytes written", files.taken / written, "", 1, 1)


def _append(root: Path, number: int, round_: int) -> int:
    run = stores.run_id(_LONG + number)
    now = time.time_ns() // 1000
    line = encode_line(Event(run, "tags", now, f"{number:016x}", 1000 + round_, {"tags": {"round": round_}}))
    with (root / run / f"{_LONG + number:016x}.jsonl").open("ab") as file:
        file.write(line)
    os.utime(root / run)
    return len(line)


if __name__ == "__main__":
    main(measure)

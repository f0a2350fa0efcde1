"""Reading a store of 5,000 runs from S3 on loopback: what the index, lists, searches and series take, and ask for.

`python benchmarks/reading_bucket.py`; `AUTOLOG_BENCHMARK_BUCKET_RUNS=500` makes a smaller one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import stores
from buckets import bucket
from measuring import Figure, main, timed

from autolog import session
from autolog.store.search import search

__all__ = ["measure"]

_RUNS = int(os.environ.get("AUTOLOG_BENCHMARK_BUCKET_RUNS", "5000"))


def measure(_: str | None = None) -> Iterator[Figure]:
    """Put the store where rclone serves it from, and give the figures."""
    with bucket() as (place, proxy, told):
        os.environ.update({**told, "XDG_CACHE_HOME": f"{place}/cache"})
        stores.make(place / "served" / "bucket" / "team", _RUNS, 1, stores.as_segment)
        yield from _figures(lambda: session.get().open_store("s3://bucket/team"), proxy)


def _figures(opened: Callable[[], Any], proxy: Any) -> Iterator[Figure]:
    def counted(name: str, work: Callable[[], Any], bar: float | None = None, times: int = 3) -> Figure:
        proxy.requests.clear()
        figure = timed(name, work, bar, times=times)
        return replace(figure, more=f"{len(proxy.requests) / times:,.0f} requests; {figure.more}")

    yield counted(f"the index of {_RUNS:,} runs in a bucket built", lambda: search(opened(), max_results=1), times=1)
    yield counted("first list of 50", lambda: search(opened(), max_results=50))
    store = opened()
    yield counted("filter, order, limit", lambda: search(store, stores.FILTER, stores.ORDER, max_results=50))
    run = stores.run_id(0)
    yield counted("a series of 1,000,000 points, exactly", lambda: opened().run(run).columns("loss"), 0.5)
    yield counted("… thinned", lambda: opened().run(run).thinned("loss"))


if __name__ == "__main__":
    main(measure)

"""What a test has recorded, read back; and threads to record in."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

import autolog
from autolog.store.run import Run

__all__ = ["Place", "Run", "all_runs", "in_thread", "only_run", "only_top_run", "series", "top_runs"]

Place: TypeAlias = "str | os.PathLike[str] | None"


def all_runs(store: Place = None) -> list[Run]:
    """Give all runs, oldest first.

    Args:
        store: a place; None for the one that is recorded into.
    """
    return autolog.search_runs(store=store, output_format="list")[::-1]


def top_runs(store: Place = None) -> list[Run]:
    """Give all runs that have no parent, oldest first; see `all_runs`."""
    return [run for run in all_runs(store) if run.parent_run_id is None]


def only_run(store: Place = None) -> Run:
    """Give the one run there is; see `all_runs`."""
    (run,) = all_runs(store)
    return run


def only_top_run(store: Place = None) -> Run:
    """Give the one run there is that has no parent; see `all_runs`."""
    (run,) = top_runs(store)
    return run


def series(run: Run, key: str) -> list[tuple[int, float]]:
    """Give the steps and values of a metric."""
    return [(step, value) for step, value, _ in run.history(key)]


def in_thread(work: Callable[[], Any]) -> Any:
    """Give or raise what `work` does in a thread of its own."""
    found: list[Any] = []

    def target() -> None:
        try:
            found.append(work())
        except BaseException as error:  # noqa: BLE001  raised again by who waits
            found.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]

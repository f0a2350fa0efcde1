"""Which store a command means, and which run in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from autolog import session
from autolog.exceptions import RunNotFoundError, UsageError
from autolog.store.search import find
from autolog.text import moment, visible

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from autolog.store.base import Store
    from autolog.store.run import Run

__all__ = ["find_run", "folder_of", "open_store", "store_option"]

_LISTED: Final = 10


def store_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--store` to a command."""
    help_text = "Where to look: a folder or a URI. Otherwise the place that is recorded to."
    return click.option("--store", "place", metavar="URI", help=help_text)(function)


def folder_of(place: str | None) -> Path | None:
    """Give the folder that a place's run folders lie in; None where it is no local folder."""
    current = session.get()
    if place is not None:
        current.set_general(backend=[place])
    return current.read_folder


def open_store(place: str | None) -> Store:
    """Open a place for reading.

    Raises:
        RunNotFoundError: it is a folder that does not exist.
        UnknownBackendError: no installed backend speaks its scheme.
    """
    folder = folder_of(place)
    if folder is not None and not folder.is_dir():
        raise RunNotFoundError(f"there are no runs in {folder}: no such folder; record a run first, or give --store")
    return session.get().open_store()


def find_run(store: Store, wanted: str) -> Run:
    """Give a run by its id, by the beginning of it, or the newest top-level run for `last`.

    It is read by itself: in its list of runs a store may say less of each.

    Raises:
        RunNotFoundError: there is none.
        UsageError: several ids begin so; it lists them.
    """
    if wanted == "last":
        return _last(store)
    try:
        return store.run(wanted)
    except RunNotFoundError:
        every = find(store)
        found = [place for place, head in enumerate(every.heads) if head.run_id.startswith(wanted)]
        if not found:
            raise
    if len(found) > 1:
        lines = _listed([every.read(place) for place in found[:_LISTED]], len(found))
        raise UsageError("\n".join([f"{len(found)} runs begin with {wanted!r}; give more digits:", *lines]))
    return store.run(every.heads[found[0]].run_id)


def _last(store: Store) -> Run:
    newest = find(store, "attributes.parent_run_id IS NULL", max_results=1).heads
    if not newest:
        raise RunNotFoundError(f"there are no runs in {store.uri} yet")
    return store.run(newest[0].run_id)


def _listed(runs: list[Run], found: int) -> list[str]:
    lines = [f"  {run.run_id}  {moment(run.start_time)}  {visible(run.run_name or '')}" for run in runs]
    return lines if found == len(runs) else [*lines, f"  … and {found - len(runs)} more"]

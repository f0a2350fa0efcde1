"""What changes in a store, told as server-sent events while somebody looks."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool

from autolog.exceptions import AutologError
from autolog.ui.listing import ANY, Query

if TYPE_CHECKING:
    from autolog.store.base import Store
    from autolog.store.run import Run

__all__ = ["Changes", "Watch", "stream"]

_EVERY: Final = 0.5  # seconds between two looks at least
_SHARE: Final = 0.2  # of a processor's time that looking may take
_LATELY: Final = 3600.0  # seconds after its end in which a run is expected to take more
_SILENCE: Final = 15.0  # seconds without a word at most, so that neither side takes the other for gone


@dataclass(frozen=True)
class Changes:
    """The ids of the runs that are new, gone or not as before, and how many runs the list has now."""

    ids: Sequence[str]
    total: int


@dataclass
class Watch:
    """Looks at runs again and again.

    Args:
        store: where they are.
        experiments: the experiments looked at; empty for all.
        parent: the run that is looked at, with its children; None for all runs.
    """

    store: Store
    experiments: tuple[str, ...] = ()
    parent: str | None = None
    _marks: Mapping[str, int] = field(default_factory=dict)

    def look(self) -> Changes:
        """Give what has changed since the last time; the first time all that may change."""
        runs = self._runs()
        before, self._marks = self._marks, {run.run_id: self._mark(run) for run in runs}
        differing = dict(before.items() ^ self._marks.items())
        listed = Query(experiments=self.experiments, parent=self.parent).find(self.store, 0)
        return Changes(list(differing), listed.tally().total())

    def _runs(self) -> list[Run]:
        """Give the runs that may change: those that are going on, or have ended lately."""
        if self.parent is not None:
            return [self.store.run(self.parent), *self.store.children(self.parent)]
        lately = (time.time() - _LATELY) * 1000
        asked = f"status = 'RUNNING' or end_time > {lately:.0f}"
        return Query(asked, experiments=self.experiments, parent=ANY).find(self.store).runs()

    def _mark(self, run: Run) -> int:
        """Give a number that differs where anything does that a page shows; what is equal may still have new points."""
        facts: list[object] = [
            run.run_name,
            run.status,
            run.end_time,
            run.params,
            run.metrics,
            run.tags,
            run.notes,
            run.splits,
        ]
        if run.status == "RUNNING" and run.parent_run_id is None:
            facts.append(self.store.latest(run.run_id))
        return hash(repr(facts))


async def stream(look: Callable[[], Changes]) -> AsyncIterator[bytes]:
    """Give events as they are written on the wire: `hello`, then `changed` whenever something has.

    Args:
        look: takes time, and so is called on a thread.
    """
    known = await _looked(look, Changes([], 0))
    yield _event("hello", {"ids": [], "total": known.total})
    spoken = time.monotonic()
    while True:
        began = time.monotonic()
        before, known = known, await _looked(look, known)
        is_news = bool(known.ids) or known.total != before.total
        if is_news or time.monotonic() - spoken > _SILENCE:
            yield _event("changed", vars(known)) if is_news else b": still here\n\n"
            spoken = time.monotonic()
        await asyncio.sleep(max(_EVERY, (time.monotonic() - began) / _SHARE))


async def _looked(look: Callable[[], Changes], known: Changes) -> Changes:
    """Look; a store that cannot be reached just now has nothing to tell."""
    try:
        return await run_in_threadpool(look)
    except (AutologError, OSError):
        return Changes([], known.total)


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()

"""What of a store may be removed for good: runs that were deleted, and on request those older than a date."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from autolog.store.base import Store
    from autolog.store.run import Run

__all__ = ["Garbage", "find_garbage", "roots"]


@dataclass(frozen=True)
class Garbage:
    """What may go.

    Args:
        run: a top-level run, with which everything below it goes; or a deleted child, of which the files go, while its
            facts stay in the journal that it shares with its parent.
        tree: the id of the top-level run that it belongs to.
        runs: how many runs that are.
        reason: why.
    """

    run: Run
    tree: str
    runs: int
    reason: Literal["deleted", "old"]

    @property
    def path(self) -> str:
        """Where it lies below the store's folder."""
        return self.tree if self.run.run_id == self.tree else f"{self.tree}/files/{self.run.run_id}"


def find_garbage(store: Store, before: datetime | None = None) -> list[Garbage]:
    """Find what may be removed. A tree in which a run is still going on is left alone altogether.

    Args:
        store: where to look.
        before: also what began and ended before this moment; a tree is as old as its youngest run.
    """
    deleted = list(store.runs(deleted=True))
    kept = list(store.runs())
    gone = {run.run_id for run in deleted}
    trees: dict[str, list[Run]] = defaultdict(list)
    for run, root in zip([*kept, *deleted], roots([*kept, *deleted]), strict=True):
        trees[root].append(run)
    idle = {root: runs for root, runs in trees.items() if all(run.status != "RUNNING" for run in runs)}
    return [each for root, runs in idle.items() for each in _garbage(root, runs, gone, before)]


def roots(runs: Sequence[Run]) -> list[str]:
    """Give the id of the top-level run of each run, as far as its ancestors are among the runs."""
    parents = {run.run_id: run.parent_run_id for run in runs}
    return [_root(run.run_id, parents) for run in runs]


def _root(run_id: str, parents: Mapping[str, str | None]) -> str:
    seen = {run_id}
    while (parent := parents.get(run_id)) is not None and parent in parents and parent not in seen:
        seen.add(parent)
        run_id = parent
    return run_id


def _garbage(root: str, runs: Sequence[Run], gone: set[str], before: datetime | None) -> list[Garbage]:
    top = next((run for run in runs if run.run_id == root and run.parent_run_id is None), None)
    if top is None:  # its start could not be read, or its parent is elsewhere: nothing here is sure
        return []
    if root in gone:
        return [Garbage(top, root, len(runs), "deleted")]
    if before is not None and _is_older(runs, before):
        return [Garbage(top, root, len(runs), "old")]
    return [Garbage(run, root, 1, "deleted") for run in runs if run.run_id in gone]


def _is_older(runs: Sequence[Run], before: datetime) -> bool:
    """Say so only where it is known of every run."""
    moments = [run.end_time or run.start_time for run in runs]
    return all(moment is not None and moment < before for moment in moments)

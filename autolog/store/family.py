"""How the runs of one tree stand: their status and whether they count as deleted, which hang on those above them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

__all__ = ["Family", "Standing", "status"]


class Standing(NamedTuple):
    """What of a run's fold decides how it stands.

    Args:
        ended: the status that its end gives, None where it has none.
        writer: who wrote the start of the session that counts, None where that was lost.
        parent: the run that it is a child of.
        is_candidate: it ends with its last split, or else with its parent.
        has_failed: one of its splits has.
        is_deleted: it was itself.
    """

    ended: str | None
    writer: str | None
    parent: str | None
    is_candidate: bool
    has_failed: bool
    is_deleted: bool


class Family:
    """The runs of one tree, by their standings.

    Args:
        tree: the top-level run's id.
        standings: by run.
        is_gone: tells of a writer whether its process is gone.
    """

    def __init__(self, tree: str, standings: Mapping[str, Standing], is_gone: Callable[[str], bool]) -> None:
        self._tree = tree
        self._standings = standings
        self._is_gone = is_gone

    def status(self, run: str | None, below: frozenset[str | None] = frozenset()) -> str:
        """Give the status of a run; one that is not here, or is its own ancestor, is lost."""
        own = self._standings.get(run or "")
        if own is None or run in below:
            return "LOST"
        return status(own, self._is_gone, lambda: self.status(own.parent, below | {run}))

    def is_deleted(self, run: str) -> bool:
        """Say whether a run is deleted; children go with a deleted parent."""
        ancestors = {self._tree: None, run: None}
        while (parent := self._standings[run].parent) in self._standings and parent not in ancestors:
            ancestors[run := str(parent)] = None
        return any(self._standings[each].is_deleted for each in ancestors if each in self._standings)


def status(own: Standing, is_gone: Callable[[str], bool], parent_status: Callable[[], str]) -> str:
    """Give a run's status.

    Args:
        own: how it stands.
        is_gone: tells of the writer of an unfinished session whether its process is gone.
        parent_status: tells that of the run's parent.
    """
    if own.ended is not None:
        return own.ended
    if own.is_candidate:
        return _left_by(parent_status(), own.has_failed)
    return "LOST" if own.writer is None or is_gone(own.writer) else "RUNNING"


def _left_by(parent: str, has_failed: bool) -> str:
    """Give the status of a candidate that lacks splits, by its parent's."""
    if parent == "RUNNING":
        return "RUNNING"
    if has_failed:
        return "FAILED"
    return parent if parent in ("FINISHED", "LOST") else "KILLED"

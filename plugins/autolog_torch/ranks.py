"""Processes that train one model together: the first records its run, the others find that and add what is theirs.

How they find it: the first puts what a handle on the run is made of into the store by which the processes have found
one another. All have taken part in a backward pass by the time at which it is looked for, so that it is there.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import torch.distributed

from autolog.guard import describe

if TYPE_CHECKING:
    from autolog.capture.here import Here
    from autolog.recording.runs import ActiveRun

__all__ = ["Follower", "publish", "rank", "rank_params"]

_KEY: Final = "autolog/run"


def rank() -> int:
    """Give this process's number among those that train together; 0 where it trains alone."""
    return torch.distributed.get_rank() if _is_one_of_many() else 0


def _is_one_of_many() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def rank_params() -> dict[str, Any]:
    """Give how many processes train together, and by what they talk."""
    if not _is_one_of_many():
        return {}
    return {"world_size": torch.distributed.get_world_size(), "distributed_backend": torch.distributed.get_backend()}


def _store() -> Any:
    """Give the store of the processes; torch has no public name for it."""
    found = getattr(torch.distributed.distributed_c10d, "_get_default_store", None)
    return None if found is None or not _is_one_of_many() else found()


def publish(run: ActiveRun) -> None:
    """Let the other processes know the run, where there are any."""
    store = _store()
    if store is not None and torch.distributed.get_world_size() > 1:
        facts = run.portable()
        store.set(_KEY, json.dumps({**facts, "folder": os.fspath(facts["folder"])}))


def _published() -> Mapping[str, Any] | None:
    """Give what the first process has published, None where it has not yet; this does not wait for it."""
    store = _store()
    if store is None or not store.check([_KEY]):
        return None
    facts: dict[str, Any] = json.loads(store.get(_KEY))
    return facts


class Follower:
    """One of the other processes, once it has found the run: it adds where it is, its machine's load and its failure.

    Args:
        here: where its training stands.
    """

    def __init__(self, here: Here) -> None:
        self._here = here
        self._number = rank()
        self.run: ActiveRun | None = None

    def find(self) -> None:
        """Look for the run, and join it."""
        facts = _published()
        if facts is not None:
            self.run = self._here.join_run(facts, self, f"rank{self._number}/")
            where = {"host": socket.gethostname(), "pid": os.getpid(), "local_rank": os.environ.get("LOCAL_RANK")}
            self.run.set_tags({f"rank{self._number}": where})

    def end_with(self, error: BaseException | None) -> None:
        """Say in the run that this process failed, if it did."""
        if self.run is not None and error is not None:
            self.run.note(f"rank {self._number} failed: {describe(error)}")

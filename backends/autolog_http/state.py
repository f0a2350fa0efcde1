"""How a run at a server stands: MLflow knows no lost runs, and no microseconds."""

from __future__ import annotations

from typing import Final, NamedTuple

from autolog_http.reading import ServerRun, text, whole

__all__ = ["State", "state_of"]

_ALIKE: Final = {each: each for each in ("RUNNING", "FINISHED", "FAILED", "KILLED")}
_OURS: Final = {**_ALIKE, "SCHEDULED": "RUNNING"}
_MLFLOWS: Final = {**_ALIKE, "LOST": "KILLED"}


class State(NamedTuple):
    """Status, and start and end in microseconds since the epoch."""

    status: str
    started: int | None
    ended: int | None


def state_of(said: ServerRun) -> State:
    """Give how a run stands: as delivering has told it, unless somebody has changed it at the server since."""
    told = said.told("autolog.state")
    ours = State(text(told.get("status")), whole(told.get("started")), whole(told.get("ended")))
    there = State(said.status, _microseconds(said.started), _microseconds(said.ended))
    return ours if _agree(ours, there) else there._replace(status=_OURS.get(said.status, "LOST"))


def _agree(ours: State, there: State) -> bool:
    """Say whether the one is the other in MLflow's words; of a run that is lost it says when it was last heard of."""
    ends = ours.ended is None or _rounded(ours.ended) == there.ended
    return (_MLFLOWS.get(ours.status), _rounded(ours.started)) == there[:2] and ends


def _rounded(microseconds: int | None) -> int | None:
    return None if microseconds is None else microseconds // 1000 * 1000


def _microseconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds * 1000

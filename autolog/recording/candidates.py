"""The child runs that a search or cross-validation is made of, written split by split by whichever process ran one.

A candidate's run has an id that follows from its parent's and its number, so processes that never speak to each other
write to the same run. Nobody ends it: it has ended when all of its splits are there, or when its parent has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any

from autolog.journal.events import Event, decode_lines
from autolog.recording.runs import ActiveRun
from autolog.values import revive

__all__ = ["candidate", "kept_splits", "log_split", "unwritten"]


def candidate(
    parent: ActiveRun,
    number: int,
    run_name: str,
    params: Callable[[], Mapping[str, Any]],
    *,
    splits: int | None = None,
    tags: Mapping[str, Any] | None = None,
) -> ActiveRun:
    """Give a candidate's run; the first time in this process its beginning is written.

    Args:
        parent: the run of the search.
        number: of the candidate, from 0; the same number gives the same run in every process.
        run_name: what people read.
        params: gives those that make it this candidate; asked the first time only.
        splits: how many splits there will be, None where that is not known.
        tags: to begin with.
    """
    run = parent.child(number, run_name)
    if number not in parent.begun:
        parent.begun.add(number)
        run.begin_candidate(splits, {**(parent.settings.extra_tags or {}), **(tags or {})}, params())
    return run


def log_split(
    run: ActiveRun,
    split: int,
    metrics: Mapping[str, float],
    error: Mapping[str, str] | None = None,
    **facts: Any,
) -> None:
    """Write a finished split of a candidate.

    Args:
        run: the candidate's run; or the search's own, and then `facts` has the number of the `candidate`.
        split: its number, from 0.
        metrics: by name. Each is a point at step `split`; of each `split_<name>` the run has also `mean_<name>` and
            `std_<name>` (of the population), over the splits there are, unless they are logged.
        error: type, message and traceback, where the split failed.
        facts: whatever else there is to say of it.
    """
    run.log_split(split, metrics, {"error": error, **facts})
    if run.candidate_of is not None:
        parent, number = run.candidate_of
        parent.splits.add((number, split))


def unwritten(parent: ActiveRun, expected: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Give those (candidate, split) that no process has written.

    Args:
        parent: the run of the search.
        expected: what should be there.
    """
    left = set(expected) - parent.splits
    candidates = {parent.child(number, "").run_id: number for number, _ in left}
    written = {(candidates[event.run], event.data["split"]) for event in _splits_of(parent, candidates)}
    return sorted(left - written)


def kept_splits(parent: ActiveRun) -> dict[tuple[int, int], Mapping[str, Any]]:
    """Give what the search's own run was told of splits, by candidate and split: its candidates were no runs yet."""
    events = _splits_of(parent, {parent.run_id})
    return {(event.data["candidate"], event.data["split"]): revive(event.data) for event in events}


def _splits_of(parent: ActiveRun, runs: Container[str]) -> Iterator[Event]:
    """Look into the journals of the run's folder for splits of these runs."""
    for path in parent.folder.glob("*.jsonl") if runs else ():
        lines = (line for line in path.read_bytes().split(b"\n") if b'"kind":"split"' in line)
        for event in decode_lines(b"\n".join(lines))[0]:
            if event.run in runs and event.kind == "split":
                yield event

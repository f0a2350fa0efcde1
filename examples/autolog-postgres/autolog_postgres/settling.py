"""How runs stand when all was written: who was lost or deleted, or ended with the last of its splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from autolog.delivery.batches import is_gone, journals, read_events
from autolog.journal.events import Event
from autolog.store.family import Family
from autolog.store.merge import Fold, finished_run, fold
from autolog.store.run import Run
from autolog_postgres.items import Item, Row, fit, metric

__all__ = ["standing"]

_PASSED_OVER: Final = ("journal", "beat", "points")  # points were written as they came
_STANDS: Final = """
    UPDATE runs SET (status, start_time, end_time, error_type, error_message, traceback, deleted)
        = (%s, %s, %s, %s, %s, %s, %s)
    WHERE run_id = %s"""


def standing(tree: str, folder: Path) -> Iterator[Item]:
    """Give how each run of a tree stands, and the metrics that follow from a candidate's splits."""
    folds = _folds(folder)
    family = Family(tree, {run: each.standing for run, each in folds.items()}, lambda writer: _is_gone(folder, writer))
    for run_id, each in folds.items():
        run = finished_run(each, family.status(run_id), 0)
        yield Item(f"how run {run_id} stands", [_stands(run, is_deleted=family.is_deleted(run_id)), *_means(run)])


def _folds(folder: Path) -> dict[str, Fold]:
    events: dict[str, list[Event]] = defaultdict(list)
    for journal in journals(folder):
        for event in read_events(folder, journal.stem, journal.stat().st_size):
            if event.kind not in _PASSED_OVER:
                events[event.run].append(event)
    return {run: fold(run, said) for run, said in events.items()}


def _is_gone(folder: Path, writer: str) -> bool:
    journal = folder / f"{writer}.jsonl"
    return not journal.is_file() or is_gone(journal)


def _stands(run: Run, *, is_deleted: bool) -> Row:
    error = run.error or {}
    why = (None if error.get(key) is None else fit(str(error[key])) for key in ("type", "message", "traceback"))
    return Row(_STANDS, (fit(run.status), run.start_time, run.end_time, *why, is_deleted, run.run_id))


def _means(run: Run) -> Iterator[Row]:
    for name in run.metrics if run.splits else ():
        steps, values, times = run.columns(name)
        yield metric(run.run_id, name, steps[-1], values[-1], times[-1])

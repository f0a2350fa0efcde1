"""What a run's finished splits say: the status and end of a candidate, its metrics and their means."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from autolog.journal.events import Event
from autolog.journal.points import Columns
from autolog.store.series import Series

__all__ = ["Split", "candidate_status", "first_error", "last_split", "series_of"]

_EACH: Final = "split_"  # what the name of a metric begins with of which there is one value a split, and so a mean


class Split(NamedTuple):
    """One finished split: the event that tells of it, and what it tells."""

    event: Event
    data: Mapping[str, Any]


def candidate_status(began: Mapping[str, Any], splits: Collection[Split], parent_status: Callable[[], str]) -> str:
    """Give the status of a candidate: its own when all of its splits are there, else what its parent's leaves it.

    Args:
        began: what the event of its beginning says.
        splits: those there are.
        parent_status: tells that of its parent.
    """
    expected = began.get("splits")
    parent = "FINISHED" if type(expected) is int and len(splits) >= expected else parent_status()
    if parent == "RUNNING":
        return "RUNNING"
    if first_error(splits) is not None:
        return "FAILED"
    return parent if parent in ("FINISHED", "LOST") else "KILLED"


def first_error(splits: Iterable[Split]) -> Mapping[str, Any] | None:
    """Give the error of the first split that failed, by number."""
    errors = (split.data.get("error") for split in sorted(splits, key=_number))
    return next((error for error in errors if isinstance(error, dict)), None)


def last_split(splits: Iterable[Split]) -> Event | None:
    """Give the event of the split that was written last."""
    return max((split.event for split in splits), key=lambda event: event.order, default=None)


def series_of(splits: Iterable[Split]) -> dict[str, Series]:
    """Give the metrics of a candidate's splits as series, a point a split, and the means of those named `split_…`.

    Splits that speak of several candidates are no series of one.
    """
    columns: dict[str, Columns] = defaultdict(lambda: Columns([], [], []))
    for event, data in sorted((split for split in splits if "candidate" not in split.data), key=_number):
        metrics = data.get("metrics")
        for name, value in metrics.items() if isinstance(metrics, dict) else ():
            if type(value) in (int, float):
                for column, each in zip(columns[name], (data["split"], float(value), event.time), strict=True):
                    column.append(each)  # type: ignore[attr-defined]
    means = {mean: value for name, found in columns.items() for mean, value in _means(name, found).items()}
    return {name: _series(found) for name, found in (*columns.items(), *means.items())}


def _means(name: str, columns: Columns) -> dict[str, Columns]:
    """Give mean and standard deviation (of the population, as scikit-learn's) of the splits there are."""
    if not name.startswith(_EACH):
        return {}
    values, of, now = columns.values, name.removeprefix(_EACH), [max(columns.times)]
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) * (value - mean) for value in values) / len(values))
    return {f"mean_{of}": Columns([0], [mean], now), f"std_{of}": Columns([0], [deviation], now)}


def _series(columns: Columns) -> Series:
    series = Series()
    series.add(columns)
    return series


def _number(split: Split) -> tuple[bool, Any]:
    number = split.data["split"]
    return (type(number) is not int, number if type(number) is int else 0)

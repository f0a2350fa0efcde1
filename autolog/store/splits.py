"""What a run's finished splits say: the status and end of a candidate, its metrics and their means."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from autolog.journal.events import Event
from autolog.journal.points import Columns
from autolog.store.series import Series

__all__ = ["Split", "ended_by", "first_error", "last_split", "series_of"]

_EACH: Final = "split_"  # what the name of a metric begins with of which there is one value a split, and so a mean


class Split(NamedTuple):
    """One finished split: the event that tells of it, and what it tells."""

    event: Event
    data: Mapping[str, Any]


def ended_by(expected: object, splits: Collection[Split]) -> str | None:
    """Give the status of a candidate that has all of its splits, None of one that lacks some.

    Args:
        expected: how many its beginning says that there will be.
        splits: those there are.
    """
    if type(expected) is not int or len(splits) < expected:
        return None
    return "FINISHED" if first_error(splits) is None else "FAILED"


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

"""A run as it is read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from autolog.exceptions import UsageError
from autolog.values import LargeValue

if TYPE_CHECKING:
    from autolog.journal.points import Columns
    from autolog.store.base import Store
    from autolog.store.series import Series
    from autolog.store.thinning import Thinned

__all__ = ["Run"]

_LISTED: Final = 20  # names in an error's message


@dataclass(frozen=True, eq=False)
class Run:
    """What a run's events say of it, as of when it was read.

    Args:
        run_id: 32 hexadecimal digits.
        run_name: as given, or the estimator's class.
        experiment: the experiment's name.
        parent_run_id: the run that this one is a child of, or None.
        status: RUNNING, FINISHED, FAILED, KILLED or LOST.
        start_time: when its first session began, in UTC; None where that was lost.
        end_time: when its last session ended, in UTC; None where it has not.
        params: typed values; one over 64 KiB is a `LargeValue`, which `whole` reads.
        earlier_params: of params that were given anew, the values before, oldest first.
        metrics: the last value of each series: that of the greatest (step, time).
        tags: name to value, as for params.
        inputs: the datasets, as logged.
        signature: of inputs and outputs, or None.
        artifacts: facts of each file, by its path.
        models: facts of each model, oldest first.
        environment: what was known of the process.
        splits: the finished splits of a search.
        error: type, message and traceback of the exception that ended it, or None.
        notes: what is missing from the record, and why.
        unreadable: damaged pieces in the journals of the run's tree, which nothing could be read from.
    """

    run_id: str
    run_name: str | None
    experiment: str
    parent_run_id: str | None
    status: str
    start_time: datetime | None
    end_time: datetime | None
    params: Mapping[str, Any]
    earlier_params: Mapping[str, Sequence[Any]]
    metrics: Mapping[str, float]
    tags: Mapping[str, Any]
    inputs: Sequence[Mapping[str, Any]]
    signature: Mapping[str, Any] | None
    artifacts: Mapping[str, Mapping[str, Any]]
    models: Sequence[Mapping[str, Any]]
    environment: Mapping[str, Any]
    splits: Sequence[Mapping[str, Any]]
    error: Mapping[str, Any] | None
    notes: Sequence[str]
    unreadable: int
    _series: Mapping[str, Series] = field(default_factory=dict, repr=False)
    _store: Store | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return f"<Run {self.run_id} {self.run_name!r} {self.status}>"

    def _repr_html_(self) -> str:
        from autolog.drawing.notebook import run_html  # only where somebody looks

        return run_html(self)

    @property
    def duration(self) -> float | None:
        """Seconds from the first start to the last end, None while either is unknown."""
        if self.start_time is None or self.end_time is None:
            return None
        return (self.end_time - self.start_time).total_seconds()

    def history(self, key: str) -> list[tuple[int, float, float]]:
        """Give every point of a metric as (step, value, seconds since the epoch), in the order of steps and times.

        Raises:
            UsageError: the run has no such metric.
        """
        return self._series_of(key).history()

    def columns(self, key: str) -> Columns:
        """Give every point of a metric as columns of steps, values and times in microseconds, in the same order.

        Raises:
            UsageError: the run has no such metric.
        """
        return self._series_of(key).points()

    def thinned(self, key: str, buckets: int = 1000, first: int | None = None, last: int | None = None) -> Thinned:
        """Give a metric for a screen: of each bucket of steps the least and the greatest value, and the last.

        A bucket's width is a power of two, and its edges are multiples of it: a curve that grows, or is moved, does not
        flicker. Where the width is 1, nothing was put together but points of one step.

        Args:
            key: the metric.
            buckets: so many at most.
            first: the step to begin with; the series' own first where not given.
            last: the step to end with.

        Raises:
            UsageError: the run has no such metric, or `buckets` is no whole number above 1.
        """
        if type(buckets) is not int or buckets < 2:
            raise UsageError(f"buckets is a whole number, 2 or more, not {buckets!r}")
        return self._series_of(key).thinned(buckets, first, last)

    def _series_of(self, key: str) -> Series:
        if key not in self._series:
            raise UsageError(f"run {self.run_id} has no metric {key!r}; it has {_listed(sorted(self._series))}")
        return self._series[key]

    def whole(self, value: Any) -> Any:
        """Give a value of a param, a tag or another fact whole, also one over 64 KiB: `run.whole(run.params["x"])`.

        Args:
            value: a `LargeValue` is read from its file; any other is given as it is.

        Raises:
            RunNotFoundError: its file is missing or cannot be read, or is not the one that was recorded.
        """
        return self._reader.value(self.run_id, value) if isinstance(value, LargeValue) else value

    def children(self) -> list[Run]:
        """Give the child runs, oldest first."""
        return self._reader.children(self.run_id)

    def artifact_path(self, path: str) -> Path:
        """Give a local file with an artifact's bytes.

        Raises:
            UsageError: the run has no such artifact.
        """
        if path not in self.artifacts:
            raise UsageError(f"run {self.run_id} has no artifact {path!r}; it has {_listed(list(self.artifacts))}")
        return self._reader.file(self.run_id, path)

    @property
    def _reader(self) -> Store:
        if self._store is None:
            raise UsageError(f"run {self.run_id} was not read from a store")
        return self._store


def _listed(names: Sequence[str]) -> str:
    more = [f"and {len(names) - _LISTED} more"] if len(names) > _LISTED else []
    return ", ".join([*names[:_LISTED], *more]) or "none"

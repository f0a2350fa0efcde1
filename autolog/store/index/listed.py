"""A run from the index: it has what a list says of it, and reads the rest where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any, Final

from autolog.journal import points
from autolog.store.run import Run
from autolog.store.series import Series
from autolog.store.thinning import Thinned

__all__ = ["ListedRun", "ListedSeries"]

_FIELDS: Final = frozenset(field.name for field in fields(Run))


class ListedRun(Run):
    """A run as a list has it.

    Args:
        line: some of its fields.
        read: gives the whole run.
    """

    def __init__(self, line: Mapping[str, Any], read: Callable[[], Run]) -> None:
        self.__dict__.update(line, _read=read)

    def __getattr__(self, name: str) -> Any:
        if name not in _FIELDS:
            raise AttributeError(f"a run has no {name!r}")
        rest = {field: value for field, value in vars(self._read()).items() if field not in self.__dict__}
        self.__dict__.update(rest)
        return self.__dict__[name]


class ListedSeries(Series):
    """A metric of which only the last value is at hand.

    Args:
        last: as the index has it.
        whole: reads it from the journals.
        thinned: asks the index.
    """

    def __init__(
        self, last: Series, whole: Callable[[], Series], thinned: Callable[[int, int | None, int | None], Thinned]
    ) -> None:
        super().__init__()
        self._last = last
        self._whole = whole
        self._thinned = thinned

    @property
    def last(self) -> float | None:
        """The value at the greatest (step, time, arrival)."""
        return self._last.last

    def columns(self) -> Iterator[points.Columns]:
        """Give the batches decoded."""
        return self._whole().columns()

    def thinned(self, buckets: int, first: int | None, last: int | None) -> Thinned:
        """Give the points from step `first` to step `last` in so many buckets at most."""
        return self._thinned(buckets, first, last)

"""What a run has at its server and is asked for only when somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from autolog.journal.points import Columns
from autolog.lazy import lazy
from autolog.store.series import Series

__all__ = ["LaterMapping", "LaterSequence", "LaterSeries"]

Facts = Mapping[str, Any]
History = list[tuple[int, float, float]]


class LaterMapping(Mapping[str, Facts]):
    """Facts by name.

    Args:
        find: gives them.
    """

    def __init__(self, find: Callable[[], Mapping[str, Facts]]) -> None:
        self._find = find

    @lazy
    def _found(self) -> Mapping[str, Facts]:
        return self._find()

    def __getitem__(self, name: str) -> Facts:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return repr(self._found)


class LaterSequence(Sequence[Facts]):
    """Facts one after another.

    Args:
        find: gives them.
    """

    def __init__(self, find: Callable[[], Sequence[Facts]]) -> None:
        self._find = find

    @lazy
    def _found(self) -> Sequence[Facts]:
        return self._find()

    def __getitem__(self, index: Any) -> Any:
        return self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return repr(self._found)


class LaterSeries(Series):
    """A metric of which the last value is known.

    Args:
        last: it.
        find: gives its points.
    """

    def __init__(self, last: float, find: Callable[[], History]) -> None:
        super().__init__()
        self._last = last
        self._find = find

    @property
    def last(self) -> float:
        """The value at the greatest step and time."""
        return self._last

    @property
    def unreadable(self) -> int:
        """None is known of."""
        return 0

    def columns(self) -> Iterator[Columns]:
        """Give the points, asked for once."""
        yield self._columns

    @lazy
    def _columns(self) -> Columns:
        found = self._find()
        steps, values = [step for step, _, _ in found], [value for _, value, _ in found]
        return Columns(steps, values, [round(seconds * 1e6) for _, _, seconds in found])

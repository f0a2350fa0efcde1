"""What a filter and an order mean: a tree of frozen nodes, and which runs it holds for.

The tree is public, so that a store that keeps its runs elsewhere can translate it: `Filter.expression` is made of
`And`, `Or`, `Not` and `Comparison`.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

from autolog.exceptions import AutologError
from autolog.store.comparing import ABSENT, TESTS, Value, rank
from autolog.values import LargeValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = [
    "ATTRIBUTES",
    "TIMES",
    "And",
    "Comparison",
    "Expression",
    "Filter",
    "Kind",
    "Name",
    "Not",
    "Operator",
    "Or",
    "Order",
    "OrderKey",
    "Searchable",
    "milliseconds",
]

Kind: TypeAlias = Literal["attributes", "metrics", "params", "tags"]
_Symbol: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]
_Word: TypeAlias = Literal["LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"]
Operator: TypeAlias = _Symbol | _Word


class Searchable(Protocol):
    """What a filter and an order look at in a run."""

    @property
    def run_id(self) -> str:
        """The run's id."""

    @property
    def run_name(self) -> str | None:
        """The run's name."""

    @property
    def experiment(self) -> str | None:
        """The experiment's name."""

    @property
    def parent_run_id(self) -> str | None:
        """The id of the run that this one is a child of; None for a top-level run."""

    @property
    def status(self) -> str | None:
        """RUNNING, FINISHED, FAILED, KILLED or LOST."""

    @property
    def start_time(self) -> datetime | None:
        """When it began; aware, in UTC."""

    @property
    def end_time(self) -> datetime | None:
        """When it ended; aware, in UTC."""

    @property
    def params(self) -> Mapping[str, Any]:
        """Typed values by name."""

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The last value of each metric."""

    @property
    def tags(self) -> Mapping[str, Any]:
        """Values by name."""

    def whole(self, value: Any) -> Any:
        """Read a `LargeValue`; any other value is given as it is."""


_Run = TypeVar("_Run", bound=Searchable)


# ---- names


def milliseconds(time: datetime | None) -> float | None:
    """Give an aware time as milliseconds since the epoch, exact to the microsecond."""
    return None if time is None else (time - _EPOCH) // timedelta(microseconds=1) / 1000


def _duration(run: Searchable) -> float | None:
    if run.start_time is None or run.end_time is None:
        return None
    return (run.end_time - run.start_time).total_seconds()


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
ATTRIBUTES: Mapping[str, Callable[[Searchable], str | float | None]] = {
    "run_id": lambda run: run.run_id,
    "run_name": lambda run: run.run_name,
    "experiment": lambda run: run.experiment,
    "parent_run_id": lambda run: run.parent_run_id,
    "status": lambda run: run.status,
    "start_time": lambda run: milliseconds(run.start_time),
    "end_time": lambda run: milliseconds(run.end_time),
    "duration": _duration,
}
"""Each attribute by name, and how it is read: times in milliseconds since the epoch, the duration in seconds."""
TIMES = ("start_time", "end_time")


@dataclass(frozen=True)
class Name:
    """What a comparison looks at: the `key` among a run's metrics, params, tags or attributes."""

    kind: Kind
    key: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.key}"

    @property
    def is_number(self) -> bool:
        """Whether a value under this name is always a number."""
        return self.kind == "metrics" or (self.kind == "attributes" and self.key in (*TIMES, "duration"))

    def of(self, run: Searchable) -> Any:
        """Give a run's value, a large one read from its file; `ABSENT` where there is none, or it cannot be read."""
        stored = self.stored(run)
        try:
            return run.whole(stored) if isinstance(stored, LargeValue) else stored
        except AutologError:
            return ABSENT

    def stored(self, run: Searchable) -> Any:
        """Give what stands in the run, or `ABSENT`; an attribute that is None is absent, a param is not."""
        if self.kind == "attributes":
            value = ATTRIBUTES[self.key](run)
            return ABSENT if value is None else value
        values: Mapping[str, Any] = getattr(run, self.kind)
        return values.get(self.key, ABSENT)


# ---- the tree of a filter


@dataclass(frozen=True)
class Comparison:
    """One test of one name.

    Args:
        name: what is looked at.
        operator: how.
        value: a tuple for IN and NOT IN, None for IS NULL and IS NOT NULL, else a scalar. Where the name is always a
            number it is one too, however the filter wrote it.
    """

    name: Name
    operator: Operator
    value: Value

    def matches(self, run: Searchable) -> bool:
        """Tell whether it holds for a run; of what the run does not have, only IS NULL does."""
        if self.operator in ("IS NULL", "IS NOT NULL"):
            return (self.name.stored(run) in (ABSENT, None)) == (self.operator == "IS NULL")
        stored = self.name.of(run)
        return stored is not ABSENT and TESTS[self.operator](stored, self.value)

    def names(self) -> Iterator[Name]:
        """Give the name."""
        yield self.name


@dataclass(frozen=True)
class Not:
    """True where the operand is false."""

    operand: Expression

    def matches(self, run: Searchable) -> bool:
        """Tell whether it holds for a run."""
        return not self.operand.matches(run)

    def names(self) -> Iterator[Name]:
        """Give the names looked at."""
        return self.operand.names()


@dataclass(frozen=True)
class And:
    """True where all operands are; without operands always."""

    operands: tuple[Expression, ...]

    def matches(self, run: Searchable) -> bool:
        """Tell whether it holds for a run."""
        return all(operand.matches(run) for operand in self.operands)

    def names(self) -> Iterator[Name]:
        """Give the names looked at."""
        return (name for operand in self.operands for name in operand.names())


@dataclass(frozen=True)
class Or:
    """True where one of the operands is."""

    operands: tuple[Expression, ...]

    def matches(self, run: Searchable) -> bool:
        """Tell whether it holds for a run."""
        return any(operand.matches(run) for operand in self.operands)

    def names(self) -> Iterator[Name]:
        """Give the names looked at."""
        return (name for operand in self.operands for name in operand.names())


Expression: TypeAlias = And | Or | Not | Comparison


@dataclass(frozen=True)
class Filter:
    """A filter that has been read; a blank one is `And(())`."""

    expression: Expression

    def matches(self, run: Searchable) -> bool:
        """Tell whether the filter holds for a run."""
        return self.expression.matches(run)

    def names(self) -> set[tuple[str, str]]:
        """Give the (kind, key) of everything the filter looks at."""
        return {(name.kind, name.key) for name in self.expression.names()}


# ---- order


@dataclass(frozen=True)
class OrderKey:
    """One name to sort by."""

    name: Name
    descending: bool = False

    def sort(self, runs: Iterable[_Run]) -> list[_Run]:
        """Sort stably; a run whose value is absent, None or NaN comes last in either direction."""
        ranked = [(rank(self.name.of(run)), run) for run in runs]
        present = [(place, run) for place, run in ranked if place is not None]
        present.sort(key=operator.itemgetter(0), reverse=self.descending)
        return [run for _, run in present] + [run for place, run in ranked if place is None]


@dataclass(frozen=True)
class Order:
    """Names to sort by, the most important first."""

    keys: tuple[OrderKey, ...]

    def sort(self, runs: Iterable[_Run]) -> list[_Run]:
        """Give the runs sorted; those that no key tells apart stay in the order they came in."""
        ordered = list(runs)
        for key in reversed(self.keys):
            ordered = key.sort(ordered)
        return ordered

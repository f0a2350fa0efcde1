"""Charts as they were recorded: the tables in a run's `charts/….json`, which `docs/charts.md` describes."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autolog.values import revive

if TYPE_CHECKING:
    from autolog.store.run import Run

__all__ = ["Chart", "charts_of", "number"]


@dataclass(frozen=True)
class Chart:
    """One table.

    Args:
        kind: what it shows.
        of: the name of the data, `training`, or `model`.
        columns: their values, by name.
        more: what else was recorded with it.
    """

    kind: str
    of: str
    columns: Mapping[str, Sequence[Any]]
    more: Mapping[str, Any]

    @property
    def name(self) -> str:
        """A name for it among the charts of a run; those of one kind and one data may share it."""
        of = [] if self.of == "model" else [self.of]
        return "_".join([*of, self.kind, *map(str, filter(None, [self.more.get("importance_type")]))])

    def rows(self) -> int:
        """Give the number of rows."""
        return max(map(len, self.columns.values()), default=0)

    def parts(self, name: str) -> dict[Any, dict[str, list[Any]]]:
        """Give the table in parts, one for each value of a column, in their order."""
        parts: dict[Any, dict[str, list[Any]]] = {}
        for row, value in enumerate(self.columns[name]):
            part = parts.setdefault(value, {each: [] for each in self.columns})
            for each, values in self.columns.items():
                part[each].append(values[row])
        return parts


def charts_of(run: Run) -> Iterator[Chart]:
    """Give the charts of a run, by the names of their files, each once: data may be predicted on again and again.

    What else a user keeps among them is passed over.
    """
    given: list[Chart] = []
    for each in _charts(run):
        if each not in given:
            given.append(each)
            yield each


def _charts(run: Run) -> Iterator[Chart]:
    for path in sorted(run.artifacts):
        if path.startswith("charts/") and path.endswith(".json"):
            with contextlib.suppress(ValueError, TypeError, KeyError, IndexError):
                document = json.loads(run.artifact_path(path).read_text("utf-8"))
                yield from [_chart(facts) for facts in document["charts"]]


def _chart(facts: Mapping[str, Any]) -> Chart:
    rows = [[revive(cell) for cell in row] for row in facts["data"]]
    columns = {name: [row[place] for row in rows] for place, name in enumerate(facts["columns"])}
    more = {name: revive(value) for name, value in facts.items() if name not in ("kind", "of", "columns", "data")}
    return Chart(str(facts["kind"]), str(facts.get("of", "")), columns, more)


def number(value: Any) -> float:
    """Give a cell as a number, nan where it is none."""
    return float(value) if isinstance(value, (int, float)) else math.nan

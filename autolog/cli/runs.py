"""`autolog runs`: a table of runs, with as many columns as the terminal is wide."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import click
from rich.text import Text

from autolog.cli import as_json, screen
from autolog.cli.places import open_store, store_option
from autolog.exceptions import UsageError
from autolog.store.run import Run
from autolog.store.search import Head, find
from autolog.store.telling import are_candidates, telling
from autolog.text import duration, local, number, short, value_text, visible

__all__ = ["command", "runs_table"]

_SCREENFUL: Final = 50
_CELL: Final = 24  # columns of a value at most
_HEAD: Final = 16  # columns of a header's line at most
_GAP: Final = 2
_DIGITS: Final = 8

Cell = Callable[[Run], "str | Text"]


@dataclass(frozen=True)
class _Column:
    """A column: its name in lines, what it says of a run, and whether it stands at the right."""

    name: str
    cell: Cell
    right: bool = False

    def width(self, runs: Iterable[Run]) -> int:
        cells = [str(self.cell(run)) for run in runs]
        return max(map(screen.wide, [*cells, *self.name.split("\n")]))


@click.command("runs")
@store_option
@click.option("--filter", "filter_string", default="", metavar="FILTER", help='e.g. "metrics.auc > 0.9".')
@click.option("--order-by", multiple=True, metavar="ORDER", help='e.g. "metrics.auc DESC"; repeatable. Newest first.')
@click.option("--experiment", "experiments", multiple=True, metavar="NAME", help="Only this experiment; repeatable.")
@click.option("--columns", multiple=True, metavar="NAMES", help="e.g. metrics.auc,params.C,tags.team.")
@click.option("--limit", type=click.IntRange(min=1), help=f"So many at most; {_SCREENFUL}, or all with --json.")
@click.option("--json", "as_document", is_flag=True, help="Write one JSON document.")
def command(
    place: str | None,
    filter_string: str,
    order_by: tuple[str, ...],
    experiments: tuple[str, ...],
    columns: tuple[str, ...],
    limit: int | None,
    as_document: bool,
) -> None:
    """List runs. A child is counted with its parent where that is listed too."""
    wanted = [_wanted(name) for names in columns for name in names.split(",") if name.strip()]
    store = open_store(place)
    found = find(store, filter_string, order_by, experiments or None)
    listed, children = _folded(found.heads)
    if as_document:
        as_json.write(_document(store.uri, [found.read(at) for at in listed[:limit]], children, len(listed)))
        return
    shown = [found.read(at) for at in listed[: limit or _SCREENFUL]]
    table = [runs_table(shown, children, wanted)] if shown else []
    screen.show([*table, *_footer(store.uri, len(shown), len(listed))])


def _document(uri: str, runs: list[Run], children: Mapping[str, list[str]], found: int) -> dict[str, Any]:
    described = [{**as_json.run_summary(run), "children": children.get(run.run_id, [])} for run in runs]
    return {"store": uri, "found": found, "runs": described}


def _footer(uri: str, shown: int, found: int) -> Iterator[Text]:
    if shown < found:
        yield Text(f"\n{shown} of {found} runs; --limit {found} lists all", "dim")
    elif not found:
        yield Text(f"no such runs in {visible(uri)}")


def _folded(found: Sequence[Head]) -> tuple[list[int], dict[str, list[str]]]:
    """Give the places of the runs whose parent is not among them, and the ids of the others by their parent."""
    known = {run.run_id for run in found}
    listed, children = [], dict[str, list[str]]()
    for place, run in enumerate(found):
        if run.parent_run_id in known:
            children.setdefault(run.parent_run_id or "", []).append(run.run_id)
        else:
            listed.append(place)
    return listed, children


# ---- columns


def runs_table(runs: Sequence[Run], children: Mapping[str, Sequence[str]], wanted: Sequence[_Column] = ()) -> Any:
    """Give a table of runs; of its columns, those that are asked for and the most telling that fit.

    Args:
        runs: the lines, in this order.
        children: the ids of the runs below each.
        wanted: columns that are asked for; chosen where there are none.
    """
    first = _identity(runs, children)
    chosen = list(wanted or [_measured(kind, key) for kind, key in telling(runs)])
    come_early = wanted or are_candidates(runs)  # before when they ran
    early = [column.name for column in first].index("started") if come_early else len(first)
    fitting = _fitting([*first[:early], *chosen, *first[early:]], runs)
    columns = [column for column in [*first, *chosen] if column in fitting]
    header = [column.name for column in columns]
    rows = [[column.cell(run) for column in columns] for run in runs]
    return screen.rows_table(rows, header, [index for index, column in enumerate(columns) if column.right])


def _identity(runs: Sequence[Run], children: Mapping[str, Sequence[str]]) -> list[_Column]:
    """Give the columns that say which runs these are, the most needed first; what is the same for all is left out."""
    columns = [
        _Column("run", lambda run: run.run_id[:8]),
        _Column("name", lambda run: short(visible(run.run_name or ""), _CELL)),
        _Column("status", lambda run: screen.status(visible(run.status))),
        _Column("started", lambda run: _started(run.start_time)),
        _Column("took", lambda run: duration(run.duration), right=True),
    ]
    if are_candidates(runs):
        columns.insert(3, _Column("splits", lambda run: str(len(run.splits)), right=True))
    if children:
        columns.append(_Column("children", lambda run: str(len(children.get(run.run_id, ())) or ""), right=True))
    if len({run.experiment for run in runs}) > 1:
        columns.append(_Column("experiment", lambda run: short(visible(run.experiment), _CELL)))
    return columns


def _started(time: datetime | None) -> str:
    """Give the local time as briefly as it stays clear."""
    if time is None:
        return ""
    here, now = local(time), datetime.now().astimezone()
    if here.date() == now.date():
        return f"{here:%H:%M:%S}"
    return f"{here:%b %d %H:%M}" if here.year == now.year else f"{here:%Y-%m-%d}"


def _fitting(columns: Sequence[_Column], runs: Sequence[Run]) -> list[_Column]:
    """Give the columns that have room, the first come first; the name of a run always has."""
    room = screen.screen().width
    fitting = []
    for index, column in enumerate(columns):
        width = column.width(runs) + _GAP
        if width <= room or index < 2:
            room -= width
            fitting.append(column)
    return fitting


def _wanted(name: str) -> _Column:
    """Give a column by its name in a filter."""
    kind, dot, key = name.strip().partition(".")
    if not dot or kind not in ("metrics", "params", "tags"):
        raise UsageError(f"--columns {name}: a column is named as in a filter: metrics.x, params.x or tags.x")
    return _measured(kind, key)


def _measured(kind: str, key: str) -> _Column:
    def cell(run: Run) -> str:
        values = getattr(run, kind)
        if key not in values:
            return ""
        return number(values[key]) if kind == "metrics" else short(_brief(values[key]), _CELL)

    return _Column(_in_lines(visible(key)), cell, right=kind == "metrics")


def _brief(value: Any) -> str:
    """Give a param or tag; a float of many digits is rounded here, and exact in `autolog show`."""
    text = value_text(value)
    return number(value) if isinstance(value, float) and len(text) > _DIGITS else text


def _in_lines(name: str) -> str:
    """Break a long name where its words end."""
    lines = [""]
    for word in re.split(r"(?<=[_.])(?=[^_.])", name):
        if lines[-1] and len(lines[-1]) + len(word) > _HEAD:
            lines.append("")
        lines[-1] += word
    return "\n".join(short(line, _CELL) for line in lines)

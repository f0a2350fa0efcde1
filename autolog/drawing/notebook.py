"""Runs in a notebook: small tables with curves, in HTML that holds no script, and of others' text nothing but text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Final

from autolog.drawing.vectors import curve
from autolog.store.telling import telling
from autolog.text import counted, duration, moment, number, short, value_text, visible

if TYPE_CHECKING:
    from autolog.store.run import Run

__all__ = ["run_html", "runs_html"]

_ROWS: Final = 20
_COLUMNS: Final = 6  # of metrics and params
_LISTED: Final = 12  # metrics, and params, of one run
_CELL: Final = 60  # characters
_SENTENCE: Final = 300


def run_html(run: Run) -> str:
    """Give what a run was, what it was given, and its metrics as curves."""
    error = [str(run.error.get("message"))] if run.error else []
    params = ([_text(name), _value(value)] for name, value in sorted(run.params.items())[:_LISTED])
    metrics = ([_text(key), _text(number(last)), _curve(run, key)] for key, last in _metrics(run))
    parts = [
        f"<p>{_title(run)}</p>",
        *(f"<p><code>{_text(each, _SENTENCE)}</code></p>" for each in error),
        _table(["param", "value"], params),
        _more(len(run.params) - _LISTED, "param"),
        _table(["metric", "last", ""], metrics),
        _more(len(run.metrics) - _LISTED, "metric"),
        *(f"<p>{_text(note, _SENTENCE)}</p>" for note in run.notes[:_LISTED]),
        _more(len(run.notes) - _LISTED, "note"),
    ]
    return f"<div>{''.join(parts)}</div>"


def runs_html(runs: Sequence[Run]) -> str:
    """Give a line for each run with what tells most of them, and the curve of the first metric."""
    shown = runs[:_ROWS]
    columns = telling(shown)[:_COLUMNS] if shown else []
    first = next((key for kind, key in columns if kind == "metrics"), None)
    heads = ["run", "name", "status", "started", "took", *(key for _, key in columns), *([] if first is None else [""])]
    table = _table(heads, (_line(run, columns, first) for run in shown))
    return f"<div>{table}{_more(len(runs) - _ROWS, 'run')}</div>"


def _line(run: Run, columns: Sequence[tuple[str, str]], first: str | None) -> list[str]:
    facts = [run.run_id[:8], run.run_name or "", run.status, moment(run.start_time), duration(run.duration)]
    cells = (_cell(getattr(run, kind), key) for kind, key in columns)
    return [*map(_text, facts), *cells, *([] if first is None else [_curve(run, first)])]


def _cell(values: Mapping[str, Any], key: str) -> str:
    return _value(values[key]) if key in values else ""


def _title(run: Run) -> str:
    facts = [run.status, moment(run.start_time), duration(run.duration), run.experiment, run.run_id]
    return f"<b>{_text(run.run_name or '(unnamed)')}</b> {' · '.join(map(_text, filter(None, facts)))}"


def _metrics(run: Run) -> list[tuple[str, float]]:
    return [(key, run.metrics[key]) for kind, key in telling([run]) if kind == "metrics"][:_LISTED]


def _curve(run: Run, key: str) -> str:
    """Draw a metric that the run has, and that has more than one point."""
    values = [value for _, value, _ in run.history(key)] if key in run.metrics else []
    return curve(values) if len(values) > 1 else ""


def _value(value: Any) -> str:
    return _text(number(value) if isinstance(value, float) else value_text(value))


def _text(text: str, most: int = _CELL) -> str:
    """Give a text as HTML, cut, and without what would steer the text around it."""
    return escape(short(visible(text), most))


def _more(count: int, noun: str) -> str:
    return f"<p>… {counted(count, f'more {noun}')}</p>" if count > 0 else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = list(_rows(rows))
    head = "".join(f"<th>{_text(each)}</th>" for each in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>" if lines else ""


def _rows(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in rows:
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"

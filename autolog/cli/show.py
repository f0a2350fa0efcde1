"""`autolog show`: everything about one run, part under part; parts without content are left out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.text import Text

from autolog.cli import as_json
from autolog.cli.children import children_of
from autolog.cli.places import find_run, open_store, store_option
from autolog.cli.screen import heading, indented, rows_table, screen, show, status
from autolog.cli.sparkline import sparkline
from autolog.models.lines import load_line
from autolog.text import duration, moment, number, short, size, value_text, visible
from autolog.values import LargeValue

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autolog.store.run import Run

__all__ = ["command"]

_PLOTS: Final = "plots"  # the folder that pictures go to
_COLUMNS: Final = 12  # of a dataset or a signature
_VALUE: Final = 300  # characters of one value
_CHART: Final = 24  # blocks of a chart at most


@click.command("show")
@click.argument("run_id", metavar="RUN", required=False)
@store_option
@click.option("--json", "as_document", is_flag=True, help="Write one JSON document, every point included.")
@click.option("--plots", metavar="[DIR]", is_flag=False, flag_value=_PLOTS, help="Draw it into files, in ./plots.")
def command(run_id: str | None, place: str | None, as_document: bool, plots: str | None) -> None:
    """Show everything about RUN: an id, the beginning of one, or `last`.

    With --plots, its charts, metrics and diagram are drawn into files in a folder.
    """
    if run_id is None and plots is not None:  # `--plots RUN`: DIR may be left out, RUN may not
        run_id, plots = plots, _PLOTS
    if run_id is None:
        raise click.UsageError("Missing argument 'RUN'.")
    run = find_run(open_store(place), run_id)
    if plots is not None:
        from autolog.cli.plots import draw

        show(Text(visible(str(path))) for path in draw(run, Path(plots)))
    elif as_document:
        as_json.write(as_json.run_document(run))
    else:
        show(_page(run, place))


def _page(run: Run, place: str | None) -> Iterator[RenderableType]:
    yield from _title(run)
    for name, parts in _parts(run, place).items():
        content = _content(parts)
        if content:
            yield heading(name)
            yield from content


def _content(parts: Iterator[RenderableType]) -> list[RenderableType]:
    """Give a part's content; in a stranger's store, facts may have any form."""
    try:
        return list(parts)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        return [indented(Text(f"(cannot be shown: {visible(str(error))}; see --json)", "yellow"))]


def _parts(run: Run, place: str | None) -> dict[str, Iterator[RenderableType]]:
    return {
        "Error": _error(run),
        "Params": _pairs(_with_earlier(run)),
        "Metrics": _metrics(run),
        "Data": _data(run),
        "Signature": _signature(run),
        "Models": _models(run, place),
        "Artifacts": _artifacts(run),
        "Tags": _pairs(run.tags),
        "Environment": _pairs(_environment(run)),
        "Notes": (indented(Text(visible(note))) for note in run.notes),
        "Children": map(indented, children_of(run)),
    }


# ---- parts


def _title(run: Run) -> Iterator[RenderableType]:
    yield Text.assemble((visible(run.run_name or "(unnamed)"), "bold"), "  ", status(visible(run.status)))
    facts = {
        "run": run.run_id,
        "child of": run.parent_run_id or "",
        "experiment": visible(run.experiment),
        "started": moment(run.start_time),
        "ended": moment(run.end_time),
        "took": duration(run.duration),
    }
    yield rows_table([(Text(name, "dim"), text) for name, text in facts.items() if text])


def _pairs(values: Mapping[str, Any]) -> Iterator[RenderableType]:
    if values:
        rows = [(visible(name), short(value_text(values[name]), _VALUE)) for name in sorted(values)]
        yield indented(rows_table(rows))


def _with_earlier(run: Run) -> dict[str, Any]:
    """Give the params; one that was given anew tells its earlier values."""
    return {name: _param_text(value, run.earlier_params.get(name, ())) for name, value in run.params.items()}


def _param_text(value: Any, earlier: Sequence[Any]) -> str:
    text = str(value) if isinstance(value, (str, LargeValue)) else repr(value)
    return text if not earlier else f"{text}  (before: {', '.join(map(repr, earlier))})"


def _metrics(run: Run) -> Iterator[RenderableType]:
    if run.metrics:
        terminal = screen()
        room = 0 if terminal.options.ascii_only else max(0, min(_CHART, terminal.width - 70))
        rows = [_metric_row(run, key, room) for key in sorted(run.metrics)]
        yield indented(rows_table(rows, ["", "last", "min", "max", "points", ""], right=[1, 2, 3, 4]))


def _metric_row(run: Run, key: str, room: int) -> list[str]:
    """Give a metric's line; a single point is its own least and greatest."""
    values = [value for _, value, _ in run.history(key)]
    finite = [value for value in values if not math.isnan(value)]
    line = [visible(key), number(run.metrics[key])]
    if len(values) < 2:
        return [*line, "", "", "1", ""]
    extremes = [number(min(finite)), number(max(finite))] if finite else ["", ""]
    return [*line, *extremes, f"{len(values):,}", sparkline(values, room)]


def _data(run: Run) -> Iterator[RenderableType]:
    for data in run.inputs:
        known = [_shape(data), data.get("context"), f"digest {data.get('digest')}", data.get("sampled") and "sampled"]
        yield indented(_line(data.get("name", "dataset"), *known))
        columns = data.get("columns") or ()
        if columns:
            yield indented(indented(_listing(columns, int(data.get("column_count", len(columns))))))
        if data.get("target"):
            yield indented(indented(_line("target", _shape(data["target"]))))


def _shape(data: Mapping[str, Any]) -> str:
    shape = " x ".join(map(str, data.get("shape") or ()))
    return " ".join(str(part) for part in (data.get("kind"), shape, data.get("dtype")) if part)


def _listing(columns: Sequence[Any], count: int) -> Text:
    """Give the first columns of a table with their types, and how many more there are."""
    named = [": ".join(value_text(part) for part in column) for column in columns[:_COLUMNS]]
    rest = [f"… {count - _COLUMNS} more"] if count > _COLUMNS else []
    return Text(", ".join([*named, *rest]), "dim")


def _signature(run: Run) -> Iterator[RenderableType]:
    for side, described in (run.signature or {}).items():
        if isinstance(described, list):
            columns = [(column.get("name"), column.get("type")) for column in described]
            yield indented(Text.assemble(f"{visible(side)}  ", _listing(columns, len(columns))))
        elif described:
            yield indented(_line(side, *(value_text(value) for value in described.values())))


def _models(run: Run, place: str | None) -> Iterator[RenderableType]:
    for model in run.models:
        name = model.get("name", "model")
        saved = f"saved in {duration(model['seconds'])}" if "seconds" in model else None
        yield indented(_line(name, model.get("model_class"), model.get("format"), size(model.get("size", 0)), saved))
        rows = [("needs", visible(_required(model.get("modules", {})))), ("sha256", visible(str(model.get("sha256"))))]
        rows += [("note", visible(str(note))) for note in model.get("notes", ())]
        yield indented(indented(rows_table(rows)))
        yield Text(f"    {load_line(run, model, place)}", "cyan")  # in one piece, to be copied


def _artifacts(run: Run) -> Iterator[RenderableType]:
    if run.artifacts:
        rows = [(visible(path), size(int(facts.get("size", 0)))) for path, facts in sorted(run.artifacts.items())]
        yield indented(rows_table(rows, right=[1]))


def _environment(run: Run) -> dict[str, Any]:
    """Give the facts of the process, lists in a line, and packages as they would be required."""
    return {name: _in_a_line(value) for name, value in run.environment.items() if value not in ([], {}, None)}


def _in_a_line(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _required(value)
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _required(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name}=={version}" if version else name for name, version in versions.items())


def _error(run: Run) -> Iterator[RenderableType]:
    if run.error:
        text = str(run.error.get("traceback") or run.error.get("message") or run.error.get("type"))
        for line in text.splitlines():
            yield Text(f"  {visible(line)}", "red")


def _line(name: Any, *facts: Any) -> Text:
    """Give a name, and after it what is known of it."""
    return Text("  ".join(visible(str(fact)) for fact in (name, *facts) if fact))

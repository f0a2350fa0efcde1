"""The diagram of an estimator: boxes in boxes, as a page of its own that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from autolog.drawing.charts import Chart

__all__ = ["diagram_page"]

_STYLE: Final = """
:root { color-scheme: light dark; --line: #b9c6d8; --box: #f4f7fb; --inner: #ffffff; --name: #5a6b80; --text: #1f2733; }
@media (prefers-color-scheme: dark) {
  :root { --line: #44546a; --box: #1c2430; --inner: #141a23; --name: #9fb0c5; --text: #e6ebf2; }
}
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem; color: var(--text); background: var(--inner); }
h1 { font-size: 1.15rem; font-weight: 600; margin: 0 0 1rem; }
.part { border: 1px solid var(--line); border-radius: 8px; background: var(--box);
  padding: .55rem .8rem; width: max-content; max-width: 100%; box-sizing: border-box; margin: 0 auto; }
.part .part { background: var(--inner); }
.part .part .part { background: var(--box); }
.part .part .part .part { background: var(--inner); }
.page { display: inline-block; max-width: 100%; }
.head { text-align: center; }
.kind { font-weight: 600; }
.name, .columns { color: var(--name); font-size: .85em; }
.columns { max-width: 22rem; margin: 0 auto; overflow-wrap: anywhere; }
.column { display: flex; flex-direction: column; margin-top: .5rem; }
.column > .part + .part { margin-top: 1.1rem; position: relative; }
.column > .part + .part::before { content: ""; position: absolute; left: 50%; top: -1.1rem; height: 1.05rem;
  border-left: 1px solid var(--line); }
.row { display: flex; flex-wrap: wrap; gap: .7rem; justify-content: center; align-items: flex-start;
  margin-top: .5rem; }
.row > .part { margin: 0; }
details { font-size: .85em; margin-top: .15rem; }
summary { cursor: pointer; color: var(--name); text-align: center; }
table { border-collapse: collapse; margin: .3rem auto 0; }
td { padding: 0 .8rem 0 0; text-align: left; vertical-align: top; overflow-wrap: anywhere; max-width: 26rem; }
"""


def diagram_page(chart: Chart, title: str, params: Mapping[str, Any]) -> str:
    """Draw the diagram.

    Args:
        chart: of the kind `diagram`: a row for each part, each followed by the parts inside it.
        title: of the page.
        params: the run's; each part shows its own when it is opened.
    """
    names = list(chart.columns)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*chart.columns.values(), strict=True)]
    body = "".join(_box(rows, 0, params)) if rows else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f'<body><h1>{escape(title)}</h1>\n<div class="page">{body}</div>\n</body></html>\n'
    )


def _box(rows: list[dict[str, Any]], place: int, params: Mapping[str, Any]) -> Iterator[str]:
    """Write a part, and those inside it: side by side those that work on the same data, else below each other."""
    row = rows[place]
    yield f'<div class="part"><div class="head"><div class="kind">{escape(str(row["kind"]))}</div>'
    if row["name"] and row["name"] != row["kind"].lower():
        yield f'<div class="name">{escape(str(row["name"]))}</div>'
    if row.get("columns"):
        yield f'<div class="columns">{escape(str(row["columns"]))}</div>'
    yield f"{_params(str(row['path']), params, rows)}</div>"
    inner = list(_inner(rows, place))
    for abreast in (True, False):
        group = [each for each in inner if bool(rows[each]["abreast"]) is abreast]
        if group:
            yield f'<div class="{"row" if abreast else "column"}">'
            for each in group:
                yield from _box(rows, each, params)
            yield "</div>"
    yield "</div>\n"


def _inner(rows: list[dict[str, Any]], place: int) -> Iterator[int]:
    """Give the places of the parts that lie directly in one."""
    depth = rows[place]["depth"]
    for each in range(place + 1, len(rows)):
        if rows[each]["depth"] <= depth:
            return
        if rows[each]["depth"] == depth + 1:
            yield each


def _params(path: str, params: Mapping[str, Any], rows: list[dict[str, Any]]) -> str:
    """Write a part's own params, which are those of its path that name no part."""
    prefix = f"{path}__" if path else ""
    parts = {str(row["path"]) for row in rows}
    own = {
        name.removeprefix(prefix): value
        for name, value in sorted(params.items())
        if name.startswith(prefix) and "__" not in name.removeprefix(prefix) and name not in parts
    }
    lines = "".join(f"<tr><td>{escape(name)}</td><td>{escape(repr(value))}</td></tr>" for name, value in own.items())
    return f"<details><summary>{len(own)} params</summary><table>{lines}</table></details>" if own else ""

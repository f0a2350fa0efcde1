"""What `autolog show --plots` writes: a picture of each chart and metric series, and the estimator's diagram."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from autolog.drawing.charts import Chart, charts_of
from autolog.drawing.diagram import diagram_page
from autolog.drawing.pictures import KINDS, chart_picture, series_picture

if TYPE_CHECKING:
    from autolog.store.run import Run

__all__ = ["draw"]

_UNFIT: Final = re.compile(r"[^\w.,=()\[\]-]+")  # for a file's name anywhere
_LONGEST: Final = 100


def draw(run: Run, folder: Path) -> Iterator[Path]:
    """Write the pictures of a run, and give the path of each when it is written; what is there already is replaced.

    Raises:
        UsageError: matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = run.run_name or run.run_id[:8]
    for chart in charts_of(run):
        path = folder / f"{_file_name(chart.name)}.png"
        if chart.kind in KINDS and chart.rows():
            yield _saved(chart_picture(chart, name), path)
        elif chart.kind == "diagram":
            yield _written(folder / "diagram.html", chart, name, run)
    for key in sorted(run.metrics):
        points = run.history(key)
        if len(points) > 1:
            (folder / "metrics").mkdir(exist_ok=True)
            yield _saved(series_picture(key, points, name), folder / "metrics" / f"{_file_name(key)}.png")


def _saved(figure: Any, path: Path) -> Path:
    figure.savefig(path)
    return path


def _written(path: Path, chart: Chart, name: str, run: Run) -> Path:
    path.write_text(diagram_page(chart, name, run.params), "utf-8")
    return path


def _file_name(text: str) -> str:
    """Give a name that every file system takes."""
    return _UNFIT.sub("_", text).strip(".")[:_LONGEST] or "_"

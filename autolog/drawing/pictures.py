"""Pictures of charts and metric series, by matplotlib without its process-wide state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from autolog.drawing.charts import Chart, number
from autolog.drawing.style import COLOURS, DASHES, GREY, LISTED, figure_of, first_of, numbers, plain, short, shorts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["KINDS", "chart_picture", "series_picture"]

_WRITTEN: Final = 15  # classes up to which a matrix has its numbers written into it
_INSIDE: Final = 6  # curves up to which their names stand inside the axes
_LABELLED: Final = 45  # … and has a label for each


def chart_picture(chart: Chart, run_name: str) -> Figure:
    """Draw a chart.

    Args:
        chart: of one of `KINDS`.
        run_name: for the title.

    Raises:
        UsageError: matplotlib is not installed.
    """
    figure, axes = figure_of(*_size(chart))
    title = KINDS[chart.kind](axes, chart)
    where = {"model": "", "training": "training data"}.get(chart.of, chart.of)
    axes.set_title(plain(" · ".join(filter(None, (title, where, run_name)))), loc="left", fontsize=10)
    return figure


def series_picture(key: str, points: Sequence[tuple[int, float, float]], run_name: str) -> Figure:
    """Draw a metric over its steps.

    Raises:
        UsageError: matplotlib is not installed.
    """
    figure, axes = figure_of(6.4, 4.0)
    from matplotlib.ticker import MaxNLocator

    steps, values = [step for step, _, _ in points], [value for _, value, _ in points]
    axes.plot(steps, values, marker="o" if len(points) <= LISTED else None, markersize=3.5, linewidth=1.6)
    axes.set(xlabel="step", ylabel=short(key, 60))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.set_title(plain(f"{key} · {run_name}"), loc="left", fontsize=10)
    return figure


def _size(chart: Chart) -> tuple[float, float]:
    """Give width and height in inches, by how much is to be shown."""
    if chart.kind == "confusion_matrix":
        side = min(16.0, max(5.0, 2.5 + 0.22 * len(chart.more.get("labels", ()))))
        return side + 0.8, side
    if chart.kind in ("feature_importances", "coefficients"):
        return 7.2, 1.6 + 0.24 * min(LISTED, len(set(chart.columns["feature"])))
    if chart.kind == "multilabel_confusion_matrix":
        return 6.8, 1.6 + 0.3 * min(LISTED, chart.rows())
    return (8.2 if len(chart.more.get("classes", ())) > _INSIDE else 6.4), 4.8


# ---- matrices


def _confusion_matrix(axes: Axes, chart: Chart) -> str:
    labels = list(chart.more.get("labels", ()))
    place = {label: index for index, label in enumerate(labels)}
    matrix = [[0.0] * len(labels) for _ in labels]
    for true, predicted, count in zip(*chart.columns.values(), strict=True):
        if true in place and predicted in place:
            matrix[place[true]][place[predicted]] = number(count)
    image = axes.imshow(matrix, cmap="Blues", vmin=0)
    axes.spines[:].set_visible(False)
    every = range(0, len(labels), max(1, math.ceil(len(labels) / _LABELLED)))
    names = shorts([labels[index] for index in every], 18)
    upright = max(map(len, names), default=0) * len(names) > 50 + 2 * len(names)
    axes.set_xticks(every, names, rotation=90 if upright else 0, fontsize=8)
    axes.set_yticks(every, names, fontsize=8)
    axes.tick_params(length=0)
    axes.set(xlabel="predicted", ylabel="true")
    if len(labels) <= _WRITTEN:
        _write_cells(axes, matrix)
    else:
        axes.figure.colorbar(image, ax=axes, shrink=0.7, label="rows")
    return "Confusion matrix"


def _write_cells(axes: Axes, matrix: Sequence[Sequence[float]]) -> None:
    """Write numbers into cells, light on dark ones."""
    most = max(map(max, matrix), default=0.0)
    for row, values in enumerate(matrix):
        for column, value in enumerate(values):
            text = f"{value:,.0f}" if value.is_integer() else f"{value:.2g}"
            colour = "white" if value > 0.55 * most else "#303030" if value else "#b8b8b8"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)


def _multilabel(axes: Axes, chart: Chart) -> str:
    """Draw for each label the shares of found, missed, and wrongly given rows."""
    names = ("true_positives", "false_negatives", "false_positives")
    rows = range(min(LISTED, chart.rows()))
    left = [0.0 for _ in rows]
    for name, colour in zip(names, (COLOURS[0], "#b9cbe3", COLOURS[1]), strict=True):
        widths = numbers(chart.columns[name][: len(rows)])
        axes.barh(rows, widths, left=left, color=colour, label=name.replace("_", " "), height=0.75)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_yticks(rows, [short(f"label {label}") for label in chart.columns["label"][: len(rows)]], fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel="rows")
    axes.figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=3)
    return first_of("Labels", len(rows), chart.rows())


# ---- curves


def _roc(axes: Axes, chart: Chart) -> str:
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=DASHES)
    _class_curves(axes, chart, "false_positive_rate", "true_positive_rate", ("AUC", chart.more.get("areas")))
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    return _by_class("ROC curve", chart)


def _precision_recall(axes: Axes, chart: Chart) -> str:
    shares = chart.more.get("shares", ())
    if len(shares) == 1:
        axes.axhline(number(shares[0]), color=GREY, linewidth=1, linestyle=DASHES)
    _class_curves(axes, chart, "recall", "precision", ("AP", chart.more.get("average_precisions")))
    axes.set(xlabel="recall", ylabel="precision")
    return _by_class("Precision and recall", chart)


def _by_class(title: str, chart: Chart) -> str:
    """Say in a title whether each class stands against the rest, and how many of how many do."""
    shown = len(chart.more.get("classes", ()))
    left_out = chart.more.get("classes_left_out", 0)
    return first_of(f"{title} by class", shown, shown + left_out) if shown > 1 else title


def _class_curves(axes: Axes, chart: Chart, x: str, y: str, measure: tuple[str, Sequence[float] | None]) -> None:
    """Draw a curve for each class, or the only one where there are no classes."""
    parts = chart.parts("class") if "class" in chart.columns else {None: chart.columns}
    values = measure[1] or [math.nan] * len(parts)
    names = [""] if list(parts) == [None] else shorts(list(parts))
    for index, (name, part, value) in enumerate(zip(names, parts.values(), values, strict=False)):
        said = [name] if name else []
        said += [] if math.isnan(value) else [f"{measure[0]} {value:.3f}"]
        style = ("-", "--", ":")[index // len(COLOURS) % 3]
        axes.plot(numbers(part[x]), numbers(part[y]), style, linewidth=1.7, label=" · ".join(said) or None)
    _square(axes)
    if axes.get_legend_handles_labels()[1]:
        outside = len(parts) > _INSIDE
        place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)} if outside else {"loc": "best"}
        axes.legend(fontsize=8, frameon=False, **place)


def _square(axes: Axes) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.grid(alpha=0.25)


def _calibration(axes: Axes, chart: Chart) -> str:
    x, y = (numbers(chart.columns[name]) for name in ("mean_predicted_probability", "fraction_of_positives"))
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=DASHES, label="perfectly calibrated")
    axes.plot(x, y, "-", color=COLOURS[0], linewidth=1.4)
    rows = numbers(chart.columns["rows"]) if "rows" in chart.columns else [1.0] * len(x)
    sizes = [16 + 140 * each / max(rows) for each in rows]
    label = "bins, larger with more rows" if "rows" in chart.columns else "bins"
    axes.scatter(x, y, s=sizes, color=COLOURS[0], alpha=0.8, linewidth=0, label=label)
    classes = chart.more.get("classes", ())
    of = f" of {short(classes[0])}" if classes else ""
    axes.set(xlabel=f"mean predicted probability{of}", ylabel="fraction of positives")
    _square(axes)
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    return "Calibration"


# ---- regression


def _residuals(axes: Axes, chart: Chart) -> str:
    """Draw the cells of the first output, darker with more rows."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    parts = chart.parts("output")
    part = next(iter(parts.values()), chart.columns)
    width, height = chart.more["cells"][0]
    x, y, rows = (numbers(part[name]) for name in ("predicted", "residual", "rows"))
    boxes = [Rectangle((left - width / 2, low - height / 2), width, height) for left, low in zip(x, y, strict=True)]
    cells = PatchCollection(boxes, cmap="Blues", linewidth=0)
    cells.set_array(rows)
    cells.set_clim(-0.25 * max(rows), max(rows))
    axes.add_collection(cells)
    axes.autoscale_view()
    axes.axhline(0, color=GREY, linewidth=1, linestyle=DASHES)
    axes.set(xlabel="predicted", ylabel="true - predicted")
    bar = axes.figure.colorbar(cells, ax=axes, shrink=0.8, label="rows")
    bar.ax.set_ylim(0, max(rows))
    return first_of("Residuals", 1, len(parts), "output")


def _quantiles(axes: Axes, chart: Chart) -> str:
    for output, part in list(chart.parts("output").items())[: len(COLOURS)]:
        label = f"output {output}"
        axes.plot(numbers(part["quantile"]), numbers(part["residual"]), "o-", markersize=4, label=label)
    axes.axhline(0, color=GREY, linewidth=1, linestyle=DASHES)
    axes.set(xlabel="quantile", ylabel="true - predicted", xlim=(0, 1))
    axes.grid(alpha=0.25)
    if len(axes.get_legend_handles_labels()[1]) > 1:
        axes.legend(fontsize=8, frameon=False)
    return "Quantiles of residuals"


# ---- what a model has learned


def _importances(axes: Axes, chart: Chart) -> str:
    names, values = chart.columns["feature"][:LISTED], numbers(chart.columns["importance"][:LISTED])
    axes.barh(range(len(names)), values, color=COLOURS[0], height=0.75)
    kind = chart.more.get("importance_type")
    _feature_axis(axes, names, "importance" if kind is None else short(kind, 30))
    return first_of("Feature importances", len(names), chart.rows() + chart.more.get("features_left_out", 0))


def _coefficients(axes: Axes, chart: Chart) -> str:
    """Draw bars for a single row of coefficients, and points of several colours for more."""
    parts = chart.parts("of")
    names = list(dict.fromkeys(chart.columns["feature"]))[:LISTED]
    for part in list(parts.values())[: len(COLOURS)] if len(parts) > 1 else ():
        axes.plot(numbers(part["coefficient"])[: len(names)], range(len(names)), "o", markersize=4.5, alpha=0.85)
    if len(parts) == 1:
        values = numbers(chart.columns["coefficient"][:LISTED])
        colours = [COLOURS[0] if value >= 0 else COLOURS[1] for value in values]
        axes.barh(range(len(values)), values, color=colours, height=0.75)
    else:
        labels = shorts(list(parts)[: len(COLOURS)])
        axes.legend(axes.lines, labels, fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    axes.axvline(0, color=GREY, linewidth=1)
    _feature_axis(axes, names, "coefficient")
    count = len(set(chart.columns["feature"])) + chart.more.get("features_left_out", 0)
    return first_of("Coefficients", len(names), count)


def _feature_axis(axes: Axes, names: Sequence[Any], label: str) -> None:
    axes.set_yticks(range(len(names)), shorts(names, 36), fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set(xlabel=label)
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)


KINDS: Final[Mapping[str, Callable[[Any, Chart], str]]] = {
    "calibration_curve": _calibration,
    "coefficients": _coefficients,
    "confusion_matrix": _confusion_matrix,
    "feature_importances": _importances,
    "multilabel_confusion_matrix": _multilabel,
    "precision_recall_curve": _precision_recall,
    "residual_quantiles": _quantiles,
    "residuals": _residuals,
    "roc_curve": _roc,
}
"""What draws each kind of chart into axes, and gives its title."""

"""Confusion matrices, ROC, precision-recall and calibration curves, as scikit-learn's functions of these names give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from autolog.recording.charts import MOST, Chart, chart
from autolog_sklearn.classified import Classified, Multilabel
from autolog_sklearn.labels import Array
from autolog_sklearn.ranking import Ranking, thinned

__all__ = ["classification_charts", "computed", "matrix_chart"]

_CLASSES: Final = 20  # with a curve of their own: those with most rows
_BINS: Final = 10
_DENSE: Final = 300  # classes up to which all pairs of them are counted in one array


def classification_charts(said: Classified | Multilabel, *, calibrated: bool = True) -> Iterator[Chart]:
    """Give the charts of a prediction whose truth is known.

    Args:
        said: the prediction.
        calibrated: its scores between 0 and 1 are meant as probabilities.
    """
    if isinstance(said, Multilabel):
        yield _of_each_label(said)
        return
    if len(said.codes) == 2:
        yield _confusion_matrix(said)
    rankings = _rankings(said)
    if rankings:
        yield _roc(said, rankings)
        yield _precision_recall(said, rankings)
    if calibrated and said.proba is not None and said.column is not None and len(said.columns) == 2:
        yield _calibration(said, said.column == 1, said.proba[:, 1])


@np.errstate(all="ignore")
def computed(charts: Callable[..., Iterator[Chart]], *given: Any) -> list[Chart]:
    """Give the charts that a generator makes; what numpy would warn of on the way is meant to be."""
    return list(charts(*given))


# ---- confusion matrices


def _confusion_matrix(said: Classified) -> Chart:
    """Count the pairs of true and predicted label."""
    true, predicted = said.codes
    first = np.full(max(true.max(), predicted.max()) + 1, -1)
    for offset, codes in zip((0, len(true)), said.codes, strict=True):
        first[codes] = np.arange(offset, offset + len(codes))
    present = np.flatnonzero(first >= 0)
    place = np.zeros(len(first), dtype=np.intp)
    place[present] = np.arange(len(present))
    labels = [_label(said, number) for number in first[present].tolist()]
    pairs = place[true] * len(present) + place[predicted]
    if len(present) <= _DENSE:
        counts = np.bincount(pairs)
        cells = np.flatnonzero(counts)
        return matrix_chart(labels, cells, counts[cells])
    return matrix_chart(labels, *np.unique(pairs, return_counts=True))


def _label(said: Classified, number: int) -> Any:
    """Give a label by its number among the true ones and after them the predicted ones."""
    true = said.labels[0]
    value = true[number] if number < len(true) else said.labels[1][number - len(true)]
    return value.item() if isinstance(value, np.generic) else value


def matrix_chart(labels: list[Any], cells: Array, values: Array, meaning: str = "count", **more: Any) -> Chart:
    """Give a confusion matrix by its cells that are not 0; of many, the greatest.

    Args:
        labels: in the order of rows and columns.
        cells: the number of each cell, row by row.
        values: what stands there.
        meaning: what that is: a "count" of rows, their "share" of a row, a column or all, or their "weight".
        more: as for `chart`.
    """
    if len(cells) > MOST:
        more = {**more, "cells_left_out": len(cells) - MOST}
        kept = np.sort(np.argsort(-values, kind="stable")[:MOST])
        cells, values = cells[kept], values[kept]
    rows, columns = np.divmod(cells, len(labels))
    named = {"true": [labels[row] for row in rows.tolist()], "predicted": [labels[each] for each in columns.tolist()]}
    return chart("confusion_matrix", {**named, meaning: values}, labels=labels[:MOST], **more)


def _of_each_label(said: Multilabel) -> Chart:
    """Count right and wrong for each label of a multilabel prediction."""
    true, predicted = said.true[:, :MOST], said.predicted[:, :MOST]
    hits, actual, chosen = ((each).sum(axis=0) for each in (true & predicted, true, predicted))
    columns = {
        "label": np.arange(true.shape[1]),
        "true_negatives": len(true) - actual - chosen + hits,
        "false_positives": chosen - hits,
        "false_negatives": actual - hits,
        "true_positives": hits,
    }
    return chart("multilabel_confusion_matrix", columns)


# ---- curves


def _rankings(said: Classified) -> dict[int, Ranking]:
    """Rank the rows by what is said of each class: of two the second; of many those with most rows."""
    if said.column is None or len(said.columns) < 2:
        return {}
    support = np.bincount(said.column, minlength=len(said.columns))
    common = np.sort(np.argsort(-support, kind="stable")[:_CLASSES])
    places = [1] if len(said.columns) == 2 else common.tolist()
    found = {place: said.ranking(place) for place in places if 0 < support[place] < len(said.column)}
    return {place: ranking for place, ranking in found.items() if ranking is not None}


def _class_names(said: Classified, rankings: dict[int, Ranking]) -> list[Any]:
    """Name the classes by their first true row, which each has."""
    firsts = {place: int(np.argmax(said.column == place)) for place in rankings}
    return [_label(said, firsts[place]) for place in rankings]


def _roc(said: Classified, rankings: dict[int, Ranking]) -> Chart:
    curves = [_roc_points(ranking, MOST // len(rankings)) for ranking in rankings.values()]
    areas = [ranking.area for ranking in rankings.values()]
    names = ("false_positive_rate", "true_positive_rate", "threshold")
    return _curves("roc_curve", said, rankings, curves, names, areas=areas)


def _roc_points(ranking: Ranking, most: int) -> tuple[Array, ...]:
    corners = ranking.corners()
    x, y = (np.concatenate(([0.0], each / each[-1])) for each in (corners.misses, corners.hits))
    kept = thinned(x, y, most)
    return x[kept], y[kept], np.concatenate(([np.inf], corners.thresholds))[kept]


def _precision_recall(said: Classified, rankings: dict[int, Ranking]) -> Chart:
    curves = [_precision_recall_points(ranking, MOST // len(rankings)) for ranking in rankings.values()]
    more = {
        "average_precisions": [ranking.average_precision for ranking in rankings.values()],
        "shares": [float(ranking.hits[-1] / (ranking.hits[-1] + ranking.misses[-1])) for ranking in rankings.values()],
    }
    names = ("precision", "recall", "threshold")
    return _curves("precision_recall_curve", said, rankings, curves, names, **more)


def _precision_recall_points(ranking: Ranking, most: int) -> tuple[Array, ...]:
    """Give the points by rising threshold; the last has none, as nothing is chosen there."""
    hits, misses, thresholds = ranking.rises()
    precision = np.concatenate(((hits / (hits + misses))[::-1], [1.0]))
    recall = np.concatenate(((hits / hits[-1])[::-1], [0.0]))
    bends = np.flatnonzero(np.concatenate(([True], (np.diff(precision, 2) != 0) | (precision[1:-1] != 1), [True])))
    kept = bends[thinned(recall[bends], precision[bends], most)]
    return precision[kept], recall[kept], np.concatenate((thresholds[::-1], [np.inf]))[kept]


def _curves(
    kind: str,
    said: Classified,
    rankings: dict[int, Ranking],
    curves: list[tuple[Array, ...]],
    names: tuple[str, ...],
    **more: Any,
) -> Chart:
    """Put the curves of all classes into one table."""
    classes = _class_names(said, rankings)
    column = [name for name, curve in zip(classes, curves, strict=True) for _ in curve[0]]
    values = {name: np.concatenate(parts) for name, parts in zip(names, zip(*curves, strict=True), strict=True)}
    left_out = {} if len(said.columns) in (2, len(classes)) else {"classes_left_out": len(said.columns) - len(classes)}
    return chart(kind, {"class": column, **values}, classes=classes, **left_out, **more)


def _calibration(said: Classified, positive: Array, proba: Array) -> Chart:
    """Average probability and truth in bins of one width; an empty bin has no point."""
    bins = np.searchsorted(np.linspace(0.0, 1.0, _BINS + 1)[1:-1], proba)
    rows = np.bincount(bins, minlength=_BINS)
    filled = rows > 0
    sums = {
        "mean_predicted_probability": np.bincount(bins, proba, _BINS),
        "fraction_of_positives": np.bincount(bins, positive, _BINS),
    }
    means = {name: values[filled] / rows[filled] for name, values in sums.items()}
    classes = [_label(said, int(np.argmax(positive)))] if positive.any() else []
    return chart("calibration_curve", {**means, "rows": rows[filled]}, classes=classes)

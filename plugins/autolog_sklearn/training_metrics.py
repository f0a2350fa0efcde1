"""Training metrics of one prediction in plain numpy, equal to what scikit-learn's scorers of these names give."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["classification_metrics", "regression_metrics"]

Array: TypeAlias = "npt.NDArray[Any]"

PREFIX = "training_"
NUMBERS = "biuf"
"""The kinds of numpy dtypes that are real numbers."""


class _Said(NamedTuple):
    """What a classifier says of each row beyond a label."""

    proba: Array | None
    scores: Array | None


def classification_metrics(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    proba: npt.ArrayLike | None = None,
    classes: npt.ArrayLike | None = None,
    scores: npt.ArrayLike | None = None,
) -> dict[str, float]:
    """Measure a classifier's prediction. A metric that is not defined for the input is left out.

    Every row counts the same. Precision, recall and F1 are averages over the classes weighted by their support, 0 for a
    class without any prediction or support (Sokolova and Lapalme, 2009). The log loss clips probabilities by the
    epsilon of their dtype.

    Args:
        y_true: the labels trained on: strings, integers, bools, integral floats, or a multilabel indicator of 0 and 1.
        y_pred: what `predict` gives for them.
        proba: what `predict_proba` gives, a column for each of `classes`.
        classes: the fitted `classes_`; without them the labels in `y_true`, sorted.
        scores: what `decision_function` gives in the binary case; like scikit-learn's scorer, `training_roc_auc` then
            comes from it and not from `proba`.

    Returns:
        scikit-learn's scorer names prefixed with `training_`: accuracy, precision_weighted, recall_weighted,
        f1_weighted, neg_log_loss, roc_auc (binary) and roc_auc_ovr_weighted (multiclass).
    """
    true, predicted = _column(y_true), _column(y_pred)
    if true.shape != predicted.shape or not _has_rows(true):
        return {}
    with np.errstate(all="ignore"):
        if true.ndim == 2:
            return _named(_multilabel_metrics(true, predicted))
        said = _Said(_optional(proba), _optional(scores))
        return _named(_single_label_metrics(true, predicted, _optional(classes), said))


def regression_metrics(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> dict[str, float]:
    """Measure a regressor's prediction. A metric that is not defined for the input is left out.

    Every row counts the same. Several outputs are averaged uniformly. R² of a constant `y_true` is 1 for a perfect
    prediction, else 0; of a single row it is not defined. Computed in the widest float dtype among the arguments, as
    scikit-learn does.

    Args:
        y_true: the targets trained on, one or several a row.
        y_pred: what `predict` gives for them.

    Returns:
        scikit-learn's scorer names prefixed with `training_`: r2, neg_mean_squared_error, neg_root_mean_squared_error
        and neg_mean_absolute_error.
    """
    true, predicted = _targets(y_true), _targets(y_pred)
    if true is None or predicted is None or true.shape != predicted.shape or not _has_rows(true):
        return {}
    with np.errstate(all="ignore"):
        floats = [array.dtype for array in (true, predicted) if array.dtype.kind == "f"]
        dtype = np.result_type(*floats) if floats else np.dtype(np.float64)
        return _named(_errors(true.astype(dtype, copy=False), predicted.astype(dtype, copy=False)))


# ---- what is given


def _optional(values: npt.ArrayLike | None) -> Array | None:
    return None if values is None else np.asarray(values)


def _column(values: npt.ArrayLike) -> Array:
    array = np.asarray(values)
    return array.ravel() if array.ndim == 2 and array.shape[1] == 1 else array


def _targets(values: npt.ArrayLike) -> Array | None:
    """Give finite numbers with a column for each output, or None where they are not that."""
    array = np.asarray(values)
    if array.dtype.kind == "O":
        array = _plain(array.ravel()).reshape(array.shape)
    if array.dtype.kind not in NUMBERS or array.ndim not in (1, 2) or not np.isfinite(array).all():
        return None
    return array.reshape(-1, 1) if array.ndim == 1 else array


def _has_rows(array: Array) -> bool:
    return array.ndim in (1, 2) and array.size > 0


def _named(metrics: dict[str, float]) -> dict[str, float]:
    return {PREFIX + name: float(value) for name, value in metrics.items() if np.isfinite(value)}


# ---- labels


def _encode(arrays: list[Array]) -> list[Array] | None:
    """Number the labels alike in all arrays and in their sorted order, or give None where they cannot be labels."""
    arrays = [_plain(array) for array in arrays]
    if all(array.dtype.kind in "UO" for array in arrays):
        return _encode_strings([array.tolist() for array in arrays])
    if any(array.dtype.kind not in NUMBERS or array.ndim != 1 for array in arrays):
        return None
    numbers = [array.astype(np.int64, copy=False) for array in arrays]
    if any(old.dtype.kind == "f" and (old != new).any() for old, new in zip(arrays, numbers, strict=True)):
        return None
    return _encode_integers(numbers)


def _plain(array: Array) -> Array:
    """Give an object array of numbers (what a nullable pandas column becomes) the dtype of its numbers."""
    if array.dtype.kind == "O" and set(map(type, array.tolist())) <= {int, bool, float}:
        return np.array(array.tolist())
    return array


def _encode_strings(lists: list[list[Any]]) -> list[Array] | None:
    """Number strings by a dict, several times faster than sorting an array of them.

    Anything else is refused: comparing a user's own objects would run their code.
    """
    known = set(map(type, (label for labels in lists for label in labels)))
    if not known <= {str, np.str_}:
        return None
    order = {label: code for code, label in enumerate(sorted(set().union(*lists)))}
    return [np.fromiter(map(order.__getitem__, labels), np.intp, len(labels)) for labels in lists]


def _encode_integers(arrays: list[Array]) -> list[Array]:
    """Number integers by their distance from the smallest, or by rank where these would be large."""
    low, high = min(int(array.min()) for array in arrays), max(int(array.max()) for array in arrays)
    if high - low < 1000 + 4 * len(arrays[0]):
        return [array - low for array in arrays]
    _, codes = np.unique(np.concatenate(arrays), return_inverse=True)
    return np.split(codes.ravel(), np.cumsum([len(array) for array in arrays])[:-1])


def _columns_of(true: Array, columns: Array) -> Array | None:
    """Give the column of each row's class, or None where a class has no column."""
    places = np.full(max(true.max(), columns.max()) + 1, -1)
    places[columns] = np.arange(len(columns))
    column: Array = places[true]
    return column if column.min() >= 0 else None


# ---- metrics of labels


def _single_label_metrics(true: Array, predicted: Array, classes: Array | None, said: _Said) -> dict[str, float]:
    known = [] if classes is None or classes.size == 0 else [classes]
    codes = _encode([true, predicted, *known])
    if codes is None:
        return {}
    columns = codes[2] if known else np.unique(codes[0])
    metrics = _label_metrics(codes[0], codes[1])
    column = _columns_of(codes[0], columns)
    if column is not None:
        metrics |= _said_metrics(column, len(columns), said)
    return metrics


def _label_metrics(true: Array, predicted: Array) -> dict[str, float]:
    """Take the diagonal and the margins of the confusion matrix; all that is needed of it."""
    right, size = true == predicted, max(true.max(), predicted.max()) + 1
    hits, actual, chosen = (np.bincount(codes, minlength=size) for codes in (true[right], true, predicted))
    return {"accuracy": hits.sum() / len(true), **_support_weighted(hits, chosen, actual)}


def _multilabel_metrics(true: Array, predicted: Array) -> dict[str, float]:
    if any(
        labels.dtype.kind not in NUMBERS or not ((labels == 0) | (labels == 1)).all() for labels in (true, predicted)
    ):
        return {}
    true, predicted = true != 0, predicted != 0
    counts = (labels.sum(axis=0) for labels in (true & predicted, predicted, true))
    return {"accuracy": (true == predicted).all(axis=1).mean(), **_support_weighted(*counts)}


def _support_weighted(hits: Array, chosen: Array, actual: Array) -> dict[str, float]:
    """Average over classes by their true rows; without any true label there is no hit, and all averages are 0."""
    support = actual / (actual.sum() or 1)
    return {
        "precision_weighted": float(_ratio(hits, chosen) @ support),
        "recall_weighted": float(_ratio(hits, actual) @ support),
        "f1_weighted": float(_ratio(2 * hits, chosen + actual) @ support),
    }


def _ratio(part: Array, whole: Array) -> Array:
    ratio: Array = np.divide(part, whole, out=np.zeros(len(part)), where=whole != 0)
    return ratio


# ---- metrics of probabilities and scores


def _said_metrics(column: Array, size: int, said: _Said) -> dict[str, float]:
    """Measure what is said of `size` classes, where `column` is each row's true one."""
    metrics = {}
    proba = said.proba if said.proba is not None and _are_probabilities(said.proba, (len(column), size)) else None
    if proba is not None and size > 1:
        metrics["neg_log_loss"] = -_log_loss(column, proba)
    if size == 2:
        scores = proba[:, 1] if said.scores is None and proba is not None else said.scores
        if scores is not None and _are_scores(scores, column.shape):
            metrics["roc_auc"] = _roc_auc(column == 1, scores)
    elif proba is not None and size > 2 and np.allclose(proba.sum(axis=1), 1):
        metrics["roc_auc_ovr_weighted"] = _roc_auc_ovr(column, proba)
    return metrics


def _are_scores(scores: Array, shape: tuple[int, ...]) -> bool:
    return scores.shape == shape and scores.dtype.kind in NUMBERS and bool(np.isfinite(scores).all())


def _are_probabilities(proba: Array, shape: tuple[int, int]) -> bool:
    return proba.shape == shape and proba.dtype.kind == "f" and bool(proba.min() >= 0 and proba.max() <= 1)


def _log_loss(column: Array, proba: Array) -> float:
    """Average -log p of the true class, in the dtype of the probabilities."""
    # of two classes the scorer sees the probability of the second only
    of_true = (
        np.where(column, proba[:, 1], 1 - proba[:, 1]) if proba.shape[1] == 2 else proba[np.arange(len(column)), column]
    )
    epsilon = np.finfo(proba.dtype).eps
    return float(np.average(-np.log(np.clip(of_true, epsilon, 1 - epsilon))))


def _roc_auc(positive: Array, scores: Array) -> float:
    """Sum the trapezoids below the curve that falling thresholds draw (Fawcett, 2006); nan where a class is missing."""
    order = np.argsort(scores)[::-1]
    ends = _ends_of_ties(scores[order])
    hit = positive[order].astype(np.float64)
    hits, misses = np.cumsum(hit)[ends], np.cumsum(1 - hit)[ends]
    twice = misses[0] * hits[0] + np.diff(misses) @ (hits[1:] + hits[:-1])
    whole = 2 * misses[-1] * hits[-1]
    return float(twice / whole) if whole else np.nan


def _ends_of_ties(ordered: Array) -> Array:
    ends = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=ends[:-1])
    return np.flatnonzero(ends)


def _roc_auc_ovr(column: Array, proba: Array) -> float:
    """Average the area of each class against the rest by the class's true rows; one without any has no say."""
    support = np.bincount(column, minlength=proba.shape[1])
    present = np.flatnonzero(support)
    areas = [_roc_auc(column == place, proba[:, place]) for place in present]
    return float(np.average(areas, weights=support[present]))


# ---- metrics of numbers


def _errors(true: Array, predicted: Array) -> dict[str, float]:
    """Measure row by row differences; the operations and their order are scikit-learn's, and so is the rounding."""
    error = true - predicted
    squared = error**2
    mean_squared = np.average(squared, axis=0)
    return {
        "r2": _r2(true, squared),
        "neg_mean_squared_error": -np.average(mean_squared),
        "neg_root_mean_squared_error": -np.average(np.sqrt(mean_squared)),
        "neg_mean_absolute_error": -np.average(np.average(np.abs(error), axis=0)),
    }


def _r2(true: Array, squared: Array) -> float:
    if len(true) < 2:
        return np.nan
    residual = squared.sum(axis=0)
    total = ((true - np.average(true, axis=0)) ** 2).sum(axis=0)
    constant = (residual == 0).astype(residual.dtype)
    return float(np.average(np.where(total == 0, constant, 1 - residual / total)))

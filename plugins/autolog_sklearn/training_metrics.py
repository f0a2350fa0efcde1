"""Training metrics of one prediction in plain numpy, equal to what scikit-learn's scorers of these names give."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from autolog_sklearn.classified import Classified, Multilabel, classified
from autolog_sklearn.labels import NUMBERS, Array, plain

__all__ = ["classification_metrics", "metrics_of", "regression_metrics", "targets"]

PREFIX = "training_"


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
    return metrics_of(classified(y_true, y_pred, proba, classes, scores))


def metrics_of(said: Classified | Multilabel | None) -> dict[str, float]:
    """Measure a prediction that has been read; as `classification_metrics`."""
    with np.errstate(all="ignore"):
        if isinstance(said, Multilabel):
            return _named(_multilabel_metrics(said))
        return {} if said is None or len(said.codes) < 2 else _named(_single_label_metrics(said))


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
    true, predicted = targets(y_true), targets(y_pred)
    if true is None or predicted is None or true.shape != predicted.shape or not _has_rows(true):
        return {}
    with np.errstate(all="ignore"):
        floats = [array.dtype for array in (true, predicted) if array.dtype.kind == "f"]
        dtype = np.result_type(*floats) if floats else np.dtype(np.float64)
        return _named(_errors(true.astype(dtype, copy=False), predicted.astype(dtype, copy=False)))


# ---- what is given


def targets(values: npt.ArrayLike) -> Array | None:
    """Give finite numbers with a column for each output, or None where they are not that."""
    array = np.asarray(values)
    if array.dtype.kind == "O":
        array = plain(array.ravel()).reshape(array.shape)
    if array.dtype.kind not in NUMBERS or array.ndim not in (1, 2) or not np.isfinite(array).all():
        return None
    return array.reshape(-1, 1) if array.ndim == 1 else array


def _has_rows(array: Array) -> bool:
    return array.ndim in (1, 2) and array.size > 0


def _named(metrics: dict[str, float]) -> dict[str, float]:
    return {PREFIX + name: float(value) for name, value in metrics.items() if np.isfinite(value)}


# ---- metrics of labels


def _single_label_metrics(said: Classified) -> dict[str, float]:
    metrics = _label_metrics(*said.codes)
    if said.column is not None:
        metrics |= _said_metrics(said, said.column, len(said.columns))
    return metrics


def _label_metrics(true: Array, predicted: Array) -> dict[str, float]:
    """Take the diagonal and the margins of the confusion matrix; all that is needed of it."""
    right, size = true == predicted, max(true.max(), predicted.max()) + 1
    hits, actual, chosen = (np.bincount(codes, minlength=size) for codes in (true[right], true, predicted))
    return {"accuracy": hits.sum() / len(true), **_support_weighted(hits, chosen, actual)}


def _multilabel_metrics(said: Multilabel) -> dict[str, float]:
    true, predicted = said
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


def _said_metrics(said: Classified, column: Array, size: int) -> dict[str, float]:
    """Measure what is said of `size` classes, where `column` is each row's true one."""
    metrics, proba = {}, said.proba
    if proba is not None and size > 1:
        metrics["neg_log_loss"] = -_log_loss(column, proba)
    ranking = said.ranking(1) if size == 2 else None
    if ranking is not None:
        metrics["roc_auc"] = ranking.area
    elif proba is not None and size > 2 and proba.size <= _RANKED and np.allclose(proba.sum(axis=1), 1):
        metrics["roc_auc_ovr_weighted"] = _roc_auc_ovr(said, column, size)
    return metrics


_RANKED: Final = 400_000
"""Probabilities, of rows times classes, that are sorted for an area a class; it takes some 40 ms."""


def _log_loss(column: Array, proba: Array) -> float:
    """Average -log p of the true class, in the dtype of the probabilities."""
    # of two classes the scorer sees the probability of the second only
    of_true = (
        np.where(column, proba[:, 1], 1 - proba[:, 1]) if proba.shape[1] == 2 else proba[np.arange(len(column)), column]
    )
    epsilon = np.finfo(proba.dtype).eps
    return float(np.average(-np.log(np.clip(of_true, epsilon, 1 - epsilon))))


def _roc_auc_ovr(said: Classified, column: Array, size: int) -> float:
    """Average the area of each class against the rest by the class's true rows; one without any has no say."""
    support = np.bincount(column, minlength=size)
    rankings = {place: said.ranking(place) for place in np.flatnonzero(support).tolist()}
    areas = {place: ranking.area for place, ranking in rankings.items() if ranking is not None}
    return float(np.average(list(areas.values()), weights=support[list(areas)]))


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

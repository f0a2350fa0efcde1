"""A classifier's prediction of rows whose truth is known, read once for the metrics and the charts of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autolog_sklearn.labels import NUMBERS, Array, column, columns_of, number_alike
from autolog_sklearn.ranking import Ranking, ranked

__all__ = ["Classified", "Multilabel", "classified"]


class Multilabel(NamedTuple):
    """A prediction of several labels a row: a column for each label, true where the row has it."""

    true: Array
    predicted: Array


@dataclass(eq=False)
class Classified:
    """A prediction of one label a row.

    Args:
        labels: the truth and, where it is known, the prediction, as they were given.
        codes: the same as numbers.
        columns: the codes of the classes that probabilities and scores speak of, in their order.
        column: which of them each row's true one is; None where one is not among them.
        proba: a probability for each row and class.
        scores: of two classes, what is said of the second.
    """

    labels: tuple[Array, ...]
    codes: tuple[Array, ...]
    columns: Array
    column: Array | None
    proba: Array | None
    scores: Array | None
    _rankings: dict[int, Ranking] = field(default_factory=dict)

    def ranking(self, place: int) -> Ranking | None:
        """Rank the rows by what is said of a class, of two the second; None where nothing is."""
        score = self.scores if self.proba is None or len(self.columns) == 2 else self.proba[:, place]
        if score is None or self.column is None:
            return None
        if place not in self._rankings:
            self._rankings[place] = ranked(self.column == place, score)
        return self._rankings[place]


@np.errstate(all="ignore")
def classified(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike | None,
    proba: npt.ArrayLike | None = None,
    classes: npt.ArrayLike | None = None,
    scores: npt.ArrayLike | None = None,
) -> Classified | Multilabel | None:
    """Read a prediction; None where it is none of labels. Arguments as for `classification_metrics`."""
    labels = [column(y_true)] if y_pred is None else [column(y_true), column(y_pred)]
    true = labels[0]
    if any(array.shape != true.shape for array in labels) or true.ndim not in (1, 2) or true.size == 0:
        return None
    if true.ndim == 2:
        return _multilabel(labels)
    known = [] if classes is None or np.size(classes) == 0 else [np.asarray(classes)]
    codes = number_alike([*labels, *known])
    if codes is None:
        return None
    columns = codes[-1] if known else np.unique(codes[0])
    shape = (len(true), len(columns))
    probabilities = _probabilities(proba, shape)
    if scores is None and probabilities is not None and shape[1] == 2:
        scores = probabilities[:, 1]
    return Classified(
        labels=tuple(labels),
        codes=tuple(codes[: len(labels)]),
        columns=columns,
        column=columns_of(codes[0], columns),
        proba=probabilities,
        scores=_scores(scores, shape),
    )


def _multilabel(labels: list[Array]) -> Multilabel | None:
    are_indicators = (each.dtype.kind in NUMBERS and bool(((each == 0) | (each == 1)).all()) for each in labels)
    return Multilabel(labels[0] != 0, labels[1] != 0) if len(labels) == 2 and all(are_indicators) else None


def _probabilities(proba: npt.ArrayLike | None, shape: tuple[int, int]) -> Array | None:
    array = np.asarray(proba)
    if proba is None or array.shape != shape or array.dtype.kind != "f":
        return None
    return array if bool(array.min() >= 0 and array.max() <= 1) else None


def _scores(scores: npt.ArrayLike | None, shape: tuple[int, int]) -> Array | None:
    array = np.asarray(scores)
    if scores is None or shape[1] != 2 or array.shape != shape[:1] or array.dtype.kind not in NUMBERS:
        return None
    return array if bool(np.isfinite(array).all()) else None

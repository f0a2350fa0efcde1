"""Rows ranked by a score: what every threshold would find, sorted once for the areas and the curves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from autolog_sklearn.labels import Array

__all__ = ["Ranking", "ranked", "thinned"]


class Ranking(NamedTuple):
    """How many rows lie at or above each threshold, from the highest to the lowest.

    Args:
        hits: those of the class.
        misses: the others.
        thresholds: the scores, each once.
    """

    hits: Array
    misses: Array
    thresholds: Array

    @property
    def area(self) -> float:
        """Sum the trapezoids below the ROC curve (Fawcett, 2006); nan where a class is missing."""
        hits, misses = self.hits, self.misses
        twice = misses[0] * hits[0] + np.diff(misses) @ (hits[1:] + hits[:-1])
        whole = 2 * misses[-1] * hits[-1]
        return float(twice / whole) if whole else np.nan

    @property
    def average_precision(self) -> float:
        """Average the precision over the hits that each threshold adds; nan without any."""
        steps = np.diff(self.hits, prepend=0)
        return float(steps @ (self.hits / (self.hits + self.misses)) / self.hits[-1]) if self.hits[-1] else np.nan

    def corners(self) -> Ranking:
        """Leave out what lies on a straight line of the ROC curve between its neighbours."""
        bends = (np.diff(self.hits, 2) != 0) | (np.diff(self.misses, 2) != 0)
        return self._where(bends)

    def rises(self) -> Ranking:
        """Leave out what lies on a vertical line of the precision-recall curve between its neighbours."""
        steps = np.diff(self.hits) != 0
        return self._where(steps[:-1] | steps[1:])

    def _where(self, inner: Array) -> Ranking:
        if len(self.hits) < 3:
            return self
        kept = np.concatenate(([True], inner, [True]))
        return Ranking(self.hits[kept], self.misses[kept], self.thresholds[kept])


def ranked(positive: Array, scores: Array) -> Ranking:
    """Rank rows by a score.

    Args:
        positive: whether each row is of the class.
        scores: finite numbers.
    """
    order = np.argsort(scores)[::-1]
    ordered = scores[order]
    ends = _ends_of_ties(ordered)
    hit = positive[order].astype(np.float64)
    return Ranking(np.cumsum(hit)[ends], np.cumsum(1 - hit)[ends], ordered[ends])


def _ends_of_ties(ordered: Array) -> Array:
    ends = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=ends[:-1])
    return np.flatnonzero(ends)


def thinned(x: Array, y: Array, most: int) -> Array:
    """Choose at most `most` points of a curve, its ends among them, spread evenly along its length."""
    if len(x) <= most:
        return np.arange(len(x))
    length = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))))
    chosen = np.searchsorted(length, np.linspace(0, length[-1], most))
    chosen[-1] = len(x) - 1
    return np.unique(chosen)

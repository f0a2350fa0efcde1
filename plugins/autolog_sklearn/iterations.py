"""What a fitted estimator keeps of its iterations: a series each, such as a loss an epoch.

The step is the place in what the estimator keeps, counted from 0. That is the first iteration; where an estimator also
keeps the value from before it (`HistGradientBoosting*`, `BayesianRidge`), 0 is that value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

from autolog_sklearn.kinds import fitted_parts, own_attributes

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["Kept", "Series", "goes_on", "iterations", "kept_before", "log_iterations"]

Kept: TypeAlias = "dict[str, list[float]]"

_MOST: Final = 10_000  # points of a series; of a longer one, points at equal distances and the last

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "loss_curve_": ("loss",),
    "validation_scores_": ("validation_score",),
    "train_score_": ("train_score",),
    "validation_score_": ("validation_score",),
    "oob_improvement_": ("oob_improvement",),
    "oob_scores_": ("oob_score",),
    "lower_bounds_": ("lower_bound",),
    "estimator_errors_": ("estimator_error",),
    "estimator_weights_": ("estimator_weight",),
    "loglike_": ("loglike",),
    "error_": ("error",),
    "costs_": ("cost", "dual_gap"),
}
_OF_ONE: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {  # what other classes give another meaning
    ("BayesianRidge", "scores_"): ("log_marginal_likelihood",),
    ("ARDRegression", "scores_"): ("objective",),
}
_ALLOCATED: Final = {"estimator_errors_": "estimators_", "estimator_weights_": "estimators_"}
"""Arrays that are made before the training, and the lists that say how much of them it filled."""


class Series(NamedTuple):
    """Part of a series.

    Args:
        values: its points.
        steps: of each.
        left_out: how many further points there were.
    """

    values: Sequence[float]
    steps: Sequence[int]
    left_out: int


def log_iterations(run: ActiveRun, estimator: object, before: Kept) -> None:
    """Log what a fit has added to the series that an estimator keeps.

    Args:
        run: the run of the fit.
        estimator: it, fitted.
        before: what it kept before, where the fit went on from there.
    """
    for name, series in iterations(estimator, before).items():
        run.log_series({name: series.values}, series.steps)
        if series.left_out:
            run.note(f"{series.left_out:,} of the points of {name!r} are left out: those between every few")


def iterations(estimator: object, before: Kept) -> dict[str, Series]:
    """Give the series by name; of one that goes on from `before` only what is new, at its true steps."""
    found = {name: (values, _known(values, before.get(name, []))) for name, values in _kept(fitted_parts(estimator))}
    return {name: _bounded(values, known) for name, (values, known) in found.items() if known < len(values)}


def kept_before(estimator: object) -> Kept:
    """Give what an estimator keeps before it is fitted again, if it then goes on from there (`warm_start=True`)."""
    return dict(_kept((prefix, part) for prefix, part in fitted_parts(estimator) if goes_on(part)))


def goes_on(estimator: object) -> bool:
    """Say whether fitting an estimator again goes on from what it has learned."""
    return own_attributes(estimator).get("warm_start") is True


def _kept(parts: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, list[float]]]:
    for prefix, part in parts:
        attributes = own_attributes(part)
        for attribute in attributes:
            names = _NAMES.get(attribute) or _OF_ONE.get((type(part).__name__, attribute), ())
            columns = _columns(attributes, attribute) if names else []
            if len(columns) == len(names):
                yield from ((prefix + name, column) for name, column in zip(names, columns, strict=True))


def _columns(attributes: Mapping[str, Any], attribute: str) -> list[list[float]]:
    """Give the numbers of a series; of one of tuples, those of each place in them."""
    values = attributes[attribute]
    if type(values) not in (list, np.ndarray):
        return []
    filled = attributes.get(_ALLOCATED.get(attribute, ""))
    array = np.asarray(values)[: None if filled is None else len(filled)]
    if array.dtype.kind not in "iuf" or array.ndim not in (1, 2):
        return []
    columns: list[list[float]] = np.atleast_2d(array.T).tolist()
    return columns


def _known(values: list[float], before: list[float]) -> int:
    """Say how many points were there before; none, where the series was begun anew."""
    return len(before) if values[: len(before)] == before else 0


def _bounded(values: list[float], start: int) -> Series:
    steps: Sequence[int] = range(start, len(values))
    if len(steps) > _MOST:
        steps = sorted({*steps[:: -(-len(steps) // (_MOST - 1))], steps[-1]})
    return Series([values[step] for step in steps], steps, len(values) - start - len(steps))

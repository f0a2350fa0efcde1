"""What is recorded of `xgboost.cv`: a child run a fold with its series, and the means over the folds on the parent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from autolog.capture.boosting import recorded_cross_validation
from autolog.capture.calls import Call
from autolog.capture.folds import folds_of
from autolog.hookspecs import Steps
from autolog_xgboost.training import XGBOOST

__all__ = ["on_cv", "on_round"]

on_cv = partial(recorded_cross_validation, XGBOOST)


def on_round(call: Call) -> Steps:
    """Log a round: of each fold what XGBoost's function for the means is given, of all folds what it gives."""
    folds = folds_of(call)
    if folds is None:
        return
    outcome = yield None
    if outcome.error is None:
        lines = [each if isinstance(each, str) else each.decode() for each in call.argument(0, "rlist")]
        folds.log(int(lines[0].split()[0].strip("[]")), map(_values, lines), _means(outcome.result))


def _means(results: Iterable[tuple[str, float, float]]) -> Iterator[tuple[str, float]]:
    """Give means and deviations as `cv` names them."""
    for name, mean, deviation in results:
        yield f"{name}-mean", mean
        yield f"{name}-std", deviation


def _values(line: str) -> Iterator[tuple[str, float]]:
    """Read what a fold's booster says of a round: `[0]`, then name and value of each metric."""
    for each in line.split()[1:]:
        name, _, value = each.rpartition(":")
        yield name, float(value)

"""What is recorded of `xgboost.cv`: a child run a fold with its series, and the means over the folds on the parent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from autolog import guard
from autolog.capture.calls import Call
from autolog.capture.folds import Folds, folds_of
from autolog_xgboost import matrices, params
from autolog_xgboost.rounds import RoundsCallback, with_callback
from autolog_xgboost.training import BOOSTER, Steps

__all__ = ["on_cv", "on_round"]


def on_cv(call: Call) -> Steps:
    """Record a cross-validation."""
    run = call.start_run("xgboost.cv", BOOSTER)
    if run is None:
        return
    given = call.given()
    guard.call("xgboost.cv_params", run, lambda: run.log_params(params.given_params(given)))
    guard.call("xgboost.cv_data", run, matrices.log_data, call, run, given)
    callback = RoundsCallback(None)
    with Folds(run, params.count_of_rounds(given)) as folds:
        outcome = yield with_callback(call, callback)
        if outcome.error is None:
            folds.finished()
            run.log_metrics(callback.best)


def on_round(call: Call) -> Steps:
    """Log a round: of each fold what XGBoost's function for the means is given, of all folds what it gives."""
    folds = folds_of(call.enclosing_run)
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

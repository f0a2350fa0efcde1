"""Cross-validation and its curves: a run with a child a fold, a point or a permutation, scored as returned."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from autolog import guard
from autolog.capture.calls import Call
from autolog.capture.predictions import remember_prediction_of
from autolog.progress import Progress
from autolog_sklearn.fits import Steps, estimator_tags, log_data
from autolog_sklearn.params import named_params
from autolog_sklearn.splits import Unit, complete, point_name

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["on_cross_validation"]

Units: TypeAlias = "Iterator[tuple[Unit, dict[str, float]]]"

_DATA: Final = frozenset({"estimator", "X", "y", "groups", "sample_weight", "fit_params", "params"})


def on_cross_validation(call: Call) -> Steps:
    """Record a cross-validation: what was validated, on what, and what it gave."""
    estimator = call.argument(0, "estimator")
    run = call.start_run(call.name, estimator_tags(estimator))
    if run is None:
        yield None
        return
    guard.call("sklearn.cv_params", run, _log_params, call, run, estimator)
    guard.call("sklearn.cv_data", run, log_data, call, run, call.argument(1, "X"), call.argument(2, "y"))
    guard.call("sklearn.cv_plan", run, _plan, call)
    with Progress(run) as progress:
        progress.expect(guard.call("sklearn.cv_count", run, _count, call) or 0)
        outcome = yield None
    if outcome.error is None:
        guard.call("sklearn.cv_results_of", run, _RESULTS[call.name], run, outcome.result, call)


def _log_params(call: Call, run: ActiveRun, estimator: Any) -> None:
    given = {name: value for name, value in call.given().items() if name not in _DATA and value is not None}
    run.log_params(named_params({"estimator": estimator, **given}))


def _plan(call: Call) -> None:
    """Hand on what kind of units the call is made of."""
    kind = {"validation_curve": "points", "learning_curve": "sizes", "permutation_test_score": "permutations"}
    call.hand_on(kind=kind.get(call.name, "folds"))
    if call.name == "validation_curve":
        call.hand_on(points=len(call.given()["param_range"]))


def _count(call: Call) -> int:
    """Say how many folds or permutations there will be; 0 where only a splitter of the user's knows."""
    given = call.given()
    if call.name == "permutation_test_score":
        return int(given.get("n_permutations", _USUAL_PERMUTATIONS))
    cv = _USUAL_FOLDS if given.get("cv") is None else given["cv"]
    return int(cv) if isinstance(cv, numbers.Integral) and not call.name.endswith("_curve") else 0


_USUAL_FOLDS: Final = 5  # of `cv=None`
_USUAL_PERMUTATIONS: Final = 100


# ---- results


def _log_folds(run: ActiveRun, scores: Mapping[str, Sequence[float]]) -> None:
    """Log the scores of folds as series of the parent with their means, and write the folds that are missing."""
    _note_missing(run, _fold_units(scores))
    means = {f"mean_{name}": [float(np.mean(values))] for name, values in scores.items()}
    deviations = {f"std_{name}": [float(np.std(values))] for name, values in scores.items()}
    run.log_series({**scores, **means, **deviations})


def _fold_units(scores: Mapping[str, Sequence[float]]) -> Units:
    for fold in range(max(map(len, scores.values()), default=0)):
        unit = Unit(fold, f"fold {fold}", {}, fold, 1)
        yield unit, {name: float(values[fold]) for name, values in scores.items()}


def _log_cross_validate(run: ActiveRun, result: Any, call: Call) -> None:
    scored = ("fit_time", "score_time", "test_", "train_")
    _log_folds(run, {name: values.tolist() for name, values in result.items() if name.startswith(scored)})


def _log_cross_val_score(run: ActiveRun, result: Any, call: Call) -> None:
    _log_folds(run, {"test_score": result.tolist()})


def _log_cross_val_predict(run: ActiveRun, result: Any, call: Call) -> None:
    """Have metrics of the predictions linked to the run. Their folds have no scores to be written from."""
    given = (*call.args, *call.kwargs.values())
    for each in result if isinstance(result, list) else [result]:
        remember_prediction_of(run, each, call.variable_name(call.argument(1, "X")), given)


def _log_validation_curve(run: ActiveRun, result: Any, call: Call) -> None:
    given = call.given()
    points = [{given["param_name"]: value} for value in given["param_range"]]
    scores = dict(zip(("train_score", "test_score"), result, strict=True))
    _log_curve(run, [(point_name(each), each) for each in points], scores)


def _log_learning_curve(run: ActiveRun, result: Any, call: Call) -> None:
    sizes, *scores = result
    points = [(f"train_size={size}", {"train_size": int(size)}) for size in sizes]
    names = ("train_score", "test_score", "fit_time", "score_time")
    _log_curve(run, points, dict(zip(names, scores, strict=False)), [int(size) for size in sizes])


def _log_curve(
    run: ActiveRun, points: list[tuple[str, dict[str, Any]]], scores: Mapping[str, Any], steps: list[int] | None = None
) -> None:
    """Log a curve's means over the folds as series of the parent, and each point's on the point.

    Args:
        run: the parent.
        points: name and params of each.
        scores: arrays of a row a point and a column a fold.
        steps: of the points in the parent's series; their numbers where not given.
    """
    _note_missing(run, _curve_units(points, scores))
    means = {f"mean_{name}": values.mean(axis=1) for name, values in scores.items()}
    means |= {f"std_{name}": values.std(axis=1) for name, values in scores.items()}
    run.log_series({name: values.tolist() for name, values in means.items()}, steps)
    for number in range(len(points)):
        run.child(number, "").log_series({name: [float(values[number])] for name, values in means.items()})


def _curve_units(points: list[tuple[str, dict[str, Any]]], scores: Mapping[str, Any]) -> Units:
    for number, (name, params) in enumerate(points):
        for split in range(next(iter(scores.values())).shape[1]):
            unit = Unit(number, name, params, split, None, "split_")
            yield unit, {f"split_{score}": float(values[number, split]) for score, values in scores.items()}


def _log_permutations(run: ActiveRun, result: Any, call: Call) -> None:
    score, scores, pvalue = result
    units = [(Unit(number, f"permutation {number}", {}, 0, 1), float(value)) for number, value in enumerate(scores)]
    _note_missing(run, ((unit, {"permutation_score": value}) for unit, value in units))
    run.log_series({"permutation_score": scores.tolist()})
    run.log_metrics({"score": float(score), "pvalue": float(pvalue)})


def _note_missing(run: ActiveRun, units: Units) -> None:
    missing = complete(run, units)
    if missing:
        run.note(f"{missing} splits were written at the end, from what was returned: where they ran, nothing could be")


_RESULTS: Final[Mapping[str, Callable[[ActiveRun, Any, Call], None]]] = {
    "cross_validate": _log_cross_validate,
    "cross_val_score": _log_cross_val_score,
    "cross_val_predict": _log_cross_val_predict,
    "validation_curve": _log_validation_curve,
    "learning_curve": _log_learning_curve,
    "permutation_test_score": _log_permutations,
}

"""One split of a candidate, one fold, one point of a curve: recorded where it runs, in whichever thread or process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from autolog import guard
from autolog.capture.calls import Call
from autolog.hookspecs import Outcome
from autolog.recording.candidates import candidate, kept_splits, log_split, unwritten
from autolog.recording.endings import error_facts
from autolog_sklearn.failures import Errors, passed_error, watched
from autolog_sklearn.fits import Steps, led_by
from autolog_sklearn.params import named_params

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["Unit", "complete", "on_increments", "on_permutation", "on_split", "on_train_sizes", "point_name"]


class Unit(NamedTuple):
    """The unit of work: a split of a candidate.

    Args:
        number: of the candidate, which is a child run of the search.
        name: of that run.
        params: those that make it this candidate.
        split: the number of the split.
        splits: how many splits a candidate has, None where that is not known yet.
        prefix: of the names of the metrics: "split_" where a candidate has several splits.
        tags: of the candidate's run.
    """

    number: int
    name: str
    params: Mapping[str, Any]
    split: int
    splits: int | None
    prefix: str = ""
    tags: Mapping[str, Any] = {}


def on_split(call: Call) -> Steps:
    """Record a split, if the recorded call that it is part of has handed on what kind of units it is made of."""
    handed, parent = call.handed, call.enclosing_run
    unit_of = _KINDS.get(handed.get("kind", ""))
    if unit_of is None or parent is None or not parent.records:
        return
    given = call.given()
    unit = unit_of(call, given)
    if unit is None:
        return
    run = parent if handed.get("capped") else _run_of(parent, unit)
    call.record_on(run)
    named = None if run is parent else unit.prefix and f"split{unit.split}_"
    call.hand_on(prefix=named, split=True, **led_by(given.get("estimator")))
    errors: Errors = []
    scorer = guard.call("sklearn.scorer", run, watched, given.get("scorer"), errors)
    outcome = yield None if scorer is None else call.with_argument("scorer", scorer)
    error = passed_error(outcome.result, errors, run)
    if outcome.error is not None:
        if _is_interrupted(outcome):
            return
        error = error_facts(outcome.error, run)
    said: dict[str, Any] = {"candidate": unit.number, "params": named_params(unit.params)} if run is parent else {}
    if isinstance(outcome.result, dict) and "n_test_samples" in outcome.result:
        said["n_test_samples"] = outcome.result["n_test_samples"]
    log_split(run, unit.split, _metrics(outcome.result, unit.prefix), error, **said)


def on_increments(call: Call) -> Steps:
    """Record what one fold gave for each training size, where they are trained one after another."""
    parent, sizes = call.enclosing_run, call.argument(6, "train_sizes")
    if call.handed.get("kind") != "sizes" or parent is None or not parent.records:
        return
    call.record_on(parent)
    outcome = yield None
    for number, scores in enumerate(() if outcome.result is None else outcome.result):
        unit = Unit(number, *_size(sizes[number]), call.task or 0, None)
        names = ("train_score", "test_score", "fit_time", "score_time")
        metrics = {f"split_{name}": float(score) for name, score in zip(names, scores, strict=False)}
        log_split(_run_of(parent, unit), unit.split, metrics)


def on_permutation(call: Call) -> Steps:
    """Record what the permuted data gave; the score of the data as it is stands on the parent."""
    parent = call.enclosing_run
    if call.handed.get("kind") != "permutations" or parent is None or not parent.records or call.task is None:
        return
    run = _run_of(parent, Unit(call.task, f"permutation {call.task}", {}, 0, 1))
    call.record_on(run)
    outcome = yield None
    if _is_interrupted(outcome):
        return
    metrics = {} if outcome.result is None else {"permutation_score": float(outcome.result)}
    log_split(run, 0, metrics, error_facts(outcome.error, run))


def _is_interrupted(outcome: Outcome) -> bool:
    """Say whether a split neither ended nor failed, as by Ctrl-C; what becomes of it follows from the whole."""
    return outcome.error is not None and not isinstance(outcome.error, Exception)


def on_train_sizes(call: Call) -> Steps:
    """Add how many training sizes there are to what a learning curve hands on to its tasks."""
    outcome = yield None
    if call.handed.get("kind") == "sizes" and outcome.error is None:
        call.hand_back(sizes=len(outcome.result))


def complete(parent: ActiveRun, units: Iterable[tuple[Unit, Mapping[str, float]]]) -> int:
    """Write those splits that no run of a candidate has, and say how many could not be written where they ran."""
    expected = {(unit.number, unit.split): (unit, metrics) for unit, metrics in units}
    missing = unwritten(parent, expected)
    kept = kept_splits(parent) if missing else {}
    for key in missing:
        unit, metrics = expected[key]
        told = kept.get(key, {})
        log_split(_run_of(parent, unit), unit.split, told.get("metrics", metrics), told.get("error"))
    return len(set(missing) - kept.keys())


def _run_of(parent: ActiveRun, unit: Unit) -> ActiveRun:
    def params() -> Mapping[str, Any]:
        return guard.call("sklearn.candidate_params", parent, named_params, unit.params) or {}

    return candidate(parent, unit.number, unit.name, params, splits=unit.splits, tags=unit.tags)


# ---- what unit a call is


def _of_search(call: Call, given: Mapping[str, Any]) -> Unit | None:
    progress, split = given.get("candidate_progress"), given.get("split_progress")
    if progress is None or split is None:
        return None
    handed = call.handed
    number = handed["offset"] + progress[0]
    tags = {name: values[progress[0] % len(values)] for name, values in handed.get("tags", {}).items()}
    params = given.get("parameters") or {}
    return Unit(number, f"candidate {number}", params, split[0], split[1], "split_", tags)


def _of_folds(call: Call, given: Mapping[str, Any]) -> Unit | None:
    return None if call.task is None else Unit(call.task, f"fold {call.task}", {}, call.task, 1)


def _of_points(call: Call, given: Mapping[str, Any]) -> Unit | None:
    """Take apart the number of a task of `validation_curve`: of each fold all points, then the next fold."""
    params = given.get("parameters")
    if call.task is None or params is None:
        return None
    split, point = divmod(call.task, call.handed["points"])
    return Unit(point, point_name(params), params, split, None, "split_")


def point_name(params: Mapping[str, Any]) -> str:
    """Name a point of a curve by the params that make it."""
    shown = ((name, value if isinstance(value, _PLAIN) else "…") for name, value in named_params(params).items())
    return ", ".join(f"{name}={value}" for name, value in shown)


_PLAIN: Final = (str, int, float, type(None))


def _of_sizes(call: Call, given: Mapping[str, Any]) -> Unit | None:
    sizes, train = call.handed.get("sizes"), given.get("train")
    if call.task is None or sizes is None or train is None:
        return None
    split, number = divmod(call.task, sizes)
    return Unit(number, *_size(len(train)), split, None, "split_")


def _size(train_size: Any) -> tuple[str, dict[str, int]]:
    return f"train_size={int(train_size)}", {"train_size": int(train_size)}


_KINDS: Final[Mapping[str, Callable[[Call, Mapping[str, Any]], Unit | None]]] = {
    "search": _of_search,
    "folds": _of_folds,
    "points": _of_points,
    "sizes": _of_sizes,
}


# ---- what a split gave


def _metrics(result: Any, prefix: str) -> dict[str, float]:
    """Give scores and times by the names that `cv_results_` and `cross_validate` have for them."""
    if not isinstance(result, dict):
        return {}
    found: dict[str, float] = {}
    for name in ("fit_time", "score_time"):
        if name in result:
            found[prefix + name] = float(result[name])
    for kind in ("test", "train"):
        scores = result.get(f"{kind}_scores")
        by_name = scores if isinstance(scores, dict) else {} if scores is None else {"score": scores}
        for name, score in by_name.items():
            found[f"{prefix}{kind}_{name}"] = float(score)
    return found

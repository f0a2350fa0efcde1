"""Searches over candidates: the run of the search, and what is known of its candidates when it has ended."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from autolog import guard
from autolog.capture.calls import Call
from autolog.hookspecs import Arguments, Outcome
from autolog.patching import UNSEEN, unseen
from autolog.progress import Progress
from autolog.recording.checks import matches
from autolog.recording.context import handing
from autolog.recording.redaction.values import redact
from autolog.tables import table_bytes
from autolog_sklearn.fits import Steps, led_by, recorded_fit, saved_class
from autolog_sklearn.params import named_params
from autolog_sklearn.splits import Unit, complete

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["on_run_search", "on_search"]


def on_search(call: Call) -> Steps:
    """Record a search: as any fit, and with a child run a candidate.

    Where a subclass's own `fit` called this one, that call's run is the search's.
    """
    fitting = (os.getpid(), id(call.instance))
    is_continued = call.handed.get("fitting") == fitting
    capped = call.settings.max_tuning_runs is not None
    is_inner = call.handed.get("inner") if is_continued else "kind" in call.handed
    if not call.records:
        yield from recorded_fit(call)
        return
    total = call.handed["total"] if is_continued else [0]  # of all candidates that this run has had
    # where the fit that searched has logged it, the one around that does not
    logged: list[bool] = call.handed["logged"] if is_continued else []
    known = {"kind": "search", "fitting": fitting, "offset": 0, "capped": capped, "inner": is_inner}
    counted = {"rounds": [], "total": total, "first": total[0], "logged": logged}
    plan = call.hand_on(**known, **counted, saves=saved_class(call.instance), **led_by(call.instance))
    outcome: Outcome = (yield None) if is_continued else (yield from recorded_fit(call))
    run = call.enclosing_run if is_continued else call.run
    if run is not None and run.records and outcome.error is None and (is_continued or not logged):
        guard.call("sklearn.search", run, _log_search, run, call, plan)
        logged.append(True)


# ---- while it runs


def on_run_search(call: Call) -> Steps:
    """Have each round of candidates numbered on from the round before, and a terminal told how far they are."""
    rounds, evaluate = call.handed.get("rounds"), call.argument(0, "evaluate_candidates")
    if rounds is None or hasattr(evaluate, "_autolog_rounds"):
        return
    refit = vars(call.instance).get("refit")
    scores = (f"mean_test_{refit}" if type(refit) is str else "mean_test_score", "mean_test_score")
    total = call.handed["total"]
    with Progress(None if call.handed["inner"] else call.enclosing_run, scores) as progress:
        numbered = _numbered(evaluate, rounds, total, progress)
        if call.args:
            yield Arguments((numbered, *call.args[1:]), call.kwargs)
        else:
            yield Arguments((), {**call.kwargs, "evaluate_candidates": numbered})


def _numbered(
    evaluate: Callable[..., Any], rounds: list[tuple[int, int]], total: list[int], progress: Progress
) -> Callable[..., Any]:
    """Give what tries candidates; it notes in `rounds` the first number and the count of those that it has tried."""

    @functools.wraps(evaluate)
    @unseen
    def evaluate_candidates(candidate_params: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            candidates = list(candidate_params)
            offset = total[0]
            total[0] += len(candidates)
            progress.expect(len(candidates))
            tags = guard.call("sklearn.round", None, _round_tags, *args, **kwargs) or {}
            with handing({"offset": offset, "tags": tags, "rounds": None, "total": None, "logged": None}):
                results = evaluate(candidates, *args, **kwargs)
        except BaseException:
            UNSEEN.leave()
            raise
        rounds.append((offset, len(candidates)))
        return results

    evaluate_candidates._autolog_rounds = rounds  # type: ignore[attr-defined]  # noqa: SLF001
    return evaluate_candidates


def _round_tags(cv: Any = None, more_results: Mapping[str, Any] | None = None, **_: Any) -> dict[str, list[Any]]:
    """Give what a search says of all candidates of a round, such as a halving's iteration: a value each, or one."""
    return {
        name: list(values[:1]) if all(value == values[0] for value in values) else list(values)
        for name, values in (more_results or {}).items()
        if len(values) and all(isinstance(value, (int, float, str)) for value in values)
    }


# ---- when it has ended


def _log_search(run: ActiveRun, call: Call, plan: Mapping[str, Any]) -> None:
    fitted = vars(call.instance)
    results = fitted.get("cv_results_")
    if results is None:
        run.note("no candidates: the search kept no cv_results_")
        return
    numbers = [number for offset, count in plan["rounds"] for number in range(offset, offset + count)]
    if len(numbers) != len(results["params"]):
        numbers = list(range(plan["first"], plan["first"] + len(results["params"])))
    rows = _rows(results, call.settings.max_tuning_runs)
    guard.call("sklearn.candidates", run, _log_candidates, run, results, {row: numbers[row] for row in rows})
    guard.call("sklearn.best", run, _log_best, run, fitted, numbers)
    guard.call("sklearn.cv_results", run, _log_table, run, results)


def _rows(results: Mapping[str, Any], most: int | None) -> list[int]:
    """Give the rows that become child runs: all, or those of the best ranks."""
    count = len(results["params"])
    ranks = next((results[name] for name in results if name.startswith("rank_test_")), range(count))
    return list(range(count)) if most is None else sorted(range(count), key=lambda row: ranks[row])[:most]


def _log_candidates(run: ActiveRun, results: Mapping[str, Any], numbers: Mapping[int, int]) -> None:
    """Write what no process has written, and then what only the whole search can tell: exact means, and ranks."""
    units = [unit for row, number in numbers.items() for unit in _units(results, row, number)]
    missing = complete(run, units)
    if missing:
        run.note(
            f"{missing} of {len(units)} splits were written when the search had ended, from cv_results_, "
            "without their times: where they ran, nothing could be written"
        )
    names = [name for name in results if name.startswith(("mean_", "std_", "rank_"))]
    for row, number in numbers.items():
        run.child(number, "").log_series({name: [float(results[name][row])] for name in names})


def _units(results: Mapping[str, Any], row: int, number: int) -> Iterator[tuple[Unit, dict[str, float]]]:
    """Give a row of `cv_results_` as splits."""
    scores = [name.removeprefix("split0_") for name in results if name.startswith("split0_")]
    splits = sum(name.startswith("split") and name.endswith(f"_{scores[0]}") for name in results) if scores else 0
    more = {
        name: results[name][row].item() if isinstance(results[name][row], np.generic) else results[name][row]
        for name in results
        if not name.startswith(("mean_", "std_", "rank_", "param", "split"))
    }
    for split in range(splits):
        unit = Unit(number, f"candidate {number}", results["params"][row], split, splits, "split_", more)
        yield unit, {f"split_{score}": float(results[f"split{split}_{score}"][row]) for score in scores}


def _log_best(run: ActiveRun, fitted: Mapping[str, Any], numbers: list[int]) -> None:
    best = fitted.get("best_index_")
    if best is None:
        run.note("no best candidate: several metrics, and refit=False")
        return
    run.set_tags({"best_child_run_id": run.child(numbers[int(best)], "").run_id})
    run.log_params({f"best_{name}": value for name, value in _logged_params(run, fitted["best_params_"]).items()})
    if "best_score_" in fitted:
        run.log_metric("best_cv_score", float(fitted["best_score_"]))


def _log_table(run: ActiveRun, results: Mapping[str, Any]) -> None:
    columns = {name: values.tolist() for name, values in results.items() if not name.startswith("param")}
    candidates = [_logged_params(run, params) for params in results["params"]]
    searched = {name: None for params in candidates for name in params if f"param_{name}" in results}
    columns |= {f"param_{name}": [params.get(name) for params in candidates] for name in searched}
    columns["params"] = candidates
    table = {name: columns[name] for name in results if name in columns}
    run.add_file("cv_results.json", table_bytes(table, ".json"))


def _logged_params(run: ActiveRun, params: Mapping[str, Any]) -> dict[str, Any]:
    """Give params as they are logged: without those that are excluded, and without secrets."""
    named = {name: value for name, value in named_params(params).items() if name in params}
    kept = {name: value for name, value in named.items() if not matches(name, run.settings.exclude_params)}
    return {name: redact(name, value, run.settings.redact) for name, value in kept.items()}

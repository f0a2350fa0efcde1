"""What `sklearn.inspection` gives of a model, as small tables among the files of the model's run."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from autolog import guard
from autolog.capture.calls import Call
from autolog.tables import table_bytes
from autolog_sklearn.metrics import Steps, is_users, linked_run
from autolog_sklearn.naming import key

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["on_partial_dependence", "on_permutation_importance"]

_MOST: Final = 1_000  # rows of a table


def on_permutation_importance(call: Call) -> Steps:
    """Keep the mean and deviation of each feature's importance, for each metric."""
    outcome = yield None
    if outcome.error is None and is_users(call):
        guard.call(
            "sklearn.permutation_importance", linked_run(_model(call))[0], _log_importances, call, outcome.result
        )


def on_partial_dependence(call: Call) -> Steps:
    """Keep what a model predicts on average at each point of a grid."""
    outcome = yield None
    if outcome.error is None and is_users(call):
        guard.call("sklearn.partial_dependence", linked_run(_model(call))[0], _log_dependence, call, outcome.result)


def _model(call: Call) -> Any:
    return call.argument(0, "estimator")


def _log_importances(call: Call, result: Any) -> None:
    """Several metrics give a result each, and otherwise there is one."""
    results: Mapping[str, Any] = {"": result} if "importances_mean" in result else result
    rows = [
        (metric, feature, float(mean), float(std))
        for metric, each in results.items()
        for feature, mean, std in zip(
            _features(call, len(each["importances_mean"])),
            each["importances_mean"],
            each["importances_std"],
            strict=True,
        )
    ]
    columns = dict(
        zip(("metric", "feature", "importance_mean", "importance_std"), zip(*rows, strict=True), strict=True)
    )
    if "" in results:
        del columns["metric"]
    _add_table(call, columns)


def _log_dependence(call: Call, result: Any) -> None:
    """Rows are the points of the grid, with a column for each feature and each output."""
    grid = [values.tolist() for values in result.get("grid_values", result.get("values"))]
    chosen = _chosen(call, len(grid))
    points = list(itertools.islice(itertools.product(*grid), _MOST + 1))
    columns = dict(zip(chosen, map(list, zip(*points, strict=True)), strict=True))
    if "average" in result and len(points) <= _MOST:
        averages = np.asarray(result["average"]).reshape(len(result["average"]), -1).tolist()
        columns |= {f"average_{number}" if number else "average": values for number, values in enumerate(averages)}
    if "average" in result:
        _add_table(call, columns)


def _chosen(call: Call, count: int) -> list[str]:
    """Name the features of the grid as the user chose them."""
    features = call.argument(2, "features")
    listed = list(features) if isinstance(features, (list, tuple, np.ndarray)) else [features]
    flat = [part for each in listed for part in (each if isinstance(each, (list, tuple)) else [each])]
    names = _features(call, 0)
    shown = [names[each] if isinstance(each, int) and each < len(names) else str(each) for each in flat]
    return shown if len(set(shown)) == count else [f"feature_{number}" for number in range(count)]


def _features(call: Call, count: int) -> list[str]:
    """Name the features by the model, else by the data's columns, else by number."""
    fitted = getattr(_model(call), "__dict__", {}).get("feature_names_in_")
    if type(fitted) is np.ndarray:
        return [str(name) for name in fitted.tolist()]
    described = call.describe(call.argument(1, "X"))
    named = [column.name for column in described.columns] if described is not None else []
    return named or [str(number) for number in range(count)]


def _add_table(call: Call, columns: Mapping[str, Sequence[Any]]) -> None:
    """Keep a table under the function's name and the data's; a further one gets a number."""
    run, how = linked_run(_model(call))
    if run is None:
        return
    name = key(call.name, call.variable_name(call.argument(1, "X")), {}, how)
    count = run.next_number(name)
    if len(next(iter(columns.values()), ())) > _MOST:
        _note(run, name)
    else:
        run.add_file(f"{name}_{count}.json" if count else f"{name}.json", table_bytes(columns, ".json"))


def _note(run: ActiveRun, name: str) -> None:
    run.note(f"the table {name} is missing: it has more than {_MOST:,} rows")

"""What a fitted model has learned of each feature: importances and coefficients, under the features' names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from joblib import parallel_backend

from autolog.recording.charts import MOST, Chart, chart
from autolog_sklearn.kinds import fitted_parts, own_attributes
from autolog_sklearn.labels import Array
from autolog_sklearn.own_code import is_own

__all__ = ["weight_charts"]

_A_TREE: Final = 60e-6  # seconds that reading one takes
_A_NAME: Final = 2e-6  # seconds that a transformer takes to give one
_LARGEST: Final = 2_000_000  # coefficients that are looked through
_NAMERS: Final = ("importance_getter", "feature_names_out", "verbose_feature_names_out", "feature_name_combiner")
"""Params of transformers that may be a user's function."""


def weight_charts(model: Any, budget: float) -> Iterator[Chart]:
    """Give the importances and coefficients of a fitted model of scikit-learn's own, the greatest first.

    Args:
        model: of a pipeline, the last step counts; of a search, the best estimator.
        budget: seconds that it may take to have them computed.
    """
    *before, (_, last) = fitted_parts(model)
    attributes = own_attributes(last)
    importances = _importances(last, attributes, budget)
    coefficients: Any = attributes.get("coef_")
    if importances is not None:
        kept = _greatest(importances, MOST)
        names = _names([part for _, part in before], attributes, len(importances), kept, budget)
        columns = {"feature": names, "importance": importances[kept]}
        yield chart("feature_importances", columns, of="model", **_left_out(len(importances) - len(kept)))
    if _are_weights(coefficients) and coefficients.ndim in (1, 2):
        rows = np.atleast_2d(coefficients)
        kept = _greatest(np.abs(rows).max(axis=0), max(1, MOST // len(rows)))
        names = _names([part for _, part in before], attributes, rows.shape[1], kept, budget)
        yield _coefficients(rows, kept, names, attributes)


def _are_weights(values: Any) -> bool:
    return type(values) is np.ndarray and values.dtype.kind == "f" and 0 < values.size <= _LARGEST


def _greatest(values: Array, most: int) -> Array:
    """Give the places of the greatest values, the greatest first, of equal ones the first one; NaN is the least."""
    order = -values
    among = np.arange(len(order))
    if len(order) > most:  # to sort all of them takes longer
        among = np.flatnonzero(~(order > np.partition(order, most - 1)[most - 1]))
    return among[np.argsort(order[among], kind="stable")[:most]]


def _left_out(count: int) -> Mapping[str, int]:
    return {"features_left_out": count} if count else {}


# ---- importances


def _importances(last: Any, attributes: Mapping[str, Any], budget: float) -> Array | None:
    """Give the importances that a model keeps, or computes from its trees where they are not too many."""
    members = attributes.get("estimators_")
    trees = members.ravel().tolist() if type(members) is np.ndarray else members if type(members) is list else [last]
    if len(trees) * _A_TREE > budget or not all("tree_" in own_attributes(each) for each in trees):
        return None  # a member that a user wrote would be asked
    with parallel_backend("sequential"):
        found: Any = getattr(last, "feature_importances_", None)
    return found if _are_weights(found) and found.ndim == 1 else None


# ---- coefficients


def _coefficients(rows: Array, kept: Array, names: list[str], attributes: Mapping[str, Any]) -> Chart:
    """Give a table with a row for each of the features kept and class or output."""
    shown = rows[:MOST, kept]
    columns = {
        "feature": [name for name in names for _ in shown],
        "of": [label for _ in kept for label in _labels(len(rows), attributes)[:MOST]],
        "coefficient": shown.T.ravel(),
    }
    return chart("coefficients", columns, of="model", **_left_out(rows.shape[1] - len(kept)))


def _labels(count: int, attributes: Mapping[str, Any]) -> list[Any]:
    """Name what the rows of coefficients speak for: the class that they favour, or the number of the output."""
    classes: Any = attributes.get("classes_")
    is_plain = type(classes) is np.ndarray and classes.ndim == 1 and not classes.dtype.hasobject
    labels: list[Any] = classes.tolist() if is_plain or _are_texts(classes) else []
    if len(labels) == 2 and count == 1:
        return labels[1:]
    return labels if len(labels) == count else list(range(count))


def _are_texts(values: Any) -> bool:
    return type(values) is np.ndarray and set(map(type, values.ravel().tolist())) == {str}


# ---- names


def _names(before: list[Any], attributes: Mapping[str, Any], count: int, kept: Array, budget: float) -> list[str]:
    """Name those of the features that are kept: as the model has seen them, or the steps before it, else by number."""
    known: Any = attributes.get("feature_names_in_")
    if known is None and before and count * _A_NAME <= budget:
        known = _named_by(before)
    if type(known) is np.ndarray and known.shape == (count,) and _are_texts(known[kept]):
        names: list[str] = known[kept].tolist()
        return names
    return [f"x{number}" for number in kept.tolist()]


def _named_by(steps: list[Any]) -> Any:
    """Have a pipeline's transformers pass on the names, where that is scikit-learn's code only."""
    if not all(map(_names_by_itself, steps)):
        return None
    names = None
    with contextlib.suppress(ValueError, AttributeError):  # where it was fitted to data of other names
        for step in steps:
            if not isinstance(step, (str, type(None))):
                names = step.get_feature_names_out(names)
        return names
    return None


def _names_by_itself(step: Any) -> bool:
    """Say whether a transformer and those inside it name their outputs without a user's code."""
    if step is None or isinstance(step, str):
        return True
    if not is_own(type(step)) or not hasattr(step, "get_feature_names_out"):
        return False
    attributes = vars(step)
    if "importance_getter" in attributes and not is_own(type(attributes.get("estimator_"))):
        return False
    inner = attributes.get("transformers_") or attributes.get("transformer_list") or attributes.get("steps") or ()
    texts = all(not isinstance(each, np.ndarray) or _is_plain(each) for each in attributes.get("categories_", ()))
    return (
        texts
        and not any(map(callable, map(attributes.get, _NAMERS)))
        and all(_names_by_itself(each[1]) for each in inner)
    )


def _is_plain(values: Any) -> bool:
    """Say whether naming a category runs no code of the user's."""
    return not values.dtype.hasobject or set(map(type, values.tolist())) <= {str, int, float, bool, type(None)}

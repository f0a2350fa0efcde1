"""An estimator's deep params, with their types, under scikit-learn's names (`step__param`)."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator

from autolog.capture.kept_params import has_all_params, kept_params

__all__ = ["deep_params", "named_params", "own_params"]

_DEEPEST: Final = 20


def deep_params(estimator: BaseEstimator) -> dict[str, Any]:
    """Give the params of an estimator and of those inside it.

    An estimator as a value is given by its class's name. A `get_params` or a property that a user wrote is not called.
    """
    return named_params(own_params(estimator))


def named_params(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give params as they were given by name, and those of the estimators among them; a later one goes before."""
    return dict(_walk(values, "", 0))


def _walk(values: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if type(value) is str and value == "deprecated":
            continue  # scikit-learn's mark for "this param is going away, and was not given"
        yield prefix + name, _shown(value)
        if depth < _DEEPEST:
            for label, inner in _estimators(name, value):
                yield from _walk(own_params(inner), f"{prefix}{label}__", depth + 1)


def own_params(estimator: BaseEstimator) -> dict[str, Any]:
    """Read what `__init__` keeps under its arguments' names; else ask a library that has its own way of telling.

    That way is not taken where it need not be: XGBoost's draws a number where a param is a random state.
    """
    own_way = inspect.unwrap(type(estimator).get_params)
    is_librarys = own_way is not inspect.unwrap(BaseEstimator.get_params) and _is_installed(own_way)
    if is_librarys and not has_all_params(estimator):
        found: dict[str, Any] = estimator.get_params(deep=False)
        return found
    return kept_params(estimator)


def _is_installed(function: object) -> bool:
    return "-packages" in getattr(getattr(function, "__code__", None), "co_filename", "")


def _shown(value: Any) -> Any:
    """Put the classes' names in place of estimators, and the number of splits in place of the rows of each."""
    if type(value) in (list, tuple) and value and all(map(_is_split, value)):
        return f"{len(value)} splits, given by their rows"
    if isinstance(value, BaseEstimator):
        return type(value).__name__
    if type(value) is list and any(map(_leads_to_estimator, value)):
        return [_shown(each) for each in value]
    if type(value) is tuple and any(map(_leads_to_estimator, value)):
        return tuple(_shown(each) for each in value)
    return value


def _is_split(value: Any) -> bool:
    """Say whether a value is what `cv` may be a list of: the rows to train on, and those to test on."""
    return type(value) in (list, tuple) and len(value) == len(("train", "test")) and all(map(_are_rows, value))


def _are_rows(value: Any) -> bool:
    return type(value) is np.ndarray or (
        type(value) is list and bool(value) and isinstance(value[0], (int, np.integer))
    )


def _leads_to_estimator(value: Any) -> bool:
    return isinstance(value, BaseEstimator) or (_is_named(value) and isinstance(value[1], BaseEstimator))


def _is_named(value: Any) -> bool:
    return type(value) is tuple and len(value) >= 2 and isinstance(value[0], str)


def _estimators(name: str, value: Any) -> Iterator[tuple[str, BaseEstimator]]:
    """Give the estimator that a param is, or those that a composition's param names (steps, transformers)."""
    if isinstance(value, BaseEstimator):
        yield name, value
    elif type(value) in (list, tuple):
        yield from ((each[0], each[1]) for each in value if _is_named(each) and isinstance(each[1], BaseEstimator))

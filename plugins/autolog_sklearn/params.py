"""An estimator's deep params, with their types, under scikit-learn's names (`step__param`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sklearn.base import BaseEstimator

__all__ = ["deep_params"]


def deep_params(estimator: BaseEstimator) -> dict[str, Any]:
    """Give the params of an estimator and of those inside it.

    An estimator as a value is given by its class's name. A `get_params` that a user wrote is not called.
    """
    return dict(_walk(estimator, "", 0))


def _walk(estimator: BaseEstimator, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in _own_params(estimator).items():
        if isinstance(value, str) and value == "deprecated":
            continue  # scikit-learn's mark for "this param is going away, and was not given"
        if isinstance(value, BaseEstimator):
            yield prefix + name, type(value).__name__
            yield from _inside(value, f"{prefix}{name}__", depth)
        elif (named := _named_estimators(value)) is not None:
            yield prefix + name, [[label, _label(each)] for label, each in named]
            for label, each in named:
                yield from _inside(each, f"{prefix}{label}__", depth)
        elif isinstance(value, list) and any(isinstance(each, BaseEstimator) for each in value):
            yield prefix + name, [_label(each) for each in value]
        else:
            yield prefix + name, value


def _inside(value: object, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseEstimator) and depth < 20:
        yield from _walk(value, prefix, depth + 1)


def _own_params(estimator: BaseEstimator) -> dict[str, Any]:
    """Ask by scikit-learn's own method, whatever the class overrides; what it cannot tell is left out."""
    found: dict[str, Any] = BaseEstimator.get_params(estimator, deep=False)
    return found


def _named_estimators(value: object) -> list[tuple[str, Any]] | None:
    """Give (name, estimator) pairs of a composition's param: steps, transformers, estimators."""
    if not isinstance(value, (list, tuple)) or not value:
        return None
    fits = all(isinstance(each, tuple) and len(each) >= 2 and isinstance(each[0], str) for each in value)
    if not fits or not any(isinstance(each[1], BaseEstimator) for each in value):
        return None
    return [(each[0], each[1]) for each in value]


def _label(value: object) -> Any:
    return type(value).__name__ if isinstance(value, BaseEstimator) else value

"""What kind of estimator something is, told without importing what defines the kind, and without a user's code."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from autolog_sklearn.own_code import is_own

__all__ = [
    "fitted_parts",
    "foreign_class",
    "is_pipeline",
    "is_plain_pipeline",
    "is_predictor",
    "is_search",
    "keeps_path",
    "own_attributes",
    "passes_on",
    "saved_part",
]

_PREDICTING: Final = ("score", "predict", "fit_predict")  # `score` first: it is a plain method wherever it can be


def is_search(estimator: object) -> bool:
    """Say whether an estimator is a search over candidates."""
    return _is_a("sklearn.model_selection._search", "BaseSearchCV", estimator)


def is_pipeline(estimator: object) -> bool:
    """Say whether an estimator is a pipeline."""
    return _is_a("sklearn.pipeline", "Pipeline", estimator)


def is_plain_pipeline(estimator: object) -> bool:
    """Say whether an estimator is a pipeline of scikit-learn's own class."""
    return type(estimator) is getattr(sys.modules.get("sklearn.pipeline"), "Pipeline", None)


def _is_a(module: str, name: str, estimator: object) -> bool:
    """Say whether an estimator is of a class; nothing is where the class's module was never imported."""
    kind = getattr(sys.modules.get(module), name, None)
    # not `isinstance`: of an abstract class it is a function of Python's, and asks the object what class it claims
    return isinstance(kind, type) and type.__subclasscheck__(kind, type(estimator))


def is_predictor(estimator: object) -> bool:
    """Say whether an estimator predicts or scores; a pipeline does where its last step does.

    Attributes are only asked for where they are scikit-learn's own: `hasattr` may run a property's code.
    """
    asked = _delegate(estimator)
    if asked is not estimator:
        return is_predictor(asked)
    if is_own(type(estimator)):
        return any(hasattr(estimator, name) for name in _PREDICTING)
    return any(name in vars(kind) for kind in type(estimator).__mro__ for name in _PREDICTING)


def _delegate(estimator: object) -> object:
    """Give the estimator that one asks whether it can predict, itself where it asks none."""
    attributes = getattr(estimator, "__dict__", {})
    if is_pipeline(estimator):
        steps = _steps(estimator)
        return steps[-1][1] if steps else None
    if is_own(type(estimator)) and type(estimator).__name__ in _ASKING:
        given = (attributes.get(name) for name in ("estimator", "base_estimator"))  # the latter before version 1.6
        return next((each for each in given if each is not None), None)
    return estimator


_ASKING: Final = frozenset({"RFE", "RFECV", "SelfTrainingClassifier", "FrozenEstimator"})


def _steps(pipeline: object) -> list[tuple[str, Any]]:
    """Give the steps of a pipeline; none where they are not what they should be, as its fit will say."""
    steps: Any = vars(pipeline).get("steps")
    are_pairs = type(steps) in (list, tuple) and all(type(each) in (list, tuple) and len(each) == 2 for each in steps)
    return [(name, step) for name, step in steps] if are_pairs else []


def fitted_parts(estimator: object, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give what tells of a training: the best estimator of a search, the steps of a pipeline, or the estimator itself.

    Each with a prefix for names: none for a pipeline's last step, `step__` for the steps before it.
    """
    if is_search(estimator):
        yield from fitted_parts(vars(estimator).get("best_estimator_"), prefix)
    elif is_pipeline(estimator):
        steps = _steps(estimator)
        for name, step in steps[:-1]:
            yield from fitted_parts(step, f"{prefix}{name}__")
        for _, last in steps[-1:]:
            yield from fitted_parts(last, prefix)
    else:
        yield prefix, estimator


def saved_part(estimator: object) -> object:
    """Give an estimator of the kind that is saved of a fit: of a search its own, else the one that is fitted."""
    return saved_part(vars(estimator).get("estimator")) if is_search(estimator) else estimator


def passes_on(estimator: object) -> object | None:
    """Give the estimator whose fit another's ends in: a search's best, a pipeline's last step; None for any other."""
    if is_search(estimator):
        known = vars(estimator)
        return known.get("best_estimator_", known.get("estimator"))
    if is_pipeline(estimator):
        return next((last for _, last in _steps(estimator)[-1:]), None)
    return None


def keeps_path(estimator: object) -> bool:
    """Say whether an estimator may keep what cross-validation gave at each point; a search's is its candidates."""
    last = [part for prefix, part in fitted_parts(estimator) if not prefix]
    return not is_search(estimator) and any(_PATHS & own_attributes(part).keys() for part in last)


_PATHS: Final = frozenset({"cv_results_", "cv_values_", "mse_path_", "scores_"})


def foreign_class(estimator: object) -> type | None:
    """Give the class that is not scikit-learn's own, of an estimator or of the one that answers for it; else None."""
    answering = [estimator, *(part for prefix, part in fitted_parts(estimator) if not prefix)]
    classes = (type(each) for each in answering if each is not None)
    return next((kind for kind in classes if not is_own(kind)), None)


def own_attributes(estimator: object) -> Mapping[str, Any]:
    """Give the attributes of an estimator of scikit-learn's own; of any other, none."""
    return vars(estimator) if is_own(type(estimator)) and hasattr(estimator, "__dict__") else {}

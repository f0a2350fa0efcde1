"""Training metrics after a fit: predicted once, only by scikit-learn's own code, and only where that is cheap."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.pipeline import Pipeline

from autolog_sklearn.own_code import is_own, prediction_is_safe
from autolog_sklearn.training_metrics import classification_metrics, regression_metrics

__all__ = ["head", "training_metrics"]

_FREE: Final = 0.020  # seconds that they may always take
_SHARE: Final = 0.05  # of the fit's time
_FIRST_SLICE: Final = 64  # rows
_IDLE: Final = (
    "autolog-",
    "ExecutorManager",
    "QueueFeeder",
    "IOPub",
    "Heartbeat",
    "Control",
    "IPython",
    "Parent",
    "tqdm",
)
_CONTAINERS: Final = ("builtins", "numpy", "pandas", "polars", "pyarrow", "scipy")


def training_metrics(
    model: Any, data: Any, target: Any, rows: int | None, fit_seconds: float, wanted: bool | None
) -> tuple[dict[str, float], str | None]:
    """Compute the training metrics of a fitted classifier or regressor; every row counts the same, as in a scorer.

    Args:
        model: it.
        data: what it was trained on.
        target: the truth.
        rows: how many there are, None where unknown.
        fit_seconds: what the fit took; 5 % of it, or 20 ms, is what the metrics may take.
        wanted: as the setting `log_training_metrics`.

    Returns:
        The metrics by name, and why there are none where there might have been some.
    """
    if wanted is False or target is None or rows is None:
        return {}, None
    if not wanted and not is_own(type(model)):
        return {}, f"{type(model).__module__}.{type(model).__qualname__} is not scikit-learn's own class"
    if not wanted and type(data).__module__.partition(".")[0] not in _CONTAINERS:
        return {}, f"slicing a {type(data).__module__}.{type(data).__qualname__} would run its own code"
    kind, names = _kind(model)
    if kind is None:
        return {}, None
    unsafe = None if wanted else prediction_is_safe(model)
    if unsafe is not None:
        return {}, unsafe
    budget = max(_FREE, _SHARE * fit_seconds)
    with np.errstate(all="ignore"), _without_warnings():
        if not wanted and not _is_cheap(_predictors(model, names), data, rows, budget):
            return {}, f"predicting the training data would take longer than {budget * 1000:.0f} ms"
        last, transformed = _last_step(model, data)
        return kind(last, transformed, target), None


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Have our predictions not repeat the warnings that the fit gave.

    The filters are the process's: with a thread about that may be changing them too, they are left alone, and a warning
    may come again.
    """
    others = [each for each in threading.enumerate() if each is not threading.current_thread()]
    if any(not each.name.startswith(_IDLE) for each in others):
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _kind(model: Any) -> tuple[Callable[[Any, Any, Any], dict[str, float]] | None, tuple[str, ...]]:
    """Give what computes the metrics of such a model, and the methods it may predict with; asking takes a while."""
    if is_classifier(model):
        return _classification, ("predict", "predict_proba", "decision_function")
    return (_regression if is_regressor(model) else None), ("predict",)


def _last_step(model: Any, data: Any) -> tuple[Any, Any]:
    """Give a pipeline's last step and what it is given, so that data is transformed once for all predictions."""
    while type(model) is Pipeline and len(model.steps) > 1:
        model, data = model.steps[-1][1], model[:-1].transform(data)
    return model, data


def _classification(model: Any, data: Any, target: Any) -> dict[str, float]:
    classes = np.asarray(getattr(model, "classes_", ()), dtype=None) if _has_flat_classes(model) else None
    proba = model.predict_proba(data) if hasattr(model, "predict_proba") else None
    scores = None
    if hasattr(model, "decision_function") and classes is not None and len(classes) == 2:
        scores = model.decision_function(data)
    return classification_metrics(np.asarray(target), model.predict(data), proba, classes, scores)


def _regression(model: Any, data: Any, target: Any) -> dict[str, float]:
    return regression_metrics(np.asarray(target), model.predict(data))


def _has_flat_classes(model: Any) -> bool:
    return isinstance(getattr(model, "classes_", None), np.ndarray)


def _predictors(model: Any, names: tuple[str, ...]) -> list[Callable[[Any], Any]]:
    return [getattr(model, name) for name in names if hasattr(model, name)]


def _is_cheap(predictors: list[Callable[[Any], Any]], data: Any, rows: int, budget: float) -> bool:
    """Estimate from growing slices, as a line through the last two, what predicting all rows would take.

    The line goes through nothing at first, and then through the slice before, which tells what a call costs whatever
    the number of rows. One kind of prediction stands for all. The first slice is taken twice where it seems dear, since
    a first call imports and allocates; when the slices have taken the whole budget, it gives up.
    """
    slices = [_FIRST_SLICE] * 2 + [_FIRST_SLICE * 8**power for power in range(1, 10)]
    before, spent = (0, 0.0), 0.0
    for size in itertools.takewhile(lambda size: size < rows, slices):
        began = time.perf_counter()
        predictors[0](head(data, size))
        seconds = time.perf_counter() - began
        spent += seconds
        known, cost = before if before[0] < size else (0, 0.0)
        slope = max(0.0, seconds - cost) / (size - known)
        if (seconds + slope * (rows - size)) * len(predictors) <= budget:
            return True
        if spent > budget:
            return False
        before = (size, seconds)
    return True


def head(data: Any, count: int) -> Any:
    """Give the first rows of a table or an array."""
    if hasattr(data, "iloc"):
        return data.iloc[:count]
    return data.head(count) if hasattr(data, "head") else data[:count]

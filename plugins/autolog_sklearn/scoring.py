"""Training metrics after a fit: predicted once, only by scikit-learn's own code, and only where that is cheap."""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from joblib import parallel_backend
from sklearn.base import is_classifier, is_regressor

from autolog.guard import refusable
from autolog_sklearn.classified import Classified, Multilabel, classified
from autolog_sklearn.kinds import fitted_parts, foreign_class, is_plain_pipeline, is_search, own_attributes
from autolog_sklearn.own_code import prediction_is_safe
from autolog_sklearn.training_metrics import metrics_of, regression_metrics

__all__ = ["Judged", "Measured", "budget", "head", "training_metrics"]

Judged: TypeAlias = "Classified | Multilabel | tuple[Any, Any] | None"
"""A prediction and the truth: of classes, as it was read; of numbers, the two; None where there is none."""

_FREE: Final = 0.020  # seconds that they may always take
_SHARE: Final = 0.05  # of the fit's time
_FIRST_SLICE: Final = 64  # rows
_TICK: Final = 1 / 64 if sys.platform == "win32" else 0.0  # seconds that a process may work before its clock tells
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
_KNOWN: Final = (*_CONTAINERS, "datetime", "decimal", "fractions", "pathlib", "uuid")


class Measured(NamedTuple):
    """What was measured.

    Args:
        metrics: by name.
        why_not: why there are none where there might have been some.
        judged: the prediction that they are of.
    """

    metrics: dict[str, float]
    why_not: str | None = None
    judged: Judged = None


def budget(fit_seconds: float) -> float:
    """Give the seconds that what we compute of a fit may take."""
    return max(_FREE, _SHARE * fit_seconds)


def training_metrics(
    model: Any, data: Any, target: Any, rows: int | None, fit_seconds: float, wanted: bool | None
) -> Measured:
    """Compute the training metrics of a fitted classifier or regressor; every row counts the same, as in a scorer.

    Args:
        model: it.
        data: what it was trained on.
        target: the truth.
        rows: how many there are, None where unknown.
        fit_seconds: what the fit took; 5 % of it, or 20 ms, is what the metrics may take.
        wanted: as the setting `log_training_metrics`.
    """
    if wanted is False or target is None or rows is None:
        return Measured({})
    if any(part is None for prefix, part in fitted_parts(model) if not prefix):
        return Measured({}, "the search kept no best estimator")
    foreign = None if wanted else foreign_class(model)
    if foreign is not None:
        return Measured({}, f"{foreign.__module__}.{foreign.__qualname__} is not scikit-learn's own class")
    if not wanted and type(data).__module__.partition(".")[0] not in _CONTAINERS:
        return Measured({}, f"slicing a {type(data).__module__}.{type(data).__qualname__} would run its own code")
    if not wanted and (_has_foreign_cells(data) or _has_foreign_cells(target)):
        return Measured({}, "its data holds objects whose own code would run")
    kind, names = _kind(model)
    last = next((part for prefix, part in fitted_parts(model) if not prefix), None)
    if type(last).__module__.startswith("sklearn.semi_supervised") and bool((np.asarray(target) == -1).any()):
        return Measured({}, "some rows have no label (-1)")
    if kind is None:
        return Measured({})
    unsafe = None if wanted else prediction_is_safe(model)
    if unsafe is not None:
        return Measured({}, unsafe)
    allowed = budget(fit_seconds)
    # no processes, whatever the model and joblib's context say: to start them is felt, and their work is not seen here
    with np.errstate(all="ignore"), _without_warnings(), parallel_backend("threading", n_jobs=1):
        predictors = _predictors(model, names)
        known_cheap = wanted or _is_faster_than_fit(model, fit_seconds * (len(predictors) + 1), allowed)
        if not known_cheap and not _is_cheap(predictors, data, rows, allowed):
            return Measured({}, f"predicting the training data would take longer than {allowed * 1000:.0f} ms")
        return kind(*_last_step(model, data), target)


def _has_foreign_cells(data: Any) -> bool:
    """Say whether objects of classes that are no library's lie in the data."""
    if type(data) in (list, tuple):
        kinds = set(map(type, itertools.chain(data, itertools.chain.from_iterable(map(_cells, data)))))
        return not all(kind.__module__.partition(".")[0] in _KNOWN for kind in kinds)
    if type(data) is np.ndarray:
        return data.dtype.hasobject and _has_foreign_cells(data.ravel().tolist())
    if not hasattr(data, "iloc"):
        return False
    if data.ndim == 1:
        return getattr(data.dtype, "hasobject", False) and _has_foreign_cells(data.tolist())
    objects = [place for place, dtype in enumerate(data.dtypes) if getattr(dtype, "hasobject", False)]
    return any(_has_foreign_cells(data.iloc[:, place].tolist()) for place in objects)


def _cells(row: Any) -> Iterable[Any]:
    """Give what lies in a row of a list."""
    if type(row) is dict:
        return itertools.chain(row, row.values())
    return row if type(row) in (list, tuple) else ()


def _is_faster_than_fit(model: Any, seconds: float, allowed: float) -> bool:
    """Say whether predictions need not be tried out: a linear model's take less than the fit did.

    Args:
        model: it.
        seconds: as many times what the fit took as there are predictions and transformations to make.
        allowed: what they may take.
    """
    is_linear = any("coef_" in own_attributes(part) for prefix, part in fitted_parts(model) if not prefix)
    is_cached = is_plain_pipeline(model) and model.memory is not None  # and then the fit need not have transformed
    return seconds <= allowed and is_linear and not is_cached


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


def _kind(model: Any) -> tuple[Callable[[Any, Any, Any], Measured] | None, tuple[str, ...]]:
    """Give what computes the metrics of such a model, and the methods it may predict with; asking takes a while."""
    if is_classifier(model):
        return _classification, ("predict", "predict_proba", "decision_function")
    return (_regression if is_regressor(model) else None), ("predict",)


def _last_step(model: Any, data: Any) -> tuple[Any, Any]:
    """Give a pipeline's last step and what it is given, so that data is transformed once for all predictions."""
    while is_search(model) or (is_plain_pipeline(model) and len(model.steps) > 1):
        if is_search(model):
            model = model.best_estimator_
        else:
            *before, model = (step for _, step in model.steps)
            for step in before:
                data = data if isinstance(step, (str, type(None))) else _asked(step.transform, data)
    return model, data


def _classification(model: Any, data: Any, target: Any) -> Measured:
    classes = np.asarray(getattr(model, "classes_", ()), dtype=None) if _has_flat_classes(model) else None
    proba = _asked(model.predict_proba, data) if hasattr(model, "predict_proba") else None
    scores = None
    if hasattr(model, "decision_function") and classes is not None and len(classes) == 2:
        scores = _asked(model.decision_function, data)
    said = classified(np.asarray(target), _asked(model.predict, data), proba, classes, scores)
    return Measured(metrics_of(said), judged=said)


def _regression(model: Any, data: Any, target: Any) -> Measured:
    true, predicted = np.asarray(target), _asked(model.predict, data)
    return Measured(regression_metrics(true, predicted), judged=(true, predicted))


def _asked(method: Callable[[Any], Any], data: Any) -> Any:
    """Predict or transform; an estimator may refuse to, even for the data that it was fitted to."""
    return refusable("no training metrics", method, data)


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
        seconds = _seconds(predictors[0], head(data, size), budget)
        spent += seconds
        known, cost = before if before[0] < size else (0, 0.0)
        slope = max(0.0, seconds - cost) / (size - known)
        if (seconds + slope * (rows - size)) * len(predictors) <= budget:
            return True
        if spent > budget:
            return False
        before = (size, seconds)
    return True


def _seconds(method: Callable[[Any], Any], data: Any, budget: float) -> float:
    """Time a prediction, and once more where others may have worked meanwhile, as our threads do in a first fit.

    Those of the process do where this thread mostly waited; but what takes more than twice the budget is left alone: it
    may be a pool of the prediction's own, and to try that again would be felt.
    """
    seconds = 0.0
    for _ in range(2):
        own = time.thread_time()
        seconds = _worked(method, data)
        if not budget < seconds <= 2 * budget or time.thread_time() - own > seconds / 2:
            break
    return seconds


def _worked(method: Callable[[Any], Any], data: Any) -> float:
    """Time a prediction, without what it waited for other programs on a busy machine.

    A pool of threads sleeps between its looks at what is done, for up to half of the time; so twice what the process
    had the processor for is the most that the prediction can have taken by itself.
    """
    began, worked = time.perf_counter(), time.process_time()
    _asked(method, data)
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    return min(seconds, 2 * worked + _TICK)


def head(data: Any, count: int) -> Any:
    """Give the first rows of a table or an array."""
    if hasattr(data, "iloc"):
        return data.iloc[:count]
    if hasattr(data, "head"):
        return data.head(count)
    return (data.tocsr() if hasattr(data, "tocsr") else data)[:count]  # not every sparse matrix has rows to slice

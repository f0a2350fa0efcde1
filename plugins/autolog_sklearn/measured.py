"""Charts of the predictions that a user measures: once for each prediction, and what functions of curves gave him."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from weakref import WeakValueDictionary

import numpy as np

from autolog.capture.views import array, base, layout
from autolog.recording.charts import MOST, Chart, chart, log_charts
from autolog_sklearn.classified import classified
from autolog_sklearn.curves import classification_charts, computed, matrix_chart
from autolog_sklearn.labels import column, number_alike
from autolog_sklearn.ranking import thinned
from autolog_sklearn.residuals import residual_charts

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["log_measured", "log_returned", "use_of"]

Use: TypeAlias = Literal["labels", "scores", "probabilities", "residuals"]
"""What a metric function takes predictions for."""

_PROBABILITIES: Final = frozenset(
    {"log_loss", "brier_score_loss", "d2_log_loss_score", "d2_brier_score", "calibration_curve"}
)
_SCORES: Final = frozenset(
    {"average_precision_score", "det_curve", "hinge_loss", "precision_recall_curve", "roc_auc_score", "roc_curve"}
)
_CONTAINERS: Final = ("builtins", "numpy", "pandas", "polars", "pyarrow")
_CURVES: Final[Mapping[str, tuple[str, ...]]] = {
    "calibration_curve": ("fraction_of_positives", "mean_predicted_probability"),
    "det_curve": ("false_positive_rate", "false_negative_rate", "threshold"),
    "precision_recall_curve": ("precision", "recall", "threshold"),
    "roc_curve": ("false_positive_rate", "true_positive_rate", "threshold"),
}
"""The columns of what these functions give."""

_done: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()
"""The arrays of predictions that have their charts, by run, data, use, truth and place in memory."""


def use_of(name: str, module: str) -> Use | None:
    """Say what a function of scikit-learn's takes predictions for; None where its charts would mean nothing."""
    if name in _PROBABILITIES:
        return "probabilities"
    if name in _SCORES:
        return "scores"
    if module == "sklearn.metrics._regression":
        return "residuals"
    return "labels" if module == "sklearn.metrics._classification" else None


def log_measured(run: ActiveRun, truth: Any, predicted: Any, data: str, use: Use, positive: Any = None) -> None:
    """Write the charts of a prediction that the user measures, where they are not written yet.

    Args:
        run: of the model that predicted.
        truth: what the prediction is compared with.
        predicted: the very prediction.
        data: the user's name for what was predicted on.
        use: what the prediction is.
        positive: the class that scores speak of, where it is not the last.
    """
    values = array(predicted)
    if values is None or type(truth).__module__.partition(".")[0] not in _CONTAINERS:
        return
    place = run.run_id, data, use, id(truth), layout(values)
    owner = values if type(base(values)) is not np.ndarray else base(values)
    if _done.get(place) is owner:
        return
    _done[place] = owner
    log_charts(run, f"{data}_{use}", data, [], computed, _charts, np.array(truth), np.array(values), use, positive)


def _charts(true: Any, predicted: Any, use: Use, positive: Any) -> Iterator[Chart]:
    """Give the charts that such a prediction can have."""
    if use == "residuals":
        yield from residual_charts(true, predicted)
        return
    proba, scores = None, None
    if use != "labels":
        classes = _classes(true, positive)
        if classes is None:
            return
        scores = predicted if predicted.ndim == 1 and len(classes) == 2 else None
        proba = predicted if predicted.ndim == 2 else None
        if use == "probabilities" and scores is not None:
            proba = np.column_stack((1 - predicted, predicted))
        said = classified(true, None, proba, classes, scores)
    else:
        said = classified(true, predicted)
    if said is not None:
        yield from classification_charts(said, calibrated=use == "probabilities")


def _classes(true: Any, positive: Any) -> Any:
    """Give the classes in the order of their columns: sorted, but of two the positive one last."""
    labels = column(true)
    codes = number_alike([labels]) if labels.ndim == 1 and labels.size else None
    if codes is None:
        return None
    classes = labels[np.unique(codes[0], return_index=True)[1]]
    is_first = len(classes) == 2 and positive is not None and bool(classes[0] == positive)
    return classes[::-1] if is_first else classes


def log_returned(run: ActiveRun, name: str, result: Any, given: Mapping[str, Any], data: str) -> None:
    """Write the curve or matrix that a function gave the user.

    Args:
        run: of the model that predicted.
        name: the function's.
        result: what it gave.
        given: its arguments.
        data: the user's name for what was predicted on.
    """
    found = _matrix(result, given) if name == "confusion_matrix" else _curve(name, result)
    if found is not None:
        log_charts(run, f"{data}_{name}", data, [found], tuple)


def _curve(name: str, result: Any) -> Chart | None:
    names = _CURVES.get(name, ())
    if type(result) is not tuple or not names or len(result) != len(names):
        return None
    kept = thinned(np.asarray(result[0]), np.asarray(result[1]), MOST)
    columns = {each: _padded(values, len(result[0]))[kept] for each, values in zip(names, result, strict=True)}
    return chart(name, columns)


def _padded(values: Any, length: int) -> Any:
    """Give as many thresholds as there are points: where the last one has none, it is infinite."""
    return np.concatenate((values, [np.inf] * (length - len(values))))


def _matrix(result: Any, given: Mapping[str, Any]) -> Chart | None:
    if type(result) is not np.ndarray or result.ndim != 2:
        return None
    labels = given.get("labels")
    if labels is None:
        both = [column(given[name]) for name in ("y_true", "y_pred")]
        codes = number_alike(both)
        labels = [] if codes is None else _present(both, codes)
    listed = np.asarray(labels).tolist()
    cells = np.flatnonzero(result)
    if len(listed) != len(result):
        return None
    weighted = "count" if given.get("sample_weight") is None else "weight"
    return matrix_chart(listed, cells, result.ravel()[cells], weighted if given.get("normalize") is None else "share")


def _present(both: list[Any], codes: list[Any]) -> Any:
    """Give the labels that occur in either array, sorted."""
    _, firsts = np.unique(np.concatenate(codes), return_index=True)
    return [both[index >= len(codes[0])][index - len(codes[0]) * (index >= len(codes[0]))] for index in firsts.tolist()]

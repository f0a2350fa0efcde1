"""Which charts a run gets: of its fit, and of the predictions that the user measures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autolog import guard
from autolog.recording.charts import Chart, log_charts
from autolog_sklearn.classified import Classified, Multilabel
from autolog_sklearn.curves import classification_charts, computed
from autolog_sklearn.diagram import diagram_charts
from autolog_sklearn.residuals import residual_charts
from autolog_sklearn.scoring import Judged
from autolog_sklearn.weights import weight_charts

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["log_fit_charts"]


def log_fit_charts(run: ActiveRun, model: Any, judged: Judged, seconds: float) -> None:
    """Write the charts of a fit: of its training prediction, of the model's weights, and of how it is put together.

    The latter are made at once, since the model may be trained on; those of the prediction, which is ours, afterwards.

    Args:
        run: the fit's.
        model: fitted.
        judged: the training prediction, where one was made.
        seconds: that reading the weights may take.
    """
    weights = guard.call("sklearn.weights", run, computed, weight_charts, model, seconds) or []
    diagram = guard.call("sklearn.diagram", run, computed, diagram_charts, model) or []
    log_charts(run, "training", "training", [*weights, *diagram], computed, _of_prediction, _own(judged))


def _own(judged: Judged) -> Judged:
    """Give a prediction that shares no memory with the truth it was given, which is the user's."""
    if isinstance(judged, Classified):
        return replace(judged, labels=tuple(map(np.copy, judged.labels)))
    if judged is None or isinstance(judged, Multilabel):
        return judged
    true, predicted = judged
    return np.copy(true), predicted


def _of_prediction(judged: Judged) -> Iterator[Chart]:
    """Give the charts of a prediction whose truth is known."""
    if isinstance(judged, (Classified, Multilabel)):
        yield from classification_charts(judged)
    elif judged is not None:
        yield from residual_charts(*judged)

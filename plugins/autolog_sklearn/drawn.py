"""Which charts a run gets: of its fit, and of the predictions that the user measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from autolog import guard
from autolog_sklearn.charts import Chart, log_charts
from autolog_sklearn.classified import Classified, Multilabel
from autolog_sklearn.curves import classification_charts
from autolog_sklearn.diagram import diagram_charts
from autolog_sklearn.residuals import residual_charts
from autolog_sklearn.scoring import Judged
from autolog_sklearn.weights import weight_charts

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["log_fit_charts"]


def log_fit_charts(run: ActiveRun, model: Any, judged: Judged, seconds: float) -> None:
    """Write the charts of a fit: of its training prediction, of the model's weights, and of how it is put together.

    Args:
        run: the fit's.
        model: fitted.
        judged: the training prediction, where one was made.
        seconds: that reading the weights may take.
    """
    curves = guard.call("sklearn.curves", run, _all, _of_prediction, judged) or []
    weights = guard.call("sklearn.weights", run, _all, weight_charts, model, seconds) or []
    diagram = guard.call("sklearn.diagram", run, _all, diagram_charts, model) or []
    log_charts(run, "training", "training", [*curves, *weights, *diagram])


@np.errstate(all="ignore")
def _all(charts: Callable[..., Iterator[Chart]], *given: Any) -> list[Chart]:
    return list(charts(*given))


def _of_prediction(judged: Judged) -> Iterator[Chart]:
    """Give the charts of a prediction whose truth is known."""
    if isinstance(judged, (Classified, Multilabel)):
        yield from classification_charts(judged)
    elif judged is not None:
        yield from residual_charts(*judged)

"""Residuals of a regression without its rows: quantiles, and counts in cells whose edges are round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from autolog.recording.charts import MOST, Chart, chart
from autolog_sklearn.labels import Array
from autolog_sklearn.training_metrics import targets

__all__ = ["residual_charts"]

_QUANTILES: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
_BEYOND: Final = 5  # rows that lie beyond a quantile at least, so that none stands for a single row
_OUTPUTS: Final = 10
_ROUND: Final = (1.0, 2.0, 5.0, 10.0)


def residual_charts(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Iterator[Chart]:
    """Give the quantiles of truth minus prediction, and how the residuals lie over the prediction."""
    true, predicted = targets(y_true), targets(y_pred)
    if true is None or predicted is None or true.shape != predicted.shape or true.size == 0:
        return
    true, predicted = (each[:, :_OUTPUTS].astype(np.float64, copy=False) for each in (true, predicted))
    residuals = true - predicted
    left_out = {"outputs_left_out": each} if (each := np.asarray(y_true).size // len(true) - true.shape[1]) else {}
    yield _quantiles(residuals, left_out)
    yield _cells(predicted, residuals, left_out)


def _quantiles(residuals: Array, more: dict[str, int]) -> Chart:
    known = [each for each in _QUANTILES if each == 0.5 or min(each, 1 - each) * len(residuals) >= _BEYOND]
    found = np.quantile(residuals, known, axis=0).T
    columns = {"output": np.repeat(np.arange(len(found)), len(known)), "quantile": known * len(found)}
    return chart("residual_quantiles", {**columns, "residual": found.ravel()}, rows=len(residuals), **more)


def _cells(predicted: Array, residuals: Array, more: dict[str, int]) -> Chart:
    """Count rows by prediction and residual; the cells with rows are given by their middles."""
    side = math.isqrt(MOST // predicted.shape[1]) - 1  # rounding outwards may add one
    parts = [_output_cells(*each, side) for each in zip(predicted.T, residuals.T, strict=True)]
    output = np.repeat(np.arange(len(parts)), [len(rows) for _, _, rows, _ in parts])
    names = ("predicted", "residual", "rows")
    columns = {name: np.concatenate([part[place] for part in parts]) for place, name in enumerate(names)}
    return chart("residuals", {"output": output, **columns}, cells=[part[3] for part in parts], **more)


def _output_cells(predicted: Array, residual: Array, side: int) -> tuple[Array, Array, Array, list[float]]:
    """Give the middles of the cells, their rows, and the cells' width and height."""
    (x, width), (y, height) = _binned(predicted, side), _binned(residual, side)
    left, bottom = int(x.min()), int(y.min())
    numbers = (x - left) * (side + 2) + (y - bottom)
    rows = np.bincount(numbers)
    cells = np.flatnonzero(rows)
    column, row = np.divmod(cells, side + 2)
    return _middles(column + left, width), _middles(row + bottom, height), rows[cells], [width, height]


def _binned(values: Array, most: int) -> tuple[Array, float]:
    """Number the cells that values lie in, counted from 0; of a width that is 1, 2 or 5 at some power of ten."""
    low, high = float(values.min()), float(values.max())
    least = max((high - low) / most, max(abs(low), abs(high)) * 1e-9, 1e-300)
    power = math.floor(math.log10(least))
    width = next(each for factor in _ROUND if (each := float(f"{factor:g}e{power}")) >= least)
    return np.floor(values / width).astype(np.int64), width


def _middles(numbers: Array, width: float) -> Array:
    """Give the middles of cells, rid of the last digits' noise."""
    digits = 2 - math.floor(math.log10(width))
    found: Array = np.round((numbers + 0.5) * width, digits) if digits < 300 else (numbers + 0.5) * width
    return found

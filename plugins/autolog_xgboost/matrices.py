"""Data in a `DMatrix`: what it was made from, and what it tells of itself; it is never read back or iterated."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from xgboost import DMatrix

from autolog import guard
from autolog.capture.calls import Call
from autolog.capture.held import Held, forget, held_by, held_of, hold, log_inputs
from autolog.hookspecs import Arguments, Column, DataDescription, Outcome
from autolog.values import type_name

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["describe", "log_data", "on_changed", "on_made"]

_FURTHER: Final = {"weight": "get_weight", "base_margin": "get_base_margin", "group": "get_group"}


def on_made(call: Call) -> Generator[Arguments | None, Outcome, None]:
    """Describe the data that a matrix with labels is made from, which is one to train or to validate on."""
    label = call.argument(1, "label")
    wanted = call.records and (call.settings.log_datasets or call.settings.log_model_signatures)
    if label is not None and wanted:
        guard.call("xgboost.held", None, hold, call, call.instance, call.argument(0, "data"), label)
    yield None


def on_changed(call: Call) -> Generator[Arguments | None, Outcome, None]:
    """Forget what a matrix was made from where it gets other labels."""
    if call.name == "set_label" or call.argument(_LABEL, "label") is not None:
        forget(call.instance)
    yield None


_LABEL: Final = 99  # by name only


def describe(data: DMatrix) -> DataDescription:
    """Describe a `DMatrix`; its values cannot be had without a copy, so its digest is of shape and schema."""
    shape = (data.num_row(), data.num_col())
    names, types = data.feature_names, data.feature_types
    columns = zip(names or (), types or [_FLOAT] * len(names or ()), strict=False)
    return DataDescription(type_name(data), shape, _FLOAT, tuple(Column(*each) for each in columns))


_FLOAT: Final = "float32"


def log_data(call: Call, run: ActiveRun, given: Mapping[str, Any]) -> None:
    """Record the matrix that is trained on and those that are evaluated, and the signature."""
    training = given.get("dtrain")
    if isinstance(training, DMatrix):
        matrices = [(training, "dtrain", "train"), *_evaluated(given, training)]
        log_inputs(call, run, matrices, _held, _further(training))


def _held(call: Call, matrix: DMatrix) -> Held:
    return held_by(matrix) or _told_by(call, matrix)


def _told_by(call: Call, matrix: DMatrix) -> Held:
    label = matrix.get_label()
    return held_of(describe(matrix), call.describe(label) if len(label) else None)


def _evaluated(given: Mapping[str, Any], training: DMatrix) -> Iterator[tuple[DMatrix, str, str]]:
    evals: Any = given.get("evals")
    for matrix, name in evals if type(evals) in (list, tuple) else ():  # of any other kind it may be read only once
        if isinstance(matrix, DMatrix) and matrix is not training:
            yield matrix, str(name), str(name)


def _further(matrix: DMatrix) -> Iterator[tuple[str, Any]]:
    """Give what else a matrix holds for each row or group."""
    for name, method in _FURTHER.items():
        array = getattr(matrix, method)()
        if type(array) is np.ndarray and array.size:
            yield name, array

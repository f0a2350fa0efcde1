"""Data in a `DMatrix`: what it was made from, and what it tells of itself; it is never read back or iterated."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from itertools import repeat, starmap
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from xgboost import DMatrix

from autolog import guard
from autolog.capture.calls import Call
from autolog.capture.data import MOST_COLUMNS
from autolog.capture.held import Held, forget, held_by, held_of, hold, is_wanted, log_inputs
from autolog.hookspecs import Arguments, Column, DataDescription, Outcome
from autolog.values import type_name

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["describe", "log_data", "on_changed", "on_made"]

_FURTHER: Final = {"weight": "get_weight", "base_margin": "get_base_margin", "group": "get_group"}


def on_made(call: Call) -> Generator[Arguments | None, Outcome, None]:
    """Describe the data that a matrix with labels is made from, which is one to train or to validate on."""
    label = call.argument(1, "label")
    if label is not None and is_wanted(call):
        guard.call("xgboost.held", None, hold, call, call.instance, call.argument(0, "data"), label)
    yield None


def on_changed(call: Call) -> Generator[Arguments | None, Outcome, None]:
    """Forget what a matrix was made from where it gets other labels."""
    if call.name != "set_info" or call.kwargs.get("label") is not None:
        forget(call.instance)
    yield None


def describe(data: DMatrix) -> DataDescription:
    """Describe a `DMatrix`; its values cannot be had without a copy, so its digest is of shape and schema."""
    shape = DMatrix.num_row(data), DMatrix.num_col(data)
    return DataDescription(type_name(data), shape, _FLOAT, tuple(_columns(data)))


def _columns(data: DMatrix) -> Iterator[Column]:
    """Give the columns that have names."""
    names, types = (getattr(DMatrix, name).fget(data) for name in ("feature_names", "feature_types"))
    return starmap(Column, zip(names or (), types or repeat(_FLOAT), strict=False))


_FLOAT: Final = "float32"


def log_data(call: Call, run: ActiveRun, given: Mapping[str, Any]) -> None:
    """Record the matrix that is trained on and those that are evaluated, and the signature."""
    training = given.get("dtrain")
    if isinstance(training, DMatrix):
        matrices = [(training, "dtrain", "train"), *_evaluated(given, training)]
        log_inputs(call, run, matrices, _held, _further(training))


def _held(call: Call, matrix: DMatrix) -> Held:
    """Give what is known of a matrix; what it was made from may have got its columns' names with the matrix only."""
    known = held_by(matrix)
    if known is None:
        label = DMatrix.get_label(matrix)
        return held_of(describe(matrix), call.describe(label) if len(label) else None)
    named = [] if known.facts["columns"] else list(_columns(matrix))
    if not named:
        return known
    inputs = [{"name": column.name, "type": column.dtype} for column in named]
    facts = {**known.facts, "columns": [[column.name, column.dtype] for column in named[:MOST_COLUMNS]]}
    return replace(known, facts=facts, signature={**known.signature, "inputs": inputs})


def _evaluated(given: Mapping[str, Any], training: DMatrix) -> Iterator[tuple[DMatrix, str, str]]:
    evals: Any = given.get("evals")
    for each in evals if type(evals) in (list, tuple) else ():  # of any other kind it may be read only once
        if type(each) is tuple and len(each) == len(("matrix", "name")) and isinstance(each[0], DMatrix):
            matrix, name = each
            if matrix is not training:
                yield matrix, str(name), str(name)


def _further(matrix: DMatrix) -> Iterator[tuple[str, Any]]:
    """Give what else a matrix holds for each row or group."""
    for name, method in _FURTHER.items():
        array = getattr(DMatrix, method)(matrix)
        if type(array) is np.ndarray and array.size:
            yield name, array

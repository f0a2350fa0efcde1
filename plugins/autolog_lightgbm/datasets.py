"""Data in a `Dataset`: described while LightGBM has not yet taken it in and let go of it; never taken in for that."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from lightgbm import Dataset
from lightgbm.basic import LightGBMError

from autolog import guard
from autolog.capture.calls import Call
from autolog.capture.held import Held, forget, held_by, held_of, hold, log_inputs
from autolog.hookspecs import Arguments, DataDescription, Outcome
from autolog.values import type_name

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["describe", "log_data", "on_construct", "on_set_label"]

_FURTHER: Final = ("weight", "group", "init_score", "position")


def on_construct(call: Call) -> Generator[Arguments | None, Outcome, None]:
    """Describe the data before LightGBM takes it in, after which it may let go of it."""
    if call.records and (call.settings.log_datasets or call.settings.log_model_signatures):
        guard.call("lightgbm.held", None, _held, call, call.instance)
    yield None


def on_set_label(call: Call) -> Generator[Arguments | None, Outcome, None]:
    """Forget what a dataset was made from where it gets other labels."""
    forget(call.instance)
    yield None


def describe(data: Dataset) -> DataDescription:
    """Describe a `Dataset`, whose shape is known once LightGBM has taken its data in."""
    try:
        return DataDescription(type_name(data), (data.num_data(), data.num_feature()))
    except LightGBMError:
        return DataDescription(type_name(data), None)


def log_data(call: Call, run: ActiveRun, given: Mapping[str, Any]) -> None:
    """Record the dataset that is trained on and those that are evaluated, and the signature."""
    training = given.get("train_set")
    if isinstance(training, Dataset):
        datasets = [(training, "train_set", "train"), *_evaluated(given, training)]
        log_inputs(call, run, datasets, _held, ((name, getattr(training, name, None)) for name in _FURTHER))


def _held(call: Call, data: Dataset) -> Held:
    """Give what is known of a dataset; it is remembered, since LightGBM frees the data with its first use."""
    known = held_by(data)
    if known is not None:
        return known
    if isinstance(data.data, (str, os.PathLike)):
        return held_of(DataDescription("file", None), None, os.fspath(data.data))
    return hold(call, data, data.data, data.label) or held_of(describe(data), call.describe(data.label))


def _evaluated(given: Mapping[str, Any], training: Dataset) -> Iterator[tuple[Dataset, str, str]]:
    both: tuple[Any, Any] = given.get("valid_sets"), given.get("valid_names")
    listed, named = (list(each) if type(each) in (list, tuple) else [each] for each in both)
    for number, data in enumerate(listed):
        if isinstance(data, Dataset) and data is not training:
            given_name = named[number] if number < len(named) else None
            name = f"valid_{number}" if given_name is None else str(given_name)
            yield data, name, name

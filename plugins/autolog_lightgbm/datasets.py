"""Data in a `Dataset`: described while LightGBM has not yet taken it in and let go of it; never taken in for that."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lightgbm import Dataset
from lightgbm.basic import LightGBMError

from autolog import guard
from autolog.capture.calls import Call
from autolog.capture.held import Held, forget, held_by, held_of, is_wanted, log_inputs, remember
from autolog.hookspecs import Arguments, DataDescription, Outcome
from autolog.values import class_name, type_name

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["describe", "log_data", "on_changed", "on_construct"]

_FURTHER: Final = ("weight", "group", "init_score", "position")


def on_construct(call: Call) -> Generator[Arguments | None, Outcome, None]:
    """Describe the data before LightGBM takes it in, after which it may let go of it."""
    if is_wanted(call):
        guard.call("lightgbm.held", None, _held, call, call.instance)
    yield None


def on_changed(call: Call) -> Generator[Arguments | None, Outcome, None]:
    """Forget what a dataset was made from where it gets other labels, or further columns."""
    if call.name != "set_field" or call.argument(0, "field_name") == "label":
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
    inputs = _described(call, data)
    found = held_of(inputs or describe(data), call.describe(data.label), _name(call, data))
    return found if inputs is None else remember(data, found)


def _name(call: Call, data: Dataset) -> str | None:
    return os.fspath(data.data) if isinstance(data.data, (str, os.PathLike)) else call.variable_name(data.data)


def _described(call: Call, data: Dataset) -> DataDescription | None:
    """Describe what a dataset is made from, as long as it holds that."""
    raw: Any = data.data
    if isinstance(raw, (str, os.PathLike)):
        return _of_file(Path(raw))
    if type(raw) is list:  # chunks: arrays, or objects of the user's that would have to be read
        if not raw or not all(map(_is_table, raw)):
            return None
        return replace(call.describe(raw), shape=(sum(map(len, raw)), raw[0].shape[1]))  # type: ignore[type-var]
    if raw is None and data.used_indices is not None and isinstance(data.reference, Dataset):
        return _of_rows(_held(call, data.reference), np.asarray(data.used_indices, dtype=np.int64))
    return call.describe(raw)


def _is_table(value: Any) -> bool:
    return type(value) is np.ndarray and value.ndim == len(("rows", "columns"))


def _of_file(path: Path) -> DataDescription:
    """Describe a file by its bytes, as many of them as a digest reads."""

    def update(hash_update: Any, rows: range | None) -> None:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                hash_update(block)

    if not path.is_file():
        return DataDescription("file", None)
    return DataDescription("file", None, update=update, nbytes=path.stat().st_size)


_BLOCK: Final = 1 << 20


def _of_rows(whole: Held, rows: Any) -> DataDescription:
    """Describe some rows of another dataset by that one's digest, and by which they are."""

    def update(hash_update: Any, _: range | None) -> None:
        hash_update(f"{whole.facts['digest']}".encode())
        hash_update(rows.tobytes())

    known = None if whole.facts["sampled"] else update
    columns = (whole.facts["shape"] or [])[1:]
    return DataDescription(class_name(Dataset), (len(rows), *columns), update=known, nbytes=rows.nbytes)


def _evaluated(given: Mapping[str, Any], training: Dataset) -> Iterator[tuple[Dataset, str, str]]:
    both: tuple[Any, Any] = given.get("valid_sets"), given.get("valid_names")
    listed, named = (list(each) if type(each) in (list, tuple) else [each] for each in both)
    for number, data in enumerate(listed):
        if isinstance(data, Dataset) and data is not training:
            given_name = named[number] if number < len(named) else None
            name = f"valid_{number}" if given_name is None else str(given_name)
            yield data, name, name

"""Whose predictions an array is, and how data was made: known by identity, for as long as they live."""

from __future__ import annotations

import contextvars
import gc
import weakref

import numpy as np
import pytest

from autolog.capture import predictions
from autolog.capture.predictions import (
    Link,
    link,
    model_run,
    output_of,
    remember_model,
    remember_output,
    remember_prediction,
)
from autolog.recording.runs import ActiveRun
from autolog.settings import Settings


class Model:
    """Compares equal to all others, and must not be asked."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    def __hash__(self) -> int:
        raise AssertionError("hashed")


@pytest.fixture
def run() -> ActiveRun:
    """A run that records nothing."""
    return ActiveRun(None, Settings(), "a", "default")


def test_a_model_is_known_by_identity_and_neither_compared_nor_kept(run: ActiveRun) -> None:
    """An equal one is another; and it is freed when its owner drops it, as is what was noted of it."""
    model, other = Model(), Model()
    remember_model(model, run)
    assert model_run(model) is run
    assert model_run(other) is None
    number, reference, known = id(model), weakref.ref(model), len(predictions._models._entries)
    gc.disable()
    del model
    gc.enable()
    assert reference() is None
    assert number not in predictions._models._entries
    assert len(predictions._models._entries) == known - 1


def test_a_model_trained_again_belongs_to_the_later_run(run: ActiveRun) -> None:
    """The last fit counts."""
    later = ActiveRun(None, Settings(), "b", "default")
    model = Model()
    remember_model(model, run)
    remember_model(model, later)
    assert model_run(model) is later


def test_what_cannot_be_referred_to_weakly_is_passed_over(run: ActiveRun) -> None:
    """Neither an object with slots nor a tuple of data is an error."""
    remember_model((), run)
    remember_output((), {})
    assert model_run(()) is None
    assert output_of(()) is None


def test_predictions_and_views_of_them_are_linked(run: ActiveRun) -> None:
    """The array, a column, a reshaped slice: each says the run and the name of the data."""
    model, made = Model(), np.zeros((10, 2))
    remember_model(model, run)
    remember_prediction(model, made, "X_test")
    for value in (made, made[:, 1], made[2:][::2, 0], made.T):
        assert link(value) == Link(run, "X_test", "predicted")


def test_copies_and_lists_are_inferred_by_their_length(run: ActiveRun) -> None:
    """Something as long as a recent prediction may be made from it; nothing else is."""
    model = Model()
    remember_model(model, run)
    remember_prediction(model, [0] * 10, "X_test")
    assert link(np.zeros(10)) == Link(run, "X_test", "inferred")
    assert link([1] * 10) == Link(run, "X_test", "inferred")
    assert link(np.zeros(11)) is None
    assert link(None) is None
    assert link(range(10)) is None


def test_the_latest_of_equal_length_is_inferred_and_the_oldest_forgotten(run: ActiveRun) -> None:
    """A few predictions of a context are remembered."""
    model = Model()
    remember_model(model, run)
    for length in (5, 100, 101, 102, 103, 104, 105, 106, 106):
        remember_prediction(model, np.zeros(length), f"data {length}")
    assert link(np.ones(106)).data == "data 106"  # type: ignore[union-attr]
    assert link(np.ones(5)) is None


def test_what_other_contexts_predicted_is_not_inferred_here(run: ActiveRun) -> None:
    """By identity it is linked all the same."""
    model, made = Model(), np.zeros(7)
    remember_model(model, run)
    contextvars.Context().run(remember_prediction, model, made, "X")
    assert link(np.ones(7)) is None
    assert link(made) == Link(run, "X", "predicted")


def test_predictions_of_an_unknown_model_are_nobodys() -> None:
    """A model that no run trained gives nothing to link."""
    made = np.zeros(3)
    remember_prediction(Model(), made, "X")
    assert link(made) is None


def test_how_data_was_made_is_known_of_its_views_and_freed_with_it() -> None:
    """A slice of a transformer's output is known as such; nothing keeps the output."""
    made = np.zeros((6, 2))
    remember_output(made, {"transformed_by": ["scaler"]})
    assert output_of(made[:3]) == {"transformed_by": ["scaler"]}
    assert output_of(made.copy()) is None
    reference = weakref.ref(made)
    del made
    assert reference() is None

"""Whose predictions an array is, and how data was made: known by identity, for as long as they live."""

from __future__ import annotations

import contextvars
import gc
import weakref
from typing import Any, Literal

import numpy as np
import pytest

from autolog.capture import predictions
from autolog.capture.predictions import (
    Link,
    infer,
    known,
    model_run,
    output_of,
    remember_model,
    remember_output,
    remember_prediction,
)
from autolog.recording.runs import ActiveRun
from autolog.settings.table import Settings

UNLINKED = Link(None, None, "unlinked")


def link(value: object) -> Link:
    """Whose predictions a value is, or may be made from."""
    return known(value) or infer(value)


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


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("owned", [True, False])
def test_predictions_and_whole_views_of_them_are_linked(run: ActiveRun, order: Literal["C", "F"], owned: bool) -> None:
    """The array, a column, the columns swapped: each says the run and the name of the data."""
    model, made = Model(), np.zeros((10, 2), order=order) if owned else np.zeros((10, 3), order=order)[:, 1:]
    remember_model(model, run)
    remember_prediction(model, made, "X_test")
    for value in (made, made[:, 1], made[:, ::-1], made.T[0], made.view()):
        assert link(value) == Link(run, "X_test", None)


@pytest.mark.parametrize(
    ("part", "how"),
    [
        (np.s_[2::2, 0], "4 of 10 rows"),
        (np.s_[:1], "1 of 10 rows"),
        (np.s_[7:3:-1], "4 of 10 rows"),
        (np.s_[:0], "0 of 10 rows"),
        (np.s_[::-1], "reordered"),
        (np.s_[::-1, 1], "reordered"),
    ],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_other_views_say_what_they_are(run: ActiveRun, part: Any, how: str, order: Literal["C", "F"]) -> None:
    """A slice says how many rows it has, and a reversed one that it is not in order."""
    model, made = Model(), np.zeros((10, 2), order=order)
    remember_model(model, run)
    remember_prediction(model, made, "X_test")
    assert link(made[part]) == Link(run, "X_test", how)
    assert link(made.T) == Link(run, "X_test", "reordered")


@pytest.mark.parametrize("whole", [np.zeros((1, 2)), np.zeros((1, 2), order="F"), np.broadcast_to(np.zeros(2), (4, 2))])
def test_a_column_of_any_prediction_is_whole(run: ActiveRun, whole: Any) -> None:
    """Also of a single row, whose strides mean nothing; of one row repeated it is at most said to be reordered."""
    model = Model()
    remember_model(model, run)
    remember_prediction(model, whole, "X")
    assert link(whole[:, 1]).how == (None if len(whole) == 1 else "reordered")


@pytest.mark.parametrize("order", ["C", "F"])
def test_one_of_more_than_two_columns_is_named(run: ActiveRun, order: Literal["C", "F"]) -> None:
    """By its number in the prediction, also where its rows are counted; one of two, or all columns, are the whole."""
    model, made = Model(), np.zeros((10, 3), order=order)
    remember_model(model, run)
    remember_prediction(model, made, "X")
    names = [f"column {number}" for number in range(3)]
    assert [link(made[:, number]).how for number in range(3)] == names
    assert [link(made.T[number]).how for number in range(3)] == names
    assert link(made[2:6, 1]).how == "4 of 10 rows"
    assert link(made[:, ::-1]).how is None


def test_all_values_in_another_shape_are_whole(run: ActiveRun) -> None:
    """As micro averages take them: flattened in row order, not in another."""
    model, made = Model(), np.zeros((4, 3))
    remember_model(model, run)
    remember_prediction(model, made, "X")
    assert [link(value).how for value in (made.ravel(), made.reshape(2, 6), made.T)] == [None, None, "reordered"]


def test_a_shifted_view_of_the_same_length_is_reordered(run: ActiveRun) -> None:
    """A prediction on the same memory but one row further down is not the prediction."""
    model, memory = Model(), np.zeros(11)
    remember_model(model, run)
    remember_prediction(model, memory[:10], "X")
    assert link(memory[1:]) == Link(run, "X", "reordered")


def test_copies_and_lists_are_inferred_by_their_length(run: ActiveRun) -> None:
    """Something as long as a recent prediction may be made from it; nothing else is linked."""
    model = Model()
    remember_model(model, run)
    remember_prediction(model, [0] * 10, "X_test")
    assert link(np.zeros(10)) == Link(run, "X_test", "inferred")
    assert link([1] * 10) == Link(run, "X_test", "inferred")
    for value in (np.zeros(11), None, range(10), np.float64(1)):
        assert link(value) == UNLINKED


def test_the_latest_of_equal_length_is_inferred_and_the_oldest_forgotten(run: ActiveRun) -> None:
    """A few predictions of a context are remembered."""
    model = Model()
    remember_model(model, run)
    for length in (5, 100, 101, 102, 103, 104, 105, 106, 106):
        remember_prediction(model, np.zeros(length), f"data {length}")
    assert link(np.ones(106)).data == "data 106"
    assert link(np.ones(5)) == UNLINKED


def test_what_other_contexts_predicted_is_not_inferred_here(run: ActiveRun) -> None:
    """By identity it is linked all the same."""
    model, made = Model(), np.zeros(7)
    remember_model(model, run)
    contextvars.Context().run(remember_prediction, model, made, "X")
    assert link(np.ones(7)) == UNLINKED
    assert link(made) == Link(run, "X", None)


def test_predictions_of_an_unknown_model_are_nobodys(run: ActiveRun) -> None:
    """Themselves, a slice of them, and what is as long: none is another model's, and nothing keeps them."""
    model, made = Model(), np.zeros(3)
    remember_model(model, run)
    remember_prediction(model, np.zeros(3), "X")
    remember_prediction(Model(), made, "X")
    for value in (made, made[1:], np.ones(3)):
        assert link(value) == Link(None, "X", "unlinked")
    reference = weakref.ref(made)
    del made, value
    assert reference() is None


def test_a_prediction_that_is_a_view_is_known_by_what_it_is_a_view_of(run: ActiveRun) -> None:
    """Since numpy calls its views views of that; but never what was there before the call."""
    model, rows = Model(), np.zeros((6, 3))
    remember_model(model, run)
    made = np.zeros((6, 3))[:, :2]
    remember_prediction(model, made, "X", [rows])
    assert link(made[:, 1]) == Link(run, "X", None)
    for given in (rows, rows[1:]):
        remember_prediction(model, rows[:, 0], "X", [given])
        assert link(rows[:, 1]) == Link(run, "X", "inferred")


def test_a_buffer_that_several_predictions_share_is_nobodys(run: ActiveRun) -> None:
    """A view of it may be of either; only the predictions themselves are known."""
    models, buffer = (Model(), Model()), np.zeros((6, 2))
    remember_model(models[0], run)
    remember_model(models[1], ActiveRun(None, Settings(), "b", "default"))
    first, second = buffer[:, 0], buffer[:, 1]
    remember_prediction(models[0], first, "X")
    remember_prediction(models[1], second, "X")
    assert link(first) == Link(run, "X", None)
    assert [link(value[:]).how for value in (first, second)] == ["unlinked", "unlinked"]


def test_how_data_was_made_is_known_of_its_views_and_freed_with_it() -> None:
    """A slice of a transformer's output is known as such; nothing keeps the output."""
    made = np.zeros((6, 2))
    remember_output(made, {"transformed_by": ["scaler"]})
    assert output_of(made[:3]) == {"transformed_by": ["scaler"]}
    assert output_of(made.copy()) is None
    reference = weakref.ref(made)
    del made
    assert reference() is None

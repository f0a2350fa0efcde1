"""Whose predictions an array is: the link from a metric that a user computes to the run that trained the model.

Nothing is attached to a model or an array; both are known by identity, for as long as they live.
"""

from __future__ import annotations

import contextlib
import weakref
from collections import deque
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from autolog.capture.views import Layout, base, layout, rows_of

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = [
    "Link",
    "link",
    "model_run",
    "output_of",
    "remember_model",
    "remember_output",
    "remember_prediction",
]

_RECENT: Final = 8  # predictions of a context that what was made from them may be inferred from


@dataclass(frozen=True)
class Link:
    """What a value handed to a metric is.

    Args:
        run: the run of the model that predicted it, None where that is not known.
        data: the user's name for the data that was predicted on, or None.
        how: None for the very predictions, or all rows of them in their order. "5 of 75 rows" or "reordered" for
            another view of them; "inferred" for what is only as long as a recent prediction; "unlinked" without a run.
    """

    run: ActiveRun | None
    data: str | None
    how: str | None


@dataclass(frozen=True)
class _Prediction:
    run: ActiveRun | None
    data: str | None
    length: int | None
    layout: Layout | None


class _ByIdentity:
    """A mapping from living objects to values that neither compares nor keeps the objects."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def __setitem__(self, key: object, value: Any) -> None:
        number = id(key)
        self._entries[number] = (weakref.ref(key, lambda _: self._entries.pop(number, None)), value)

    def get(self, key: object) -> Any:
        reference, value = self._entries.get(id(key), (None, None))
        return value if reference is not None and reference() is key else None


_VIEWS: Final = 8  # views of views that are followed; a numpy array keeps what it is a view of as .base

_models = _ByIdentity()
_outputs = _ByIdentity()
_predictions = _ByIdentity()
_recent: ContextVar[tuple[_Prediction, ...]] = ContextVar("autolog_recent_predictions", default=())


def remember_model(model: object, run: ActiveRun) -> None:
    """Note which run trained a model; a model that cannot be referred to weakly is passed over."""
    try:
        _models[model] = run
    except TypeError:
        return


def model_run(model: object) -> ActiveRun | None:
    """Give the run that trained a model, None where it is not known."""
    run: ActiveRun | None = _models.get(model)
    return run


def remember_prediction(model: object, prediction: object, data: str | None, given: Iterable[object] = ()) -> None:
    """Note that a model predicted something; nobody's, where the model's run is not known.

    Args:
        model: it.
        prediction: what it gave.
        data: the user's name for the data.
        given: the arguments of the call that made it.
    """
    made = _Prediction(model_run(model), data, _length(prediction), layout(prediction))
    with contextlib.suppress(TypeError):  # a list, say: known by its length only
        _predictions[prediction] = made
        _remember_owner(prediction, made, given)
    _recent.set(tuple(deque((*_recent.get(), made), maxlen=_RECENT)))


def _remember_owner(prediction: object, made: _Prediction, given: Iterable[object]) -> None:
    """Note the array that a prediction is a view of, since numpy makes a view of a view one of that array.

    Unless it was there before: among the arguments, or under another prediction, and then it is nobody's.
    """
    owner = base(prediction)
    if owner is None or any(owner is each for argument in given for each in (argument, base(argument))):
        return
    known = _predictions.get(owner)
    _predictions[owner] = made if known in (None, made) else replace(made, run=None)


def remember_output(output: object, facts: Mapping[str, Any]) -> None:
    """Note how data was made, e.g. by which transformer, so that a run trained on it can say so."""
    try:
        _outputs[output] = facts
    except TypeError:
        return


def output_of(data: object) -> Mapping[str, Any] | None:
    """Give what is known of how data, or what it is a view of, was made."""
    found: object | None = data
    for _ in range(_VIEWS):
        facts: Mapping[str, Any] | None = _outputs.get(found)
        found = base(found)
        if facts is not None or found is None:
            return facts
    return None


def link(value: object) -> Link:
    """Say which run's predictions a value is: those themselves, a view of them, or as long as a recent one."""
    found: object | None = value
    for _ in range(_VIEWS):
        made = _predictions.get(found)
        if made is not None:
            return _linked(made, _part(value, made))
        found = base(found)
        if found is None:
            break
    return _inferred(_length(value))


def _linked(made: _Prediction, how: str | None) -> Link:
    return Link(made.run, made.data, "unlinked" if made.run is None else how)


def _part(value: object, made: _Prediction) -> str | None:
    place = layout(value)
    return None if place is None or made.layout is None else rows_of(place, made.layout)


def _inferred(length: int | None) -> Link:
    for made in reversed(_recent.get()):
        if length is not None and made.length == length:
            return _linked(made, "inferred")
    return Link(None, None, "unlinked")


def _length(value: object) -> int | None:
    """Give the number of rows of what a framework or plain Python made; a user's own class is not asked."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape and isinstance(shape[0], int):
        return shape[0]
    return len(value) if type(value) in (list, tuple) else None  # type: ignore[arg-type]

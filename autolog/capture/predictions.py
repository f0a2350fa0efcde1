"""Whose predictions an array is: the link from a metric that a user computes to the run that trained the model.

Nothing is attached to a model or an array; both are known by identity, for as long as they live.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import weakref
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from autolog.capture.identity import ByIdentity
from autolog.capture.views import Layout, array, base, layout, rows_of

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = [
    "Link",
    "forget",
    "infer",
    "known",
    "model_run",
    "output_of",
    "remember_made",
    "remember_model",
    "remember_output",
    "remember_prediction",
    "remember_prediction_of",
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


class _Prediction(NamedTuple):
    run: ActiveRun | None
    data: str | None
    length: int | None
    layout: Layout | None


class _ByPlace:
    """A mapping from places in memory to values, each for as long as the object lives that keeps its place."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, tuple[weakref.ref[Any], Any]] = {}

    def put(self, place: Hashable, keeper: object, value: Any) -> None:
        self._entries[place] = (weakref.ref(keeper, lambda dead: self._forget(place, dead)), value)

    def _forget(self, place: Hashable, dead: object) -> None:
        if self._entries.get(place, (None,))[0] is dead:  # else another has the place by now
            self._entries.pop(place, None)

    def get(self, place: Hashable) -> Any:
        return self._entries.get(place, (None, None))[1]


_VIEWS: Final = 8  # views of views that are followed; a numpy array keeps what it is a view of as .base

_models = ByIdentity()
_outputs = ByIdentity()
_predictions = ByIdentity()
_places = _ByPlace()
_recent: ContextVar[tuple[_Prediction, ...]] = ContextVar("autolog_recent_predictions", default=())


def forget() -> None:
    """Know of no prediction of this context."""
    _recent.set(())


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


def remember_prediction(
    model: object, prediction: object, data: str | None, given: Iterable[object] = (), *, recent: bool = True
) -> None:
    """Note that a model predicted something; nobody's, where the model's run is not known.

    Args:
        model: it.
        prediction, data, given, recent: as for `remember_prediction_of`.
    """
    remember_prediction_of(model_run(model), prediction, data, given, recent=recent)


def remember_prediction_of(
    run: ActiveRun | None, prediction: object, data: str | None, given: Iterable[object] = (), *, recent: bool = True
) -> None:
    """Note that something was predicted in a run, be it by one model or by several.

    Args:
        run: it.
        prediction: what was given.
        data: the user's name for the data.
        given: the arguments of the call that made it.
        recent: the user's code asked for it, so that something else may be inferred to be made from it.
    """
    values = array(prediction)
    place = None if values is None else layout(values)
    made = _Prediction(run, data, _length(prediction) if place is None else place.shape[0], place)
    with contextlib.suppress(TypeError):  # a list, say: known by its length only
        _predictions[prediction] = made
        if place is not None:
            _remember_memory(prediction, values, made, given)
    if recent:
        _recent.set((*_recent.get()[1 - _RECENT :], made))


def _remember_memory(prediction: object, values: object, made: _Prediction, given: Iterable[object]) -> None:
    """Note where a prediction lies, and the array that it is a view of, as numpy makes a view of a view one of that.

    Unless that array was there before: among the arguments, or under another prediction, and then it is nobody's.
    """
    owner = base(values)
    if owner is not None and any(owner is each for argument in given for each in (argument, base(argument))):
        return
    if made.layout is not None and made.layout.flat:
        _places.put((made.layout.address, made.layout.flat), prediction, made)
    if owner is not None and prediction is values:
        earlier = _predictions.get(owner)
        _predictions[owner] = made if earlier in (None, made) else made._replace(run=None)


def remember_made(made: object, link: Link) -> None:
    """Note what a function has made from predictions, such as a curve, so that a number made from that joins them."""
    values = array(made)
    if values is not None and (link.how or "column").startswith("column"):
        place = layout(values)
        _predictions[made] = _Prediction(link.run, link.data, place.shape[0], place)


def remember_output(output: object, facts: Mapping[str, Any]) -> None:
    """Note how data was made, e.g. by which transformer, so that a run trained on it can say so."""
    try:
        _outputs[output] = facts
    except TypeError:
        return


def output_of(data: object) -> Mapping[str, Any] | None:
    """Give what is known of how data, or what it is a view of, was made."""
    return next((facts for each in _views(data) if (facts := _outputs.get(each)) is not None), None)


def known(value: object) -> Link | None:
    """Say whose predictions a value is: those themselves, or a view of them, or of their memory; else None."""
    made = _predictions.get(value)
    if made is None:
        made = next((each for each in map(_made, _views(array(value))) if each is not None), None)
    return None if made is None else _linked(made, _part(value, made))


def _views(found: object | None) -> Iterator[object]:
    """Give an array, what it is a view of, and so on."""
    for _ in range(_VIEWS):
        if found is None:
            return
        yield found
        found = base(found)


def _made(found: object) -> _Prediction | None:
    """Give the prediction that an array is, or that has the same memory: what came by way of another library."""
    made: _Prediction | None = _predictions.get(found)
    values = array(found) if made is None else None
    if values is not None:
        place = layout(values)
        made = _places.get((place.address, place.flat)) if place.flat else None
    return made


def infer(value: object) -> Link:
    """Say whose predictions a value may be made from: the latest of its length that the user asked for here."""
    length = _length(value)
    for made in reversed(_recent.get()):
        if length is not None and made.length == length:
            return _linked(made, "inferred")
    return Link(None, None, "unlinked")


def _linked(made: _Prediction, how: str | None) -> Link:
    return Link(made.run, made.data, "unlinked" if made.run is None else how)


def _part(value: object, made: _Prediction) -> str | None:
    values = array(value)
    return None if values is None or made.layout is None else rows_of(layout(values), made.layout)


def _length(value: object) -> int | None:
    """Give the number of rows of what an installed library or plain Python made; a user's own class is not asked."""
    if type(value) in (list, tuple):
        return len(value)  # type: ignore[arg-type]
    module = type(value).__module__.partition(".")[0]
    shape = getattr(value, "shape", None) if module == "numpy" or _is_installed(module) else None
    return shape[0] if isinstance(shape, tuple) and shape and isinstance(shape[0], int) else None


@functools.lru_cache(maxsize=256)
def _is_installed(module: str) -> bool:
    return "-packages" in str(getattr(sys.modules.get(module), "__file__", None))

"""A server's run as a run of ours: the events that would say the same, folded as any others are.

What autolog has delivered has its types back: the tag `autolog.typed` holds what a text does not tell. Of others' runs
params and tags are texts, as MLflow keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeAlias

from autolog.journal.events import Event
from autolog.store.merge import finished_run, fold
from autolog.store.run import Run
from autolog_http.facts import WRITTEN
from autolog_http.later import History, LaterSeries
from autolog_http.names import key
from autolog_http.reading import ENDS, ServerRun, text
from autolog_http.state import State, state_of
from autolog_http.typed import ELSEWHERE, obvious

__all__ = ["as_recorded", "as_run", "is_whole"]

_LARGEST: Final = 1.7976931348623157e308  # MLflow's word for infinity
_INFINITIES: Final = {_LARGEST: float("inf"), -_LARGEST: float("-inf")}
_LESS: Final = (
    "MLflow has no words for signature, environment, splits and error; "
    "autolog.get_run reads them once the whole run is at the server"
)
_TOLD: Final = ("autolog.typed", "autolog.typed_tags", "autolog.rewritten", "autolog.names")
_SHOWN_OTHERWISE: Final = frozenset({"mlflow.runName", "mlflow.parentRunId"})

Points: TypeAlias = "Callable[[str, str], History]"


def as_run(said: ServerRun, experiment: str, parent: str | None, points: Points, store: Any) -> Run:
    """Give the run that a server speaks of.

    Args:
        said: what it says.
        experiment: the experiment's name.
        parent: the id of the run that it is a child of; ours where that is ours.
        points: gives the points of a metric, by its own name and its name at the server.
        store: where it was read from.
    """
    state = state_of(said)
    facts = fold(said.run_id, _events(said, experiment, parent, state))
    own = {each: (_own(value) if said.is_ours else value, each) for each, value in said.metrics.items()}
    for name, (value, there) in _named(said, own).items():
        facts.series[name] = LaterSeries(value, partial(points, name, there))
    for note in _notes(said):
        facts.notes[note] = None
    run = finished_run(facts, state.status, 0, store)
    return run if state.started is not None else replace(run, start_time=None)


def _events(said: ServerRun, experiment: str, parent: str | None, state: State) -> Iterator[Event]:
    event = partial(_event, said.run_id)
    start = {"run_name": None if said.name == said.run_id else said.name, "experiment": experiment, "parent": parent}
    yield event(1, "started", state.started, {**start, "session": "", "tags": _tags(said)})
    yield event(2, "params", None, {"params": _params(said)})
    for number, data in enumerate(said.inputs):
        yield event(3 + number, "dataset", None, _dataset(data))
    if state.ended is not None and state.status in ENDS:
        yield event(0, "finished", state.ended, {"session": "", "status": state.status, "error": None})


def _event(run_id: str, number: int, kind: str, moment: int | None, data: Mapping[str, Any]) -> Event:
    return Event(run_id, kind, moment or 0, "0", number, data)


# ---- params, tags and metrics


def is_whole(said: ServerRun) -> bool:
    """Say whether the server's own words tell all params, tags and metrics by their names and types."""
    keys = {*said.params, *said.metrics, *said.tags} - said.told("autolog.names").keys()
    return all(said.tags.get(name) != ELSEWHERE for name in _TOLD) and all(key(each) == each for each in keys)


def _named(said: ServerRun, values: Mapping[str, Any]) -> dict[str, Any]:
    """Give values under the names they had before a server took them."""
    names = {there: name for there, name in said.told("autolog.names").items() if isinstance(name, str)}
    return {names.get(each, each): value for each, value in values.items()}


def _params(said: ServerRun) -> Mapping[str, Any]:
    if not said.is_ours:
        return said.params
    texts = {**_named(said, said.params), **said.told("autolog.rewritten")}
    return {**{name: obvious(text(each)) for name, each in texts.items()}, **said.told("autolog.typed")}


def _tags(said: ServerRun) -> Mapping[str, Any]:
    shown = WRITTEN if said.is_ours else _SHOWN_OTHERWISE
    known = {name: each for name, each in said.tags.items() if name not in shown}
    return {**_named(said, known), **said.told("autolog.typed_tags")}


def as_recorded(said: ServerRun, points: History) -> History:
    """Give the points of a run; those of ours with the values that MLflow has no word for."""
    return [(step, _own(value), time) for step, value, time in points] if said.is_ours else points


def _own(value: float) -> float:
    return _INFINITIES.get(value, value)


def _dataset(data: Mapping[str, Any]) -> dict[str, Any]:
    tags = data["tags"]
    return {**{name: each for name, each in data.items() if name != "tags"}, "context": tags.get("mlflow.data.context")}


def _notes(said: ServerRun) -> Iterator[str]:
    if said.mistakes:
        yield f"{said.mistakes} params, tags or metrics of what the server says could not be understood"
    if said.is_ours and not is_whole(said):
        yield "params and tags have the types that their texts have; autolog.get_run reads them as they were"
    if said.is_ours:
        yield _LESS

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
from autolog_http.later import History, LaterSeries
from autolog_http.reading import ENDS, ServerRun, parsed, text
from autolog_http.typed import ELSEWHERE, obvious

__all__ = ["as_recorded", "as_run", "is_whole"]

_STATUS: Final = {"SCHEDULED": "RUNNING"}
_LARGEST: Final = 1.7976931348623157e308  # MLflow's word for infinity
_INFINITIES: Final = {_LARGEST: float("inf"), -_LARGEST: float("-inf")}
_LESS: Final = (
    "MLflow has no words for signature, environment, splits and error; "
    "autolog.get_run reads them once the whole run is at the server"
)
_TOLD: Final = ("autolog.typed", "autolog.typed_tags", "autolog.rewritten", "autolog.names")
_SHOWN_OTHERWISE: Final = ("mlflow.runName", "mlflow.parentRunId")
_OURS: Final = (*_SHOWN_OTHERWISE, "autolog.", "mlflow.user", "mlflow.source.", "mlflow.note.content")
"""What delivering makes tags of, that are none of the run's own."""

Points: TypeAlias = "Callable[[str, str], History]"


def as_run(
    said: ServerRun, experiment: str, parent: str | None, points: Callable[[str, str], History], store: Any
) -> Run:
    """Give the run that a server speaks of.

    Args:
        said: what it says.
        experiment: the experiment's name.
        parent: the id of the run that it is a child of; ours where that is ours.
        points: gives the points of a metric, by its own name and its name at the server.
        store: where it was read from.
    """
    facts = fold(said.run_id, _events(said, experiment, parent))
    own = {key: (_own(value) if said.is_ours else value, key) for key, value in said.metrics.items()}
    for name, (value, key) in _named(said, own).items():
        facts.series[name] = LaterSeries(value, partial(points, name, key))
    for note in _notes(said):
        facts.notes[note] = None
    run = finished_run(facts, _status(said), 0, store)
    return run if said.started is not None else replace(run, start_time=None)


def _status(said: ServerRun) -> str:
    status = _STATUS.get(said.status, said.status)
    return status if status in ("RUNNING", *ENDS) else "LOST"


def _events(said: ServerRun, experiment: str, parent: str | None) -> Iterator[Event]:
    event = partial(_event, said)
    start = {
        "run_name": None if said.name == said.run_id else said.name,  # as a run without a name is called there
        "experiment": experiment,
        "parent": parent,
        "session": "",
        "tags": dict(_tags(said)),
    }
    yield event(1, "started", said.started or 0, start)
    yield event(2, "params", 0, {"params": _params(said)})
    for number, data in enumerate(said.inputs):
        yield event(3 + number, "dataset", 0, _dataset(data))
    if said.ended is not None and said.has_ended:
        yield event(0, "finished", said.ended, {"session": "", "status": said.status, "error": None})


def _event(said: ServerRun, number: int, kind: str, moment: int, data: Mapping[str, Any]) -> Event:
    return Event(said.run_id, kind, moment * 1000, "0", number, data)


# ---- params, tags and metrics


def is_whole(said: ServerRun) -> bool:
    """Say whether the server's own words tell all params and tags with their types."""
    return all(said.tags.get(name) != ELSEWHERE for name in _TOLD)


def _told(said: ServerRun, name: str) -> Mapping[str, Any]:
    """Give what a tag of ours tells by name."""
    found = parsed(said.tags.get(name)) if said.is_ours else None
    return found if isinstance(found, dict) else {}


def _named(said: ServerRun, values: Mapping[str, Any]) -> dict[str, Any]:
    """Give values under the names they had before a server took them."""
    names = _told(said, "autolog.names")
    return {text(names.get(key)) or key: value for key, value in values.items()}


def _params(said: ServerRun) -> Mapping[str, Any]:
    if not said.is_ours:
        return said.params
    texts = {**_named(said, said.params), **_told(said, "autolog.rewritten")}
    return {**{name: obvious(text(each)) for name, each in texts.items()}, **_told(said, "autolog.typed")}


def _tags(said: ServerRun) -> Mapping[str, Any]:
    shown = _SHOWN_OTHERWISE if not said.is_ours else _OURS
    known = {name: each for name, each in said.tags.items() if not name.startswith(shown)}
    return {**_named(said, known), **_told(said, "autolog.typed_tags")}


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

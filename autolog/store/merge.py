"""The merge table: a run is the fold of its events.

Events are put into one order, by (time, writer, sequence number), each once however often it was read, and applied one
after another; so the same events give the same run whatever files they came from. What wins:

| kind | rule |
| --- | --- |
| started | the first gives the start; the last gives name, experiment, parent and the session that counts |
| finished | that of the last session gives status, end and error; an end of an earlier session counts no more |
| params | the last value of a key; earlier ones are kept beside it |
| points | all; a metric's last value is that of the greatest (step, time, order) |
| tags, environment | the last value of a key |
| signature | the last |
| dataset, model, artifact | all; of one name (and digest, or path) the last |
| candidate | as started and as params; the run's status and end follow from its splits, or else from its parent's |
| split | the last of a (candidate, split) |
| note | all, each text once |
| beat | none: it only dates the writer |
| deleted | the last |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from autolog.journal.events import Event
from autolog.store.family import Standing
from autolog.store.run import Run
from autolog.store.series import Series
from autolog.store.splits import Split, ended_by, first_error, last_split, series_of
from autolog.values import revive

__all__ = ["Fold", "finished_run", "fold", "moment", "unique"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MISTAKES: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


class Fold:
    """A run in the making."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.starts: list[Event] = []
        self.ends: dict[str, Event] = {}
        self.params: dict[str, Any] = {}
        self.earlier: dict[str, list[Any]] = defaultdict(list)
        self.tags: dict[str, Any] = {}
        self.environment: dict[str, Any] = {}
        self.inputs: dict[Any, Mapping[str, Any]] = {}
        self.models: dict[Any, Mapping[str, Any]] = {}
        self.artifacts: dict[str, Mapping[str, Any]] = {}
        self.splits: dict[str, Split] = {}
        self.signature: Mapping[str, Any] | None = None
        self.series: dict[str, Series] = defaultdict(Series)
        self.notes: dict[str, None] = {}
        self.deleted = False

    @property
    def session(self) -> Event | None:
        """The start of the session that counts."""
        return self.starts[-1] if self.starts else None

    @property
    def parent(self) -> str | None:
        """The run that this one is a child of."""
        return None if self.session is None else _text(self.session.data.get("parent"))

    @property
    def is_candidate(self) -> bool:
        """Say whether this run ends with its last split, or else with its parent."""
        return self.session is not None and self.session.kind == "candidate"

    @property
    def end(self) -> Event | None:
        """The end of the session that counts; without any start that could be read, the last end."""
        if self.session is None:
            return list(self.ends.values())[-1] if self.ends else None
        return self.ends.get(str(self.session.data.get("session")))

    @property
    def standing(self) -> Standing:
        """What decides the run's status."""
        session, splits = self.session, self.splits.values()
        ended = None if self.end is None else str(self.end.data.get("status", "FINISHED"))
        if ended is None and session is not None and self.is_candidate:
            ended = ended_by(session.data.get("splits"), splits)
        writer = None if session is None else session.writer
        has_failed = first_error(splits) is not None
        return Standing(ended, writer, self.parent, self.is_candidate, has_failed, self.deleted)


def fold(run_id: str, events: Iterable[Event]) -> Fold:
    """Give the fold of a run's events; they may come in any order and any number of times."""
    facts = Fold(run_id)
    for event in sorted(unique(events), key=lambda event: event.order):
        merge = MERGE.get(event.kind)
        if merge is not None:
            try:
                merge(facts, event)
            except _MISTAKES:
                facts.notes[f"an event of kind {event.kind!r} could not be understood"] = None
    return facts


def unique(events: Iterable[Event]) -> Collection[Event]:
    """Give each event once. Of two that only pretend to be the same, the choice does not depend on who came first."""
    unique: dict[tuple[str, int], Event] = {}
    for event in events:
        known = unique.setdefault((event.writer, event.seq), event)
        if known is not event and known != event:
            unique[event.writer, event.seq] = min(known, event, key=repr)
    return unique.values()


def _mapping(facts: Fold, values: Any) -> dict[str, Any]:
    """Give values by name. Any text is a name, also one like the keys of typed values; a damaged value costs itself.

    Raises:
        AttributeError: it is no mapping.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        _revive_into(found, name, value, facts)
    return found


def _revive_into(found: dict[str, Any], name: str, value: Any, facts: Fold) -> None:
    try:
        found[name] = revive(value)
    except _MISTAKES:
        facts.notes[f"the value of {name!r} could not be understood"] = None


def _started(facts: Fold, event: Event) -> None:
    facts.starts.append(event)
    facts.tags.update(_mapping(facts, event.data.get("tags", {})))


def _candidate(facts: Fold, event: Event) -> None:
    _started(facts, event)
    if "params" in event.data:
        _params(facts, event)


def _finished(facts: Fold, event: Event) -> None:
    facts.ends[str(event.data.get("session"))] = event


def _params(facts: Fold, event: Event) -> None:
    for key, value in _mapping(facts, event.data["params"]).items():
        if key in facts.params and not _same(facts.params[key], value):
            facts.earlier[key].append(facts.params[key])
        facts.params[key] = value


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and repr(one) == repr(other)


def _points(facts: Fold, event: Event) -> None:
    for key, batch in event.data["series"].items():
        facts.series[key].add(batch)


def _dataset(facts: Fold, event: Event) -> None:
    data = _mapping(facts, event.data)
    facts.inputs[repr([data.get(key) for key in ("name", "digest", "context")])] = data


def _model(facts: Fold, event: Event) -> None:
    facts.models[event.data["name"]] = _mapping(facts, event.data)


def _artifact(facts: Fold, event: Event) -> None:
    facts.artifacts[str(event.data["path"])] = _mapping(facts, event.data)


def _split(facts: Fold, event: Event) -> None:
    data = _mapping(facts, event.data)
    facts.splits[repr([data.get("candidate"), data["split"]])] = Split(event, data)


def _note(facts: Fold, event: Event) -> None:
    facts.notes[str(event.data["text"])] = None


def _tags(facts: Fold, event: Event) -> None:
    facts.tags.update(_mapping(facts, event.data["tags"]))
    for key in event.data.get("removed", ()):
        facts.tags.pop(key, None)


def _environment(facts: Fold, event: Event) -> None:
    facts.environment.update(_mapping(facts, event.data))


def _signature(facts: Fold, event: Event) -> None:
    facts.signature = _mapping(facts, event.data)


def _deleted(facts: Fold, event: Event) -> None:
    facts.deleted = bool(event.data["deleted"])


MERGE: Final[Mapping[str, Callable[[Fold, Event], None]]] = {
    "started": _started,
    "candidate": _candidate,
    "finished": _finished,
    "params": _params,
    "points": _points,
    "tags": _tags,
    "environment": _environment,
    "signature": _signature,
    "dataset": _dataset,
    "model": _model,
    "artifact": _artifact,
    "split": _split,
    "note": _note,
    "deleted": _deleted,
}


def finished_run(facts: Fold, status: str, unreadable: int, store: Any = None) -> Run:
    """Give the run that a fold amounts to.

    Args:
        facts: the fold.
        status: of the run.
        unreadable: damaged pieces in the tree's journals.
        store: where it was read from.
    """
    start, session = facts.starts[0] if facts.starts else None, facts.session
    end = last_split(facts.splits.values()) if facts.is_candidate and status != "RUNNING" else facts.end
    said = session.data if session is not None else {}
    series = {**series_of(facts.splits.values()), **facts.series}
    metrics = {key: each.last for key, each in series.items()}
    return Run(
        run_id=facts.run_id,
        run_name=_text(said.get("run_name")),
        experiment=str(said.get("experiment", "default")),
        parent_run_id=facts.parent,
        status=status,
        start_time=moment(_time(start)),
        end_time=moment(_time(end)),
        params=facts.params,
        earlier_params=dict(facts.earlier),
        metrics={key: value for key, value in metrics.items() if value is not None},
        tags=facts.tags,
        inputs=list(facts.inputs.values()),
        signature=facts.signature,
        artifacts=facts.artifacts,
        models=list(facts.models.values()),
        environment=facts.environment,
        splits=[split.data for split in facts.splits.values()],
        error=_error(facts.end) or (first_error(facts.splits.values()) if facts.is_candidate else None),
        notes=_notes(facts, unreadable),
        unreadable=unreadable,
        _series=series,
        _store=store,
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _error(end: Event | None) -> Mapping[str, Any] | None:
    said = end.data.get("error") if end is not None else None
    return said if isinstance(said, dict) else None


def moment(time: int | None) -> datetime | None:
    """Give a time in microseconds since the epoch as one in UTC; None where no calendar has it."""
    if time is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=time)
    except OverflowError:
        return None


def _time(event: Event | None) -> int | None:
    return None if event is None else event.time


def _notes(facts: Fold, unreadable: int) -> list[str]:
    damage = [f"{unreadable} damaged pieces of its journal could not be read"] if unreadable else []
    start = [] if facts.starts else ["its start could not be read"]
    batches = sum(series.unreadable for series in facts.series.values())
    points = [f"{batches} batches of metric points could not be understood"] if batches else []
    return [*facts.notes, *start, *points, *damage]

"""What is sent of one top-level run: what the server lacks of what was handed over."""

from __future__ import annotations

import contextlib
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from autolog import guard
from autolog.exceptions import RefusedError
from autolog.hookspecs import Batch
from autolog.journal.events import Event
from autolog.store.run import Run
from autolog_http import artifacts, mlmodels, record
from autolog_http.abreast import abreast
from autolog_http.cells import Key, Placed, Point, points_of
from autolog_http.client import Client, ServerError
from autolog_http.facts import dataset_input, milliseconds, params_of, tags_of
from autolog_http.names import key, limits_of
from autolog_http.runs import Remote, Runs, is_refusal
from autolog_http.tree import Tree

__all__ = ["REST", "Sender"]

_FEW: Final = 5  # candidates of searches that go on, sent at a time: they are many, and the end sends them side by side
REST: Final = 10.0  # seconds before and between them, since a server on this machine takes what the search needs
_ABREAST: Final = 4  # requests at once, where nobody trains meanwhile
_MISTAKES: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What comes of events that say what no writer of ours does."""


class Sender:
    """Sends one top-level run.

    Args:
        client: reaches the server.
        tree: what was handed over of it.
    """

    def __init__(self, client: Client, tree: Tree) -> None:
        self.tree = tree
        self._client = client
        self._limits = limits_of(client.version)
        self._waiting: set[str] = set() if tree.cells.is_new else set(tree)
        self._aside: list[str] = []
        self._rested = time.monotonic() + REST
        self.forget()

    def forget(self) -> None:
        """Ask the server again what it has."""
        self._runs = Runs(self._client, self._limits, self.tree.id, self._aside.append)

    def deliver(self, batch: Batch, *, hurries: bool) -> list[str]:
        """Send what a batch tells, side by side where nobody trains meanwhile, and give what was refused."""
        self._aside.clear()
        self.tree.is_whole = False
        touched = self.tree.hear(batch.events)
        placed = self._place(batch)
        due, few = self._due(touched, {run_id for run_id, _ in placed.points})
        self._send_all(due, placed, hurries=hurries)
        if few:
            self._send_all(few, placed, hurries=hurries)
            self._rested = time.monotonic() + REST
        for event in batch.events:
            self._send_files(event, batch.files)
        self._waiting.difference_update((*due, *few))
        self.tree.cells.commit(placed)
        self.tree.delivered[batch.writer] = batch.end
        return list(self._aside)

    def settle(self) -> list[str]:
        """Say how each run stands, and send the journals."""
        self._aside.clear()
        self.tree.is_whole = True
        for run_id in self.tree:
            self._send(run_id, Placed({}, {}))
        top = self._runs.get(self.tree.id)
        if top is not None:
            with self._refusable("the journals"):
                record.put(self._client, top, self.tree.folder)
        return list(self._aside)

    def _due(self, touched: set[str], with_points: set[str]) -> tuple[list[str], list[str]]:
        """Give the runs to be sent, and a few candidates of searches that go on, at times: they are many."""
        candidates = self.tree.candidates(touched | self._waiting)
        searching = {parent for parent in {*candidates.values()} if self.tree.status(parent) == "RUNNING"}
        patient = {run_id for run_id, parent in candidates.items() if parent in searching} - with_points
        self._waiting |= touched | candidates.keys()
        wanted = [each for each in self.tree if each in self._waiting]
        few = [each for each in wanted if each in patient][:_FEW] if time.monotonic() >= self._rested else []
        return [each for each in wanted if each not in patient], few

    def _place(self, batch: Batch) -> Placed:
        points: dict[Key, list[Point]] = defaultdict(list)
        for series, each in (found for event in batch.events for found in points_of(event)):
            points[series] += each
        return self.tree.cells.place(points, batch.earlier)

    @contextlib.contextmanager
    def _refusable(self, what: str) -> Iterator[None]:
        """Keep aside what MLflow will never take; the rest goes on."""
        try:
            yield
        except ServerError as error:
            if not is_refusal(error):
                raise
            self._aside.append(f"{what}: {error}")
        except (RefusedError, *_MISTAKES) as error:
            self._aside.append(f"{what}: {guard.describe(error)}")

    # ---- a run

    def _send_all(self, runs: Sequence[str], placed: Placed, *, hurries: bool) -> None:
        """Send runs, one by one; in a hurry only those above others, and then the rest side by side."""
        alone = {self.tree.run(run_id).parent_run_id for run_id in runs} if hurries else set(runs)
        rest = [run_id for run_id in runs if run_id not in alone]
        for run_id in (*(each for each in runs if each in alone), *rest[:1]):  # the first finds out what is as for all
            self._send(run_id, placed)
        abreast(lambda run_id: self._send(run_id, placed), rest[1:], _ABREAST)

    def _send(self, run_id: str, placed: Placed) -> None:
        with self._refusable(f"run {run_id}"):
            run = self.tree.run(run_id)
            remote = self._remote(run)
            splits = self._split_metrics(run, remote)
            points = [(name, each) for (of, name), found in placed.points.items() if of == run_id for each in found]
            tags, params = self._tags(run), params_of(run, self._limits)
            self._runs.update(remote, params, tags, [_metric(*each) for each in (*points, *splits)])
            remote.splits.update(map(repr, splits))
            with self._refusable(f"removed tags of run {run_id}"):
                self._runs.remove_tags(remote, {key(name) for name in self.tree.removed_tags(run_id)} - tags.keys())
            with self._refusable(f"the datasets of run {run_id}"):
                self._runs.add_inputs(remote, self._inputs(run))
            with self._refusable(f"the status of run {run_id}"):
                self._runs.set_status(remote, *self._ending(run))

    def _inputs(self, run: Run) -> dict[tuple[str, ...], dict[str, Any]]:
        """Give the datasets; one that cannot be understood costs itself."""
        found = {}
        for each in run.inputs:
            with self._refusable(f"dataset {each.get('name')} of run {run.run_id}"):
                found[_identity(each)] = dataset_input(each)
        return found

    def _remote(self, run: Run, below: frozenset[str] = frozenset()) -> Remote:
        """Give a run at the server, begun there after its parent."""
        start = milliseconds(run.start_time)
        begun = start if start is not None else self.tree.times(run.run_id)[0] // 1000
        return self._runs.begin(run.run_id, run.experiment, begun, self._tags(run, below))

    def _tags(self, run: Run, below: frozenset[str] = frozenset()) -> dict[str, str]:
        parent = self._parent(run, below | {run.run_id})
        return tags_of(run, self.tree.id, None if parent is None else parent.id, self._limits)

    def _parent(self, run: Run, below: frozenset[str]) -> Remote | None:
        parent = run.parent_run_id
        if parent is None or parent in below or not self.tree.knows(parent):
            return None
        return self._runs.get(parent) or self._remote(self.tree.run(parent), below)

    def _split_metrics(self, run: Run, remote: Remote) -> list[tuple[str, Point]]:
        """Give the metrics of a candidate's splits that were not sent; their means once the search has ended.

        By then it has written better ones, where it could.
        """
        told = (split.get("metrics") for split in run.splits)
        of_splits = {name for metrics in told if isinstance(metrics, dict) for name in metrics}
        is_searching = self.tree.status(run.parent_run_id) == "RUNNING"
        wanted = {name for name in run.metrics if name in of_splits or not is_searching} - self.tree.series[run.run_id]
        points = [
            (name, Point(step, round(seconds * 1_000_000) // 1000, value))
            for name in sorted(wanted)
            for step, value, seconds in run.history(name)
        ]
        return [each for each in points if repr(each) not in remote.splits]

    def _ending(self, run: Run) -> tuple[str, int | None]:
        """Give MLflow's status and end time; of a run that was lost, when it was last heard of."""
        if run.status == "LOST":
            return "KILLED", self.tree.times(run.run_id)[1] // 1000
        return run.status, milliseconds(run.end_time)

    # ---- files

    def _send_files(self, event: Event, files: Mapping[str, Path]) -> None:
        source = files.get(f"files/{event.run}/{event.data.get('path')}")
        if event.kind not in ("artifact", "model") or source is None:
            return
        path = str(event.data["path"])
        with self._refusable(f"{event.kind} {path} of run {event.run}"):
            run = self.tree.run(event.run)
            remote = self._remote(run)
            artifacts.put(self._client, remote.root, path, source)
            if event.kind == "model":
                self._log_model(run, remote, event.data, source)

    def _log_model(self, run: Run, remote: Remote, facts: Mapping[str, Any], source: Path) -> None:
        experiment = remote.experiment if self._limits.has_models else None
        mlmodels.log(self._client, experiment, run, remote, facts, source)


def _metric(name: str, point: Point) -> dict[str, Any]:
    value: Any = point.value
    if not math.isfinite(value):
        value = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}[str(value)]  # as its JSON has them
    return {"key": key(name), "value": value, "timestamp": point.time, "step": point.step}


def _identity(dataset: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(dataset.get(name)) for name in ("name", "digest", "context"))

"""Delivery to a destination beside the journal's own folder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

import autolog
from autolog import delivery, session
from autolog.delivery import Courier, cursor_path
from autolog.hookspecs import Batch, Delivery
from autolog_files import FolderBackend


def facts(run: autolog.Run) -> Mapping[str, object]:
    """What must be the same wherever a run is read."""
    return {
        "params": run.params,
        "metrics": run.metrics,
        "history": {key: run.history(key) for key in run.metrics},
        "tags": run.tags,
        "status": run.status,
        "artifacts": run.artifacts,
        "notes": run.notes,
    }


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(delivery, "_FIRST_WAIT", 0.01)


class Unreliable(FolderBackend):
    """A folder that fails in the ways it is told to, before it takes a batch or after."""

    def __init__(self, root: Path, *answers: str) -> None:
        super().__init__(root)
        self.answers = list(answers)
        self.batches: list[Batch] = []

    def deliver(self, batch: Batch) -> Delivery:
        self.batches.append(batch)
        answer = self.answers.pop(0) if self.answers else "done"
        if answer == "lost answer":
            super().deliver(batch)
            return Delivery("retry", "the connection was cut after the batch was taken")
        if answer == "crash":
            raise ConnectionError("no route to host")
        return super().deliver(batch) if answer == "done" else Delivery(answer, "told to", 0.0)  # type: ignore[arg-type]


def record(store: Path) -> autolog.ActiveRun:
    with autolog.start_run(run_name="delivered") as run:
        autolog.log_params({"C": 1.0, "long": ["x"] * 100_000})
        for step in range(500):
            autolog.log_metric("loss", 1 / (step + 1), step=step)
        autolog.log_text("hello", "notes/hello.txt")
    return run


def test_every_destination_gets_the_whole_run(tmp_path: Path) -> None:
    """A second folder ends up with the same runs as the first, files included."""
    first, second = tmp_path / "first", tmp_path / "second"
    autolog.enable(backend=[str(first), str(second)])
    run = record(first)
    session.get()._at_exit()
    copy = autolog.get_run(run.run_id, store=second)
    assert facts(copy) == facts(autolog.get_run(run.run_id, store=first))
    assert copy.artifact_path("notes/hello.txt").read_text() == "hello"
    assert copy.whole_param("long") == ["x"] * 100_000


@pytest.mark.parametrize("answers", [("retry",), ("lost answer",), ("retry", "lost answer", "retry")])
def test_a_destination_that_fails_for_a_while_gets_everything_once(
    tmp_path: Path, store: Path, answers: tuple[str, ...]
) -> None:
    """Batches are tried again, and one whose answer was lost changes nothing the second time."""
    autolog.enable(backend=str(store))
    run = record(store)
    session.get()._at_exit()
    courier = Courier("test:", Unreliable(tmp_path / "copy", *answers))
    courier._folders.append(store / run.run_id)
    deadline = time.monotonic() + 30
    assert courier.finish(deadline) == 0
    assert facts(autolog.get_run(run.run_id, store=tmp_path / "copy")) == facts(
        autolog.get_run(run.run_id, store=store)
    )


@pytest.mark.swallows
def test_a_destination_that_stays_away_costs_only_the_delivery(tmp_path: Path, store: Path) -> None:
    """At the deadline the run is counted as not delivered, and a later courier goes on from the cursor."""
    autolog.enable(backend=str(store))
    run = record(store)
    session.get()._at_exit()
    away = Courier("test:", Unreliable(tmp_path / "copy", *["crash"] * 1000))
    away._folders.append(store / run.run_id)
    assert away.finish(time.monotonic() + 0.3) == 1
    back = Courier("test:", Unreliable(tmp_path / "copy"))
    back._folders.append(store / run.run_id)
    assert back.finish(time.monotonic() + 30) == 0
    assert facts(autolog.get_run(run.run_id, store=tmp_path / "copy")) == facts(
        autolog.get_run(run.run_id, store=store)
    )


def test_what_was_delivered_is_not_sent_again(tmp_path: Path, store: Path) -> None:
    """A second courier to the same destination finds the cursors at the end, and sends nothing."""
    autolog.enable(backend=str(store))
    run = record(store)
    session.get()._at_exit()
    for expected in (True, False):
        backend = Unreliable(tmp_path / "copy")
        courier = Courier("test:", backend)
        courier._folders.append(store / run.run_id)
        assert courier.finish(time.monotonic() + 30) == 0
        assert bool(backend.batches) is expected


@pytest.mark.swallows
def test_what_is_refused_for_good_is_kept_aside_and_the_rest_goes_on(tmp_path: Path, store: Path) -> None:
    """A refusal is written down with its reason, and does not hold up what follows."""
    autolog.enable(backend=str(store))
    run = record(store)
    session.get()._at_exit()
    courier = Courier("test:", Unreliable(tmp_path / "copy", "refused"))
    courier._folders.append(store / run.run_id)
    assert courier.finish(time.monotonic() + 30) == 0
    refused = cursor_path(store / run.run_id, "test:").with_suffix(".refused.jsonl")
    assert "told to" in refused.read_text()

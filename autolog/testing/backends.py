"""The suite that a backend's author subclasses: what autolog promises about records, held up to one destination."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

import autolog
from autolog import session
from autolog.delivery.batches import journals
from autolog.delivery.cursors import public_uri
from autolog.delivery.route import LaterError, Route
from autolog.hookspecs import Backend, Batch, Delivery
from autolog.store.run import Run
from autolog.testing.recorded import in_thread

__all__ = ["BackendContract"]

_TRIES: Final = 50
_SMALL: Final = 700  # bytes of a batch, so that there are many


class BackendContract:
    """What a backend must hold; derive a `Test…` class and give the fixture `uri`, and better `away` as well.

    Where runs are not read back by `autolog_open_store`, fill in `arrived`; where the destination keeps less of a run
    than autolog does, have `facts` give what it keeps. Tests run without waiting; nothing of them needs a clock.
    """

    pytestmark: ClassVar[Any] = [pytest.mark.usefixtures("autolog_guard", "autolog_process")]

    @pytest.fixture
    def uri(self) -> str:
        """Give the URI of a place of the destination's that nothing was written to yet."""
        raise NotImplementedError(f"{type(self).__qualname__} has no fixture uri: where to deliver to")

    @pytest.fixture
    def away(self) -> str:
        """Give the URI of a destination that cannot be reached; where this is left out, that is not tested."""
        pytest.skip(f"{type(self).__qualname__} has no fixture away: a destination that cannot be reached")

    def facts(self, run: Run) -> object:
        """Give what must be the same of a run there as in the journal."""
        return {
            "name": (run.run_name, run.experiment, run.parent_run_id),
            "status": (run.status, run.error),
            "times": (run.start_time, run.end_time),
            "params": {name: run.whole(value) for name, value in run.params.items()},
            "earlier params": run.earlier_params,
            "series": {key: [_exact(point) for point in run.history(key)] for key in run.metrics},
            "tags": run.tags,
            "inputs": run.inputs,
            "signature": run.signature,
            "files": {path: _digest(run.artifact_path(path)) for path in run.artifacts},
            "notes": run.notes,
        }

    def arrived(self, uri: str) -> dict[str, object]:
        """Give the facts of all runs that are there, by their ids."""
        return {run.run_id: self.facts(run) for run in session.get().open_store(uri).runs()}

    # ---- what arrives

    def test_a_run_arrives_whole(self, uri: str, recorded: Path) -> None:
        """Params, series, tags, a dataset, files, an error and children are there as in the journal."""
        _rich()
        self._deliver(uri, recorded)
        assert self.arrived(uri) == self._expected(recorded)

    def test_what_comes_later_wins(self, uri: str, recorded: Path) -> None:
        """Batches are taken in order, also while the run goes on; a value given anew takes the earlier's place."""
        with autolog.start_run(run_name="going on"):
            for step in range(30):
                autolog.log_params({"step": step})
                autolog.log_metric("loss", 1 / (step + 1), step=step)
                if step % 10 == 0:
                    self._deliver(uri, recorded)
        self._deliver(uri, recorded)
        assert self.arrived(uri) == self._expected(recorded)

    def test_large_values_arrive(self, uri: str, recorded: Path) -> None:
        """A value too large for a line, a long series, and a file of some megabytes."""
        with autolog.start_run():
            autolog.log_params({"long": "x" * 100_000, "many": list(range(20_000))})
            for step in range(5_000):
                autolog.log_metric("long", float(step), step=step)
            autolog.log_text("y" * 3_000_000, "large.txt")
        self._deliver(uri, recorded)
        assert self.arrived(uri) == self._expected(recorded)

    def test_odd_names_and_values_arrive(self, uri: str, recorded: Path) -> None:
        """Whatever autolog takes as a name, and numbers that are none."""
        with autolog.start_run(run_name="größe / 'a' \"b\" %41 \U0001f600"):
            autolog.log_params({"a b/c": 1, "ü%20\U0001f600": "line\nline", "$float": None, "x" * 200: (1, 2.5)})
            for value in (math.nan, math.inf, -math.inf, -0.0, 5e-324):
                autolog.log_metric("odd/ü name", value, step=-3)
            autolog.set_tag("tag: 'a';--", "\u2028")
            autolog.log_text("text", "deep/er/ü ä+%41&=?#.txt")
            autolog.log_text("", "empty.txt")
        self._deliver(uri, recorded)
        assert self.arrived(uri) == self._expected(recorded)

    def test_a_file_that_is_written_anew_is_replaced(self, uri: str, recorded: Path) -> None:
        """Also by one of the same size."""
        with autolog.start_run():
            autolog.log_text("old", "a.txt")
            self._deliver(uri, recorded)
            autolog.log_text("new", "a.txt")
        self._deliver(uri, recorded)
        assert self.arrived(uri) == self._expected(recorded)

    def test_runs_side_by_side_arrive(self, uri: str, recorded: Path) -> None:
        """Several at once, on two connections, each of which takes a batch of one and then of another."""
        runs = [autolog.start_run(run_name=f"run {number}", nested=number > 0) for number in range(4)]
        for step in range(20):
            for run in runs:
                run.log_metrics({"loss": step * 0.5}, step=step)
        for run in reversed(runs):
            run.end()
        _small_run()
        _small_run()
        folders = self._folders(recorded)
        first, second = self._small(uri), self._small(uri)
        in_thread(lambda: self._hand_over(uri, folders[::2], first))
        self._hand_over(uri, folders[1::2], second)
        for backend in (first, second):
            backend.close()
        assert self.arrived(uri) == self._expected(recorded)

    # ---- what goes wrong

    def test_a_batch_that_comes_twice_changes_nothing(self, uri: str, recorded: Path) -> None:
        """Each batch is taken, its answer is lost, and it comes again; at the end all come once more."""
        _rich()
        self._deliver(uri, recorded, _AnswersLost)
        assert self.arrived(uri) == self._expected(recorded)
        self._forget(recorded)
        self._deliver(uri, recorded)
        assert self.arrived(uri) == self._expected(recorded)

    def test_a_batch_that_comes_again_with_more_lines_adds_these(self, uri: str, recorded: Path) -> None:
        """Where it was not written down how far the destination was served, all comes from the beginning, and more."""
        with autolog.start_run():
            for step in range(3):
                autolog.log_metric("loss", step * 0.5, step=step)
                autolog.log_params({f"p{step}": step})
                self._deliver(uri, recorded, size=1 << 20)
                self._forget(recorded)
        self._deliver(uri, recorded, size=1 << 20)
        assert self.arrived(uri) == self._expected(recorded)

    def test_a_process_that_dies_between_batches_is_gone_on_after(self, uri: str, recorded: Path) -> None:
        """Each batch is taken by a connection of its own, which is not closed before the next is opened."""
        _rich()
        self._deliver(uri, recorded, lambda _: _Reborn(lambda: self._open(uri)))
        assert self.arrived(uri) == self._expected(recorded)

    def test_a_batch_that_fails_for_a_while_is_taken_later(self, uri: str, recorded: Path) -> None:
        """Before each batch is taken it has failed once."""
        _rich()
        self._deliver(uri, recorded, _FirstFails)
        assert self.arrived(uri) == self._expected(recorded)

    def test_what_follows_a_batch_that_was_refused_arrives(self, uri: str, recorded: Path) -> None:
        """One in the middle is refused for good; the run is there nevertheless, and has ended."""
        with autolog.start_run(run_name="with a gap") as run:
            for number in range(20):
                autolog.log_params({f"p{number}": "x" * 100})
        self._deliver(uri, recorded, _SecondRefused)
        assert list(self.arrived(uri)) == [run.run_id]
        _small_run()
        self._deliver(uri, recorded)
        expected, arrived = self._expected(recorded), self.arrived(uri)
        del expected[run.run_id], arrived[run.run_id]
        assert arrived == expected

    def test_a_torn_line_costs_itself(self, uri: str, recorded: Path) -> None:
        """What a writer was killed in the middle of is handed over, and what was whole is there."""
        with autolog.start_run() as run:
            autolog.log_params({"a": 1})
        session.get().end()
        (journal,) = journals(recorded / run.run_id)
        with journal.open("ab") as file:
            file.write(b'{"run":"torn')
        self._deliver(uri, recorded)
        assert list(self.arrived(uri)) == [run.run_id]

    def test_a_destination_that_is_away_says_to_try_later(self, away: str, recorded: Path) -> None:
        """Opening it raises nothing; what it is handed is to be tried again, with a reason in one line."""
        _small_run()
        (folder,) = self._folders(recorded)
        backend = _Heard(self._open(away))
        with pytest.raises(LaterError):
            Route(folder, public_uri(away), backend).advance(_Gate())
        backend.close()
        (said,) = backend.said
        assert said.state == "retry"
        assert said.reason
        assert "\n" not in said.reason

    # ---- the connection

    def test_a_connection_can_be_closed_twice(self, uri: str, recorded: Path) -> None:
        """Also one that was never used; the next one works."""
        for _ in range(2):
            backend = self._open(uri)
            backend.close()
            backend.close()
        _small_run()
        self._deliver(uri, recorded)
        assert self.arrived(uri) == self._expected(recorded)

    def test_settling_twice_changes_nothing(self, uri: str, recorded: Path) -> None:
        """A run that is said to be complete again, after more has come, is as in the journal."""
        with autolog.start_run() as run:
            autolog.log_metric("loss", 0.5)
        self._deliver(uri, recorded)
        autolog.log_metric("later", 1.0, run_id=run.run_id)
        self._deliver(uri, recorded)
        backend = _Heard(self._open(uri))
        for _ in range(2):
            backend.settle(run.run_id, recorded / run.run_id)
        backend.close()
        assert [said.state for said in backend.said] == ["done", "done"]
        assert self.arrived(uri) == self._expected(recorded)

    # ---- parts of these

    @pytest.fixture
    def recorded(self, autolog_process: None, tmp_path: Path) -> Path:
        """Record into a folder, from which it is delivered by hand."""
        folder = tmp_path / "recorded"
        autolog.enable(backend=folder, silent=True)
        return folder

    def _open(self, uri: str) -> Backend:
        return session.get().open_backend(uri)

    def _small(self, uri: str, size: int = _SMALL) -> _Heard:
        backend = _Heard(self._open(uri))
        backend.batch_bytes = size
        return backend

    def _deliver(
        self, uri: str, recorded: Path, through: Callable[[Backend], Backend] | None = None, size: int = _SMALL
    ) -> None:
        """Hand over all that was recorded and is not there yet, in small batches."""
        heard = self._small(uri, size)
        backend = through(heard) if through is not None else heard
        backend.batch_bytes = size
        self._hand_over(uri, self._folders(recorded), backend)
        backend.close()
        heard.close()

    def _hand_over(self, uri: str, folders: list[Path], backend: Backend) -> None:
        for folder in folders:
            _advance(Route(folder, public_uri(uri), backend))

    def _folders(self, recorded: Path) -> list[Path]:
        session.get().settle()
        return sorted(path for path in recorded.iterdir() if path.is_dir())

    def _forget(self, recorded: Path) -> None:
        for path in recorded.glob("*/.sent/*.json"):
            path.unlink()

    def _expected(self, recorded: Path) -> dict[str, object]:
        return {run.run_id: self.facts(run) for run in session.get().open_store(str(recorded)).runs()}


def _advance(route: Route) -> None:
    answers = [_answer(route) for _ in range(_TRIES) if not route.is_complete]
    assert route.is_complete or not answers[-1], f"not taken after {_TRIES} tries: {answers[-1]}"


def _answer(route: Route) -> str:
    try:
        return "" if route.advance(_Gate()) else "another process delivers this run"
    except LaterError as error:
        return str(error)


class _Gate:
    """Lets everything pass."""

    hurries = True

    def opens(self, *, ended: bool) -> bool:
        """Say yes."""
        return True

    def passed(self, batch: Batch, *, ended: bool) -> None:
        """Take no notice."""


class _Heard(Backend):
    """A backend whose answers are looked at.

    Args:
        inner: it.
    """

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.said: list[Delivery] = []

    def deliver(self, batch: Batch) -> Delivery:
        """Take a batch."""
        return self._heard(self.inner.deliver(batch))

    def settle(self, tree: str, folder: Path) -> Delivery:
        """Take notice of the end."""
        return self._heard(self.inner.settle(tree, folder))

    def close(self) -> None:
        """Let go."""
        self.inner.close()

    def _heard(self, said: Delivery) -> Delivery:
        assert isinstance(said, Delivery), f"deliver() and settle() give a Delivery, not {said!r}"
        self.said.append(said)
        return said


class _AnswersLost(_Heard):
    """Takes each batch, and says that the connection was cut; the second time the answer comes through."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.taken: set[tuple[str, str, int]] = set()

    def deliver(self, batch: Batch) -> Delivery:
        """Take a batch."""
        name = (batch.tree, batch.writer, batch.offset)
        said = super().deliver(batch)
        is_first = name not in self.taken
        self.taken.add(name)
        return Delivery("retry", "the connection was cut", 0.0) if is_first else said


class _FirstFails(_AnswersLost):
    """Fails once before each batch."""

    def deliver(self, batch: Batch) -> Delivery:
        """Take a batch."""
        name = (batch.tree, batch.writer, batch.offset)
        if name in self.taken:
            return self.inner.deliver(batch)
        self.taken.add(name)
        return Delivery("retry", "not now", 0.0)


class _SecondRefused(_Heard):
    """Refuses the second batch, which does not come to the destination."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.batches = 0

    def deliver(self, batch: Batch) -> Delivery:
        """Take a batch."""
        self.batches += 1
        return super().deliver(batch) if self.batches != len(("first", "second")) else Delivery("refused", "too odd")


class _Reborn(Backend):
    """Takes each batch with a backend that was just opened, as the next process would.

    Args:
        opened: opens one.
    """

    def __init__(self, opened: Callable[[], Backend]) -> None:
        self._opened = opened
        self._left: list[Backend] = []

    def deliver(self, batch: Batch) -> Delivery:
        """Take a batch."""
        return self._next().deliver(batch)

    def settle(self, tree: str, folder: Path) -> Delivery:
        """Take notice of the end."""
        return self._next().settle(tree, folder)

    def close(self) -> None:
        """Let go of all, which the system does for processes that died."""
        for backend in self._left:
            backend.close()

    def _next(self) -> Backend:
        self._left.append(self._opened())
        return self._left[-1]


# ---- what is recorded


def _rich() -> None:
    """Record a run with something of each kind, a child, and an end with an error."""
    with pytest.raises(ZeroDivisionError), autolog.start_run(run_name="rich", tags={"team": "a"}, experiment="e"):
        autolog.log_params({"C": 0.5, "layers": [64, 32], "name": "x", "none": None, "flag": True})
        for step in range(40):
            autolog.log_metrics({"loss": 1 / (step + 1), "accuracy": 1 - 1 / (step + 1)}, step=step)
        autolog.log_params({"C": 1.5})
        autolog.log_input([[1, 2], [3, 4]], name="rows", context="train")
        autolog.log_dict({"a": [1, 2]}, "facts/a.json")
        with autolog.start_run(run_name="child", nested=True):
            autolog.log_metric("score", 0.25)
        raise ZeroDivisionError("as it happens")


def _small_run() -> None:
    with autolog.start_run(run_name="small"):
        autolog.log_params({"a": 1})
        autolog.log_metric("loss", 0.5, step=1)


def _exact(point: tuple[int, float, float]) -> tuple[int, str, float]:
    """Tell NaN from NaN by nothing, and zeros by their sign."""
    step, value, time = point
    return step, value.hex(), time


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

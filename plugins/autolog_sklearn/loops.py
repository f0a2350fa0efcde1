"""Trainings that go on from call to call of `partial_fit`: known by their estimator, for as long as it lives."""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autolog import guard, session
from autolog_sklearn.kinds import own_attributes

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["Loop", "loop_of", "settle"]


class Loop:
    """A training that is under way between calls; its run stays open.

    Args:
        run: what its steps are recorded on.
        within: the run that was active around the first call, or None.
    """

    def __init__(self, run: ActiveRun, within: ActiveRun | None) -> None:
        self.run = run
        self._within = within
        self._process = os.getpid()
        self._keeps_model = False
        self._model: weakref.ref[Any] | None = None
        self._calls = 0
        self._rows = 0

    def begins(self, model: object, keeps_model: bool) -> bool:
        """Be the training of an estimator from now on; False where it is that already.

        Args:
            model: the estimator.
            keeps_model: whether it is to be saved at the end.
        """
        if self._model is not None:
            return False
        self._keeps_model = keeps_model
        self._model = weakref.ref(model, self._died)
        _loops[id(model)] = self
        return True

    def goes_on(self, model: object, within: ActiveRun | None) -> bool:
        """Say whether a call is part of this training: not in another process, nor inside a run opened since."""
        return self._is_of(model) and (within is None or within.run_id in self._run_ids())

    def _is_of(self, model: object) -> bool:
        return self._model is not None and self._model() is model and self._process == os.getpid()

    def _run_ids(self) -> set[str]:
        return {run.run_id for run in (self.run, self._within) if run is not None}

    def step(self, seconds: float, rows: int | None, found: Mapping[str, float]) -> None:
        """Log a call as a step of the run: the first is step 0."""
        self._rows += rows or 0
        metrics = {"partial_fit_seconds": seconds, **({} if rows is None else {"rows_seen": self._rows}), **found}
        self.run.log_metrics(metrics, step=self._calls)
        self._calls += 1

    def failed(self, error: BaseException) -> None:
        """Say which call failed; the program may go on with the next."""
        self.run.note(f"partial_fit failed where step {self._calls} would have been: {guard.describe(error)}")

    def end_with(self, error: BaseException | None) -> None:
        """Save the model as it is now, and end the run, unless the user opened it."""
        model = None if self._model is None else self._model()
        if self._keeps_model:
            guard.call("sklearn.loop_model", self.run, self._save, model)
        if self._within is None or self._within.run_id != self.run.run_id:
            self.run.end_with(error)

    def _save(self, model: object) -> None:
        if model is None:
            self.run.note("no model: the estimator was gone before the end of its partial_fit calls was known")
        elif not own_attributes(model):
            self.run.note(
                "no model: it is not scikit-learn's own class, whose code does not expect to be run at the end"
            )
        else:
            from autolog.models.of_runs import save_to_run

            save_to_run(self.run, model, "model", session.get().hooks)

    def _died(self, _: object) -> None:
        """Only note it: the garbage collector may be at work in the middle of anything."""
        _orphans.append(self)


_loops: dict[int, Loop] = {}
_orphans: deque[Loop] = deque()


def loop_of(model: object, within: ActiveRun | None) -> Loop | None:
    """Give the training that a call on an estimator is part of."""
    loop = _loops.get(id(model))
    return loop if loop is not None and loop.goes_on(model, within) else None


def settle(model: object) -> None:
    """End the training of an estimator, which is trained anew, and those whose estimators have died."""
    loop = _loops.get(id(model))
    ended = [loop] if loop is not None and loop.goes_on(model, None) else []
    while _orphans:
        ended.append(_orphans.popleft())
    for each in ended:
        each.end_with(None)
    for number in [number for number, each in _loops.items() if each in ended]:
        del _loops[number]

"""The folds of a cross-validation that trains them side by side, a round at a time: a child run each."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from autolog.capture.identity import ByIdentity
from autolog.capture.rounds import Rounds
from autolog.recording.candidates import candidate, log_split
from autolog.recording.endings import error_facts

if TYPE_CHECKING:
    from autolog.capture.calls import Call
    from autolog.recording.runs import ActiveRun

__all__ = ["Folds", "folds_of"]


class Folds:
    """The folds of a run; found by the handlers of calls inside that run's for the body of a `with`.

    Args:
        run: of the cross-validation.
        expected: how many rounds there will be at most.
    """

    def __init__(self, run: ActiveRun, expected: int) -> None:
        self._run = run
        self._expected = expected
        self._means = Rounds(run, expected=expected)
        self._folds: list[Rounds] = []
        self.runs: list[ActiveRun] = []
        self.rounds = 0

    def __enter__(self) -> Folds:
        _folds[self._run] = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _folds.pop(self._run)

    def log(self, step: int, folds: Iterable[Iterable[tuple[str, float]]], means: Iterable[tuple[str, float]]) -> None:
        """Log a round.

        Args:
            step: its number, as the framework counts.
            folds: name and value of each metric, of each fold.
            means: the same, over all folds.
        """
        for number, metrics in enumerate(folds):
            if number == len(self.runs):
                self._begin(number)
            self._folds[number].log(step, metrics)
        self._means.log(step, means)
        self.rounds += 1

    def _begin(self, number: int) -> None:
        fold = candidate(self._run, number, f"fold {number}", dict, splits=1)
        self.runs.append(fold)
        self._folds.append(Rounds(fold, expected=self._expected))

    def end(self, error: BaseException | None) -> None:
        """Say that all folds have ended, or that an error has ended them; Ctrl-C kills them with their run."""
        if error is None or isinstance(error, Exception):
            for fold in self.runs:
                log_split(fold, 0, {}, error_facts(error, fold))


def folds_of(call: Call) -> Folds | None:
    """Give the folds that a call inside of a cross-validation is about; None where that is not one that is recorded."""
    run = call.enclosing_run if call.handed.get("folds") is True else None
    found: Folds | None = None if run is None else _folds.get(run)
    return found


_folds = ByIdentity()

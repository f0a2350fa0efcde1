"""The folds of a cross-validation that trains them side by side, a round at a time: a child run each."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from autolog.capture.identity import ByIdentity
from autolog.capture.rounds import Rounds
from autolog.recording.candidates import candidate, log_split

if TYPE_CHECKING:
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

    def _begin(self, number: int) -> None:
        fold = candidate(self._run, number, f"fold {number}", dict, splits=1)
        self.runs.append(fold)
        self._folds.append(Rounds(fold, expected=self._expected))

    def finished(self) -> None:
        """Say that all folds have come to their end."""
        for fold in self.runs:
            log_split(fold, 0, {})


def folds_of(run: ActiveRun | None) -> Folds | None:
    """Give the folds of a run that is under way, None where it has none."""
    found: Folds | None = None if run is None else _folds.get(run)
    return found


_folds = ByIdentity()

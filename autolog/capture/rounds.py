"""The metrics of a training, round by round, as a framework's callback tells of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from autolog import guard
from autolog.exceptions import UsageError

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["Rounds"]


class Rounds:
    """Logs the metrics of rounds; it never raises, and gives up where it has failed once. What is no number is noted.

    Args:
        run: the run.
        prefix: of the names of all its series.
        expected: how many rounds there will be at most.
    """

    def __init__(self, run: ActiveRun, prefix: str = "", expected: int = 0) -> None:
        self._run: ActiveRun | None = run
        self._prefix = prefix
        self._refused: set[str] = set()
        run.expect_points(expected)

    def log(self, step: int, metrics: Iterable[tuple[str, float]]) -> None:
        """Log a round.

        Args:
            step: its number, as the framework counts.
            metrics: name and value of each; what fails while they are gone through costs the record only.
        """
        run = self._run
        if run is not None and guard.call("rounds.log", run, self._log, run, step, metrics) is None:
            self._run = None
            run.note(f"the metrics of round {step} and of all further ones are missing")

    def _log(self, run: ActiveRun, step: int, metrics: Iterable[tuple[str, float]]) -> bool:
        for name, value in metrics:
            try:
                run.log_metric(self._prefix + name, value, step)
            except UsageError as error:  # noqa: PERF203  (a metric of the user's may give anything)
                self._refuse(run, name, step, error)
        return True

    def _refuse(self, run: ActiveRun, name: str, step: int, error: UsageError) -> None:
        """Note the first value of a metric that is no number; each may be another."""
        if name not in self._refused:
            self._refused.add(name)
            run.note(f"round {step}, and those further ones where it is no number: {error}")

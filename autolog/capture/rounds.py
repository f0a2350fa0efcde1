"""The metrics of a training, round by round, as a framework's callback tells of them, and their series' names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from autolog import guard

if TYPE_CHECKING:
    from autolog.capture.calls import Call
    from autolog.recording.runs import ActiveRun

__all__ = ["Rounds", "prefix_of"]


class Rounds:
    """Logs the metrics of rounds; it never raises, and gives up where it has failed once.

    Args:
        run: the run.
        prefix: of the names of all its series.
        expected: how many rounds there will be at most.
    """

    def __init__(self, run: ActiveRun, prefix: str = "", expected: int = 0) -> None:
        self._run: ActiveRun | None = run
        self._prefix = prefix
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

    def _log(self, run: ActiveRun, step: int, metrics: Iterable[tuple[str, float]]) -> bool:
        for name, value in metrics:
            run.log_metric(self._prefix + name, value, step)
        return True


def prefix_of(call: Call, run: ActiveRun) -> str | None:
    """Say what the names of a training's series begin with, on the run of the recorded call that it is part of.

    Nothing for the only training, or the first; `split0_` for a split of a search's candidate; of an ensemble's members
    `fit0_`, `fit1_` …, by the number of the task that trains them, else in the order of training.

    Args:
        call: the training.
        run: that run.

    Returns:
        The prefix; None where nothing is to be logged.
    """
    handed = call.handed.get("prefix", "")
    if handed is None:
        return None
    count = run.next_number(("training", handed, call.task))
    if call.task is None:
        return f"{handed}fit{count}_" if count else str(handed)
    return f"{handed}fit{call.task}.{count}_" if count else f"{handed}fit{call.task}_"

"""The series of a training: every step up to a number, then fewer by a rule that the run states."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from autolog import clock

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["WHOLE", "Series"]

WHOLE: Final = 200_000
"""The steps that are all recorded; of those up to twice as many every second is, up to four times every fourth, and so
on, so that a series grows by as much each time that the training has become twice as long."""


class Series:
    """Adds points to a run.

    Args:
        run: it.
        prefix: of the names.
    """

    def __init__(self, run: ActiveRun, prefix: str = "") -> None:
        self._prefix = prefix
        self.run = run
        self._run_id = run.run_id
        self._stream = run.stream()
        self._names: dict[str, str] = {}
        self._is_thinned = False

    def add_of_step(self, name: str, value: float, step: int) -> None:
        """Add a point of a series that has one at each step, if the step is one of those that are recorded."""
        if step < WHOLE or self._is_due(step):
            self.add(name, value, step)

    def add(self, name: str, value: float, step: int) -> None:
        """Add a point."""
        stream = self._stream
        if stream.rests:
            stream = self._stream = self.run.stream()
        known = self._names.get(name)
        stream.add((self._run_id, known or self._name(name), step, value, clock.now()))

    def _name(self, name: str) -> str:
        self._names[name] = found = self.run.series_name(self._prefix + name)
        return found

    def _is_due(self, step: int) -> bool:
        if not self._is_thinned:
            self._is_thinned = True
            self.run.note(
                f"series are thinned: of the steps from {WHOLE:,} on every 2nd is recorded, "
                f"from {2 * WHOLE:,} every 4th, from {4 * WHOLE:,} every 8th, and so on"
            )
        return step % (2 << int(math.log2(step // WHOLE))) == 0

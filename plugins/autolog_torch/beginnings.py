"""Where trainings begin: many short ones at one place are the inner loops of something, and gathered on one run."""

from __future__ import annotations

from types import CodeType, FrameType
from typing import TYPE_CHECKING, Final, NamedTuple

from autolog_torch.sites import users

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun
    from autolog_torch.training import Training

__all__ = ["Beginning", "Beginnings"]

_SHORT: Final = 128  # steps
_MOST_SHORT: Final = 1_000  # short trainings in a row that are runs of their own


class Beginning(NamedTuple):
    """Where a training begins: in which functions and where in them, and in which explicit run."""

    places: tuple[tuple[CodeType, int], ...]
    under: ActiveRun | None

    @classmethod
    def at(cls, frame: FrameType | None, under: ActiveRun | None) -> Beginning:
        """Give that of a training that a user's function begins.

        Args:
            frame: where to begin to look for that.
            under: the explicit run.
        """
        return cls(tuple((each.f_code, each.f_lasti) for each in users(frame)), under)


class Beginnings:
    """Counts the short trainings that began at one place in a row."""

    def __init__(self) -> None:
        self._short = 0

    def are_many(self, beginning: Beginning, before: Training | None) -> bool:
        """Say whether enough have begun there, now that one more does.

        Args:
            beginning: where it does.
            before: the training before it.
        """
        is_again = before is not None and before.beginning == beginning and before.all_steps < _SHORT
        self._short = self._short + 1 if is_again else 0
        return self._short >= _MOST_SHORT

"""A list of runs, which a notebook shows as a table."""

from __future__ import annotations

from autolog.store.run import Run

__all__ = ["Runs"]


class Runs(list[Run]):
    """A list like any other."""

    def _repr_html_(self) -> str:
        from autolog.drawing.notebook import runs_html  # only where somebody looks

        return runs_html(self)

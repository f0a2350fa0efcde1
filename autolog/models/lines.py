"""The line of Python that loads a model, to be copied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autolog.delivery.cursors import public_uri
from autolog.text import visible

if TYPE_CHECKING:
    from autolog.store.run import Run

__all__ = ["load_line"]


def load_line(run: Run, model: Mapping[str, Any], place: str | None) -> str:
    """Give the line; what a model's file may do when it is loaded is the reader's to trust.

    Args:
        run: the run that has it.
        model: its facts.
        place: the store; None for the one that is recorded to.
    """
    uri = f"runs:/{run.run_id}/{model.get('name', 'model')}"
    store = "" if place is None else f", store={public_uri(place)!r}"
    trust = ", trusted=True)  # if you do trust it" if model.get("runs_code", True) else ")"
    return visible(f"autolog.load_model({uri!r}{store}{trust}")

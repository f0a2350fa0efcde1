"""The children of a run as `autolog show` lists them: those of a search best first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.text import Text

from autolog.cli.runs import runs_table
from autolog.store.ranking import best_first
from autolog.text import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autolog.store.run import Run

__all__ = ["children_of"]

_LISTED: Final = 20


def children_of(run: Run) -> Iterator[RenderableType]:
    """Give how many children a run has, by status, a table of them, and where to find those that are not in it."""
    children = best_first(run.children())
    if len(children) > 1:
        counts = Counter(child.status for child in children).most_common()
        yield Text(visible(", ".join(f"{count:,} {status}" for status, count in counts)), "dim")
    if children:
        yield runs_table(children[:_LISTED], {})
    if len(children) > _LISTED:
        hint = f"attributes.parent_run_id = '{run.run_id}'"
        yield Text(f'… {len(children) - _LISTED} more: autolog runs --filter "{hint}"', "dim")

"""The children of a run as `autolog show` lists them: those of a search best first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rich.text import Text

from autolog.cli.runs import runs_table
from autolog.text import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autolog.store.run import Run

__all__ = ["best_first", "children_of"]

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


def best_first(children: Sequence[Run]) -> list[Run]:
    """Order the candidates of a search by rank, or by mean score while it runs; other children stay as they are.

    Of several scores, the first that a candidate has decides; candidates without one come last.
    """
    for prefix, sign in (("rank_test_", 1), ("mean_test_", -1)):
        name = next((key for child in children for key in child.metrics if key.startswith(prefix)), None)
        if name is not None:
            scores = {child.run_id: sign * child.metrics.get(name, math.nan) for child in children}
            return sorted(children, key=lambda child: (math.isnan(scores[child.run_id]), scores[child.run_id]))
    return list(children)

"""Where a training stands: whether it is what the fit around it trains in the end, and what its series are called."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, starmap
from typing import TYPE_CHECKING

from autolog.values import class_name

if TYPE_CHECKING:
    from autolog.capture.calls import Call
    from autolog.recording.runs import ActiveRun

__all__ = ["ALONE", "Place", "place_of"]


@dataclass(frozen=True)
class Place:
    """The place of a training.

    Args:
        prefix: of the names of its series; None where nothing is to be recorded of it.
        is_whole: it is all that its run trains, so that what it tells is true of the run.
    """

    prefix: str | None
    is_whole: bool


ALONE = Place("", True)
"""The place of a training that has a run of its own."""


def place_of(call: Call, run: ActiveRun) -> Place:
    """Find the place of a training on the run of the recorded call that it is part of.

    The handler around has handed on whose plugin the estimator is that its call trains in the end (`owner`), and the
    classes on the way to it (`leads`). Such a training's series have plain names, or begin with a `prefix` that was
    handed on, as `split0_`. Any other training is an ensemble's member, a selector's or the like: its series begin with
    `fit0_`, `fit1_` …, by the number of the task that it is (`pool1_fit0_` where a second pool has tasks), else in the
    order of training; but the first has plain names where nothing else in the run could have them.

    Args:
        call: the training.
        run: that run.
    """
    handed = call.handed
    prefix = handed.get("prefix", "")
    if prefix is None:
        return Place(None, False)
    if not call.tasks and handed.get("owner") == call.plugin and _leads_here(call):
        return Place(prefix, not handed.get("split"))
    count = run.next_number(("training", prefix, call.tasks))
    if call.tasks:
        return Place(f"{prefix}{'_'.join(starmap(_named, call.tasks))}{f'.{count}' if count else ''}_", False)
    is_plain = count == 0 and handed.get("owner") is None
    return Place(prefix if is_plain else f"{prefix}fit{count}_", False)


def _named(pool: int, task: int) -> str:
    return f"pool{pool}_fit{task}" if pool else f"fit{task}"


def _leads_here(call: Call) -> bool:
    """Say whether the estimators that call one another down to this call are those on the way, and no others."""
    leads = call.handed.get("leads", [])
    fitting = (type(each) for each in call.called_by() if any("fit" in vars(kind) for kind in type(each).__mro__))
    found = [class_name(kind) for kind in islice(fitting, len(leads))]
    return bool(found == leads)

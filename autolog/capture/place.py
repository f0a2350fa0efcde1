"""Where a training stands: whether it is what the fit around it trains in the end, and what its series are called."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise, starmap
from typing import TYPE_CHECKING, Final

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

    The handler around has handed on which object's fit the run is of, as a process and an id (`root`), and a function
    that gives the estimator whose fit another's fit ends in, or None (`passes_on`): a pipeline's last step. What such a
    chain of fits ends in has plain names, or begins with a `prefix` that was handed on, as `split0_`; where it trains
    once more, `refit1_`, `refit2_` follows. Any other training is an ensemble's member, a selector's or the like: its
    series begin with `pool0_fit0_`, `pool0_fit1_` …, by the number of a pool and of the task in it, else with `fit0_`,
    `fit1_` … in the order of training; but the first has plain names where nothing else in the run could have them.

    Args:
        call: the training.
        run: that run.
    """
    prefix = call.handed.get("prefix", "")
    if prefix is None:
        return Place(None, False)
    if call.tasks:
        count = run.next_number(("training", prefix, call.tasks))
        return Place(f"{prefix}{'_'.join(starmap(_named, call.tasks))}{f'.{count}' if count else ''}_", False)
    chain = _chain(call)
    if _is_whole(call, chain):
        again = run.next_number(("whole", prefix))
        return Place(f"{prefix}refit{again}_" if again else prefix, not call.handed.get("split"))
    count = run.next_number(("training", prefix))
    if count == 0 and not _ends_in_one(call, chain):
        return Place(prefix, False)
    return Place(f"{prefix}fit{count}_", False)


def _named(pool: int, task: int) -> str:
    return f"pool{pool}_fit{task}"


def _chain(call: Call) -> list[object]:
    """Give the estimators whose fits called one another down to this call, inmost first; none where that is unknown."""
    found = []
    for each in call.called_by():
        if any("fit" in vars(kind) for kind in type(each).__mro__):
            found.append(each)
        if (os.getpid(), id(each)) == call.handed.get("root"):
            return found
    return []


def _is_whole(call: Call, chain: list[object]) -> bool:
    """Say whether the library itself trains here what the fits of the chain end in."""
    if not chain or call.owner_of(chain[0]) != call.plugin or not call.called_through():
        return False
    return all(call.handed["passes_on"](outer) is inner for inner, outer in pairwise(chain))


def _ends_in_one(call: Call, chain: list[object]) -> bool:
    """Say whether the fit around ends in an estimator of the same library, whose rounds will have the plain names."""
    end = chain[-1] if chain else None
    for _ in range(_DEEPEST):
        inner = call.handed["passes_on"](end) if end is not None else None
        if inner is None:
            break
        end = inner
    return call.owner_of(end) is not None


_DEEPEST: Final = 20

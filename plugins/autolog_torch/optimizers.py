"""What an optimizer and its learning-rate scheduler are set to, as params."""

from __future__ import annotations

from types import FrameType
from typing import Any, Final

from torch import Tensor
from torch.optim import Optimizer

from autolog.capture import networks
from autolog.capture.frames import module_of, outwards, values
from autolog.capture.identity import ByIdentity

__all__ = [
    "MOST_GROUPS",
    "comparable",
    "is_within_another",
    "optimizer_params",
    "parameters_of",
    "rates",
    "remember_scheduler",
    "scheduler_of",
    "scheduler_params",
]

MOST_GROUPS: Final = 16
"""The groups of an optimizer's parameters of which settings and rates are recorded."""
_schedulers = ByIdentity()


def optimizer_params(optimizer: Optimizer, name: str) -> dict[str, Any]:
    """Give its class and hyperparameters.

    Args:
        optimizer: it.
        name: what the params' names begin with.
    """
    groups = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    found = networks.optimizer_params(name, optimizer, [networks.plain_values(each, _read) for each in groups])
    more = tuple(f"{name}.group{number}." for number in range(MOST_GROUPS, len(groups)))
    return {key: value for key, value in found.items() if not key.startswith(more)}


def _read(value: Any) -> Any:
    """Give the number in a tensor on the CPU; one elsewhere would be waited for."""
    return value.tolist() if type(value) is Tensor and value.is_cpu and value.numel() == 1 else value


def parameters_of(optimizer: Optimizer) -> list[Tensor]:
    """Give what an optimizer trains."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def rates(optimizer: Optimizer) -> list[Any]:
    """Give the learning rate of each group: a number, or a tensor."""
    return [group.get("lr") for group in optimizer.param_groups[:MOST_GROUPS]]


def is_within_another(optimizer: Optimizer, frame: FrameType | None) -> bool:
    """Say whether an optimizer steps within the step of another with the same parameters, as within SAM or Lookahead.

    Args:
        optimizer: it.
        frame: of the step, or within it.
    """
    doors = (each for each in outwards(frame) if module_of(each) == Optimizer.__module__)
    others = [each for each in (values(door, ["self"])[0] for door in doors) if each is not optimizer]
    mine = {id(each) for each in parameters_of(optimizer)}
    return any(id(one) in mine for each in others if isinstance(each, Optimizer) for one in parameters_of(each))


def comparable(rate: Any) -> Any:
    """Give what changes with a rate; a tensor's number may not be compared, since that waits for its device."""
    return (id(rate), rate._version) if isinstance(rate, Tensor) else rate  # noqa: SLF001 (documented)


# ---- schedulers


def remember_scheduler(scheduler: Any) -> bool:
    """Remember which scheduler sets the rates of an optimizer; one that is made of others takes their place.

    Returns:
        Whether it is another one than before.
    """
    optimizer = getattr(scheduler, "optimizer", None)
    known = _schedulers.get(optimizer)
    if optimizer is None or (known is not None and id(scheduler) in known.identities):
        return False
    _schedulers[optimizer] = _Kept(scheduler)
    return True


class _Kept:
    """A scheduler's class and settings; not the scheduler, which holds its optimizer."""

    def __init__(self, scheduler: Any) -> None:
        self.name = type(scheduler).__name__
        self.settings = networks.plain_values(networks.scheduler_settings(scheduler), _read)
        parts = networks.scheduler_parts(scheduler)
        self.parts = [_Kept(part) for part in parts]
        self.identities = {id(scheduler), *map(id, parts)}


def scheduler_of(optimizer: Optimizer) -> Any:
    """Give what is remembered of an optimizer's scheduler, None where it has none."""
    return _schedulers.get(optimizer)


def scheduler_params(kept: Any, name: str) -> dict[str, Any]:
    """Give a scheduler's class and settings; of one that is made of others, theirs as well.

    Args:
        kept: what `scheduler_of` gave.
        name: what the params' names begin with.
    """
    found = {name: kept.name, **{f"{name}.{key}": value for key, value in kept.settings.items()}}
    for number, part in enumerate(kept.parts):
        found |= scheduler_params(part, f"{name}.{number}")
    return found

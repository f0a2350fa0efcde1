"""What an optimizer and its learning-rate scheduler are set to, as params."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from torch import Tensor
from torch.optim import Optimizer

from autolog.capture.identity import ByIdentity

__all__ = ["comparable", "optimizer_params", "rates", "remember_scheduler", "scheduler_of", "scheduler_params"]

_PLAIN: Final = (bool, int, float, str, type(None))
_STATE: Final = frozenset(
    (
        *("optimizer", "base_lrs", "last_epoch", "verbose", "best", "num_bad_epochs", "cooldown_counter"),
        *("mode_worse", "T_cur", "total_iters_seen"),
    )
)
_schedulers = ByIdentity()


def optimizer_params(optimizer: Optimizer, name: str) -> dict[str, Any]:
    """Give its class and hyperparameters; those that differ from group to group with the group's number.

    Args:
        optimizer: it.
        name: what the params' names begin with.
    """
    groups = [
        _plain({key: value for key, value in group.items() if key != "params"}) for group in optimizer.param_groups
    ]
    found: dict[str, Any] = {name: type(optimizer).__name__}
    if len(groups) > 1:
        found[f"{name}.groups"] = len(groups)
    for key in dict.fromkeys(key for group in groups for key in group):
        values = [group.get(key) for group in groups]
        same = all(type(each) is type(values[0]) and each == values[0] for each in values)
        found |= (
            {f"{name}.{key}": values[0]}
            if same
            else {f"{name}.group{number}.{key}": value for number, value in enumerate(values)}
        )
    return found


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is plain, and what a single number on the CPU holds; to read one elsewhere would be waited for."""
    return {key: _read(value) for key, value in values.items() if _is_plain(_read(value))}


def _read(value: Any) -> Any:
    return value.tolist() if type(value) is Tensor and value.is_cpu and value.numel() == 1 else value


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN or (type(value) in (list, tuple) and all(map(_is_plain, value)))


def rates(optimizer: Optimizer) -> list[Any]:
    """Give the learning rate of each group: a number, or a tensor."""
    return [group.get("lr") for group in optimizer.param_groups]


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
        self.settings = {key: value for key, value in vars(scheduler).items() if key not in _STATE and key[0] != "_"}
        self.settings = {key: value for key, value in self.settings.items() if _is_plain(value)}
        self.parts = [_Kept(part) for part in _parts(scheduler)]
        self.identities = {id(scheduler), *map(id, _parts(scheduler))}


def _parts(scheduler: Any) -> list[Any]:
    found = vars(scheduler).get("_schedulers", ())
    return list(found) if isinstance(found, (list, tuple)) else []


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

"""Optimizers and learning-rate schedulers as a trainer has them: their params, and the rates that are in force."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from torch import Tensor

__all__ = ["optimizers_params", "rates"]

_PLAIN: Final = (bool, int, float, str, type(None))
_STATE: Final = ("base_lrs", "best", "cooldown_counter", "last_epoch", "mode_worse", "num_bad_epochs", "T_cur")


def optimizers_params(optimizers: Iterable[Any], configs: Iterable[Any]) -> dict[str, Any]:
    """Give what all of them are set to, those after the first with a number in their names.

    Args:
        optimizers: the trainer's.
        configs: of its schedulers.
    """
    found: dict[str, Any] = {}
    for name, optimizer in _named("optimizer", optimizers):
        found |= _optimizer(name, optimizer)
    for name, config in _named("scheduler", configs):
        found |= _scheduler(name, config.scheduler)
        found |= {f"{name}.{key}": getattr(config, key, None) for key in ("interval", "frequency", "monitor")}
    return found


def _named(name: str, things: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for number, each in enumerate(things, 1):
        yield name if number == 1 else f"{name}{number}", each


def _optimizer(name: str, optimizer: Any) -> dict[str, Any]:
    """Give an optimizer's class and hyperparameters; those that differ from group to group with the group's number."""
    groups = [_plain({key: value for key, value in each.items() if key != "params"}) for each in _groups(optimizer)]
    found: dict[str, Any] = {name: type(optimizer).__name__}
    if len(groups) > 1:
        found[f"{name}.groups"] = len(groups)
    for key in dict.fromkeys(key for group in groups for key in group):
        values = [group.get(key) for group in groups]
        if all(type(each) is type(values[0]) and each == values[0] for each in values):
            found[f"{name}.{key}"] = values[0]
        else:
            found |= {f"{name}.group{number}.{key}": value for number, value in enumerate(values)}
    return found


def _groups(optimizer: Any) -> list[dict[str, Any]]:
    return list(getattr(optimizer, "param_groups", ()))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is plain, and the number in a tensor on the CPU; one elsewhere would be waited for."""
    read = {key: _read(value) for key, value in values.items()}
    return {key: value for key, value in read.items() if _is_plain(value)}


def _read(value: Any) -> Any:
    return value.item() if type(value) is Tensor and value.is_cpu and value.numel() == 1 else value


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN or (type(value) in (list, tuple) and all(map(_is_plain, value)))


def _scheduler(name: str, scheduler: Any) -> dict[str, Any]:
    """Give a scheduler's class and settings; of one that is made of others, theirs as well."""
    own = vars(scheduler)
    settings = _plain({key: value for key, value in own.items() if key not in _STATE and key[0] != "_"})
    found = {name: type(scheduler).__name__, **{f"{name}.{key}": value for key, value in settings.items()}}
    parts = own.get("_schedulers")
    for number, part in enumerate(parts if isinstance(parts, (list, tuple)) else ()):
        found |= _scheduler(f"{name}.{number}", part)
    return found


def rates(optimizers: Iterable[Any]) -> Iterator[tuple[str, float]]:
    """Give the learning rates, by the names that Lightning's own `LearningRateMonitor` has for them."""
    seen: dict[str, int] = {}
    for optimizer in optimizers:
        kind = type(optimizer).__name__
        seen[kind] = seen.get(kind, 0) + 1
        name = f"lr-{kind}" if seen[kind] == 1 else f"lr-{kind}-{seen[kind] - 1}"
        groups = _groups(optimizer)
        for number, group in enumerate(groups, 1):
            rate = _read(group.get("lr"))
            if isinstance(rate, (int, float)):
                yield name if len(groups) == 1 else f"{name}/pg{number}", rate

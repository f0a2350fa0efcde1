"""Optimizers and learning-rate schedulers as a trainer has them: their params, and the rates that are in force."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor

from autolog.capture import networks

__all__ = ["optimizers_params", "rates"]


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
    """Give an optimizer's class and hyperparameters."""
    groups = [{key: value for key, value in each.items() if key != "params"} for each in _groups(optimizer)]
    return networks.optimizer_params(name, optimizer, [networks.plain_values(each, _read) for each in groups])


def _groups(optimizer: Any) -> list[dict[str, Any]]:
    return list(getattr(optimizer, "param_groups", ()))


def _read(value: Any) -> Any:
    """Give the number in a tensor on the CPU; one elsewhere would be waited for."""
    return value.item() if type(value) is Tensor and value.is_cpu and value.numel() == 1 else value


def _scheduler(name: str, scheduler: Any) -> dict[str, Any]:
    """Give a scheduler's class and settings; of one that is made of others, theirs as well."""
    settings = networks.plain_values(networks.scheduler_settings(scheduler), _read)
    found = {name: type(scheduler).__name__, **{f"{name}.{key}": value for key, value in settings.items()}}
    for number, part in enumerate(networks.scheduler_parts(scheduler)):
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

"""What networks and their optimizers are set to, as params: what plugins of libraries that train them say alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

__all__ = ["network_params", "optimizer_params", "plain_values", "scheduler_parts", "scheduler_settings"]

_PLAIN: Final = (bool, int, float, str, type(None))
_STATE: Final = frozenset(
    ("base_lrs", "best", "cooldown_counter", "last_epoch", "mode_worse", "num_bad_epochs", "T_cur", "optimizer")
)
"""What a scheduler keeps of its course, and what is no setting."""


def plain_values(values: Mapping[str, Any], read: Callable[[Any], Any]) -> dict[str, Any]:
    """Give those values that are plain, or lists and tuples of plain ones.

    Args:
        values: by name.
        read: gives the number in what holds one, such as a tensor at hand; anything else as it is.
    """
    found = {name: read(value) for name, value in values.items()}
    return {name: value for name, value in found.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN or (type(value) in (list, tuple) and all(map(_is_plain, value)))


def optimizer_params(name: str, optimizer: object, groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Give an optimizer's class and hyperparameters; those that differ from group to group with the group's number.

    Args:
        name: what the params' names begin with.
        optimizer: it.
        groups: the plain hyperparameters of each of its groups of parameters.
    """
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


def scheduler_settings(scheduler: object) -> dict[str, Any]:
    """Give what a learning-rate scheduler is set to, as far as its attributes are public; not what it keeps besides."""
    return {name: value for name, value in vars(scheduler).items() if name not in _STATE and name[0] != "_"}


def scheduler_parts(scheduler: object) -> list[Any]:
    """Give the schedulers that one is made of."""
    found = vars(scheduler).get("_schedulers")
    return list(found) if isinstance(found, (list, tuple)) else []


def network_params(network: object, parameters: Iterable[Any], count: Callable[[Any], int]) -> dict[str, Any]:
    """Give a network's class, the counts of its parameters, their types and devices.

    Args:
        network: it.
        parameters: its own.
        count: gives the size of one of them.
    """
    own = list(parameters)
    return {
        "model": type(network).__name__,
        "model.parameters": sum(map(count, own)),
        "model.trainable_parameters": sum(count(each) for each in own if each.requires_grad),
        "dtype": _only(str(each.dtype).removeprefix("torch.") for each in own),
        "device": _only(str(each.device) for each in own),
    }


def _only(values: Iterable[str]) -> str | list[str] | None:
    found = sorted(set(values))
    return found[0] if len(found) == 1 else found or None

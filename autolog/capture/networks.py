"""What networks and their optimizers are set to, as params: what plugins of libraries that train them say alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from math import prod
from typing import Any, Final, TypeAlias

__all__ = [
    "network_params",
    "network_summary",
    "optimizer_params",
    "plain_values",
    "scheduler_parts",
    "scheduler_settings",
]

_PLAIN: Final = (bool, int, float, str, type(None))
_LAYERS: Final = 2_000  # lines of a summary
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


Shape: TypeAlias = Callable[[Any], "Sequence[int] | None"]
"""Gives the shape of a parameter; None where it has none yet."""


def network_params(network: object, parameters: Iterable[Any], shape: Shape) -> dict[str, Any]:
    """Give a network's class, the counts of its parameters, their types and devices.

    Args:
        network: it.
        parameters: its own.
        shape: gives that of one of them.
    """
    own = list(parameters)
    return {
        "model": type(network).__name__,
        "model.parameters": sum(_count(shape(each)) for each in own),
        "model.trainable_parameters": sum(_count(shape(each)) for each in own if each.requires_grad),
        "dtype": _only(str(each.dtype).removeprefix("torch.") for each in own),
        "device": _only(str(each.device) for each in own),
    }


def _only(values: Iterable[str]) -> str | list[str] | None:
    found = sorted(set(values))
    return found[0] if len(found) == 1 else found or None


def _count(shape: Sequence[int] | None) -> int:
    return 0 if shape is None else prod(shape)


def network_summary(layers: Iterable[tuple[str, object]], shape: Shape) -> str:
    """Give a table of a network's layers: the name, the class, the shapes and the number of its own parameters.

    Args:
        layers: it and those within it, each with its name.
        shape: gives that of a parameter.
    """
    found = iter(layers)
    rows = [("layer", "class", "shapes", "parameters"), *(_row(*each, shape) for each in islice(found, _LAYERS))]
    if next(found, None) is not None:
        rows.append(("…", f"more than {_LAYERS} layers", "", ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _row(name: str, layer: object, shape: Shape) -> tuple[str, str, str, str]:
    own = {key: shape(value) for key, value in (vars(layer).get("_parameters") or {}).items() if value is not None}
    shapes = ", ".join(f"{key} {_shape_text(each)}" for key, each in own.items())
    return name or "(model)", type(layer).__name__, shapes, f"{sum(map(_count, own.values())):,}"


def _shape_text(shape: Sequence[int] | None) -> str:
    return "lazy" if shape is None else " x ".join(map(str, shape)) or "scalar"

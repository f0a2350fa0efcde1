"""Finds the model that is trained, by its parameters, and says what it is made of."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, Final, TypeGuard

from torch import Tensor, nn

from autolog.capture.frames import items
from autolog.capture.networks import network_params, network_summary
from autolog_torch.sites import attributes, users

__all__ = ["ParameterSet", "bare", "find", "leaf_of", "model_params", "summary"]

_DEEPEST: Final = 12  # frames outwards in which modules are looked for
_WIDEST: Final = 64  # things in a list or dict that are looked at
_NODES: Final = 10_000  # of a graph that are walked to find a parameter


class ParameterSet:
    """Parameters, known by identity; none of them is kept alive.

    Args:
        parameters: the first of them.
    """

    def __init__(self, parameters: Iterable[Tensor] = ()) -> None:
        self._known: dict[int, weakref.ref[Tensor]] = {}
        self.add(parameters)

    def add(self, parameters: Iterable[Tensor]) -> None:
        """Add some."""
        for each in parameters:
            self._known[id(each)] = weakref.ref(each)

    def __contains__(self, parameter: object) -> bool:
        found = self._known.get(id(parameter))
        return found is not None and found() is parameter


def bare(module: nn.Module) -> nn.Module:
    """Give the module inside of what only wraps it: torch.compile's, and those that train in parallel."""
    while True:
        parts = attributes(module).get("_modules")
        if type(parts) is not dict:  # as a ScriptModule's
            return module
        inner = parts.get("_orig_mod")
        if inner is None and isinstance(module, (nn.parallel.DistributedDataParallel, nn.DataParallel)):
            inner = parts.get("module")
        if not is_module(inner):
            return module
        module = inner


def find(wanted: ParameterSet, frame: FrameType | None) -> dict[str, nn.Module]:
    """Find the modules that are trained among what the user's functions have at hand, by their names there.

    Of a module and its parts only the whole is given; of several that share nothing, each.

    Args:
        wanted: parameters that are trained.
        frame: where to begin.
    """
    found: dict[int, tuple[str, nn.Module]] = {}
    for each in users(frame, _DEEPEST):
        for name, module in _modules(each):
            found.setdefault(id(module), (name, module))
    trained = [(name, module) for name, module in found.values() if any(p in wanted for p in _parameters(module))]
    return _maximal(trained)


def _modules(frame: FrameType) -> Iterator[tuple[str, nn.Module]]:
    for name, value in items(frame):
        if name[:2] == "__":
            continue
        yield from _within(name, value)
        if not issubclass(type(value), (nn.Module, Tensor, type)) and type(value).__module__ != "builtins":
            for attribute, inner in attributes(value).items():
                yield from _within(attribute, inner)


def _within(name: str, value: object) -> Iterator[tuple[str, nn.Module]]:
    if is_module(value):
        yield name, bare(value)
    elif type(value) in (list, tuple) and len(value) <= _WIDEST:  # type: ignore[arg-type]
        for number, each in enumerate(value):  # type: ignore[arg-type,var-annotated]
            if is_module(each):
                yield f"{name}_{number}", bare(each)
    elif type(value) is dict and len(value) <= _WIDEST:
        yield from ((str(key), bare(each)) for key, each in value.items() if is_module(each))


def is_module(value: object) -> TypeGuard[nn.Module]:
    """Say whether something is a module, without asking it: what it says of its class may be code of the user's."""
    return issubclass(type(value), nn.Module)


def _parameters(module: nn.Module) -> Iterator[Tensor]:
    return nn.Module.parameters(module)


def _maximal(trained: list[tuple[str, nn.Module]]) -> dict[str, nn.Module]:
    """Drop what is a part of another, or shares parameters with a larger one."""
    chosen: dict[str, nn.Module] = {}
    taken: set[int] = set()
    for name, module in sorted(trained, key=lambda each: -_size(each[1])):
        own = {id(parameter) for parameter in _parameters(module)}
        if not own & taken:
            taken |= own
            chosen[name] = module
    return chosen


def _size(module: nn.Module) -> int:
    return sum(each.numel() for each in _parameters(module) if not nn.parameter.is_lazy(each))


def leaf_of(loss: Tensor, path: list[int]) -> Tensor | None:
    """Give a parameter that a loss depends on: the one to which a path through its graph leads, else the first found.

    Args:
        loss: it.
        path: that led to one the last time, which is brought up to date.
    """
    found = _followed(loss.grad_fn, path)
    if found is None:
        path[:], found = _searched(loss.grad_fn)
    return found


def _followed(node: Any, path: list[int]) -> Tensor | None:
    for number in path:
        following = node.next_functions
        if number >= len(following) or following[number][0] is None:
            return None
        node = following[number][0]
    return _variable(node)


def _searched(root: Any) -> tuple[list[int], Tensor | None]:
    waiting: list[Any] = [root]
    before: dict[Any, tuple[Any, int]] = {root: (None, 0)}
    while waiting and len(before) < _NODES:
        node = waiting.pop()
        leaf = _variable(node)
        if leaf is not None:
            return _path_to(node, before), leaf
        for number, (following, _) in enumerate(() if node is None else node.next_functions):
            if following is not None and following not in before:
                before[following] = node, number
                waiting.append(following)
    return [], None


def _variable(node: Any) -> Tensor | None:
    leaf = getattr(node, "variable", None)
    return leaf if isinstance(leaf, nn.Parameter) else None


def _path_to(node: Any, before: Mapping[Any, tuple[Any, int]]) -> list[int]:
    found: list[int] = []
    while before[node][0] is not None:
        node, number = before[node]
        found.append(number)
    return found[::-1]


def model_params(module: nn.Module) -> dict[str, Any]:
    """Give a model's class, the counts of its parameters, their types and devices, as params."""
    return network_params(module, _parameters(module), _shape)


def summary(module: nn.Module) -> str:
    """Give a table of a model's layers."""
    return network_summary(nn.Module.named_modules(module), _shape)


def _shape(parameter: Tensor) -> Sequence[int] | None:
    return None if nn.parameter.is_lazy(parameter) else parameter.shape

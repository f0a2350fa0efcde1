"""The call of a network as its signature: what it takes and gives, which only a call of the user's shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from autolog.capture.signatures import parameters
from autolog.patching.calling import Watch

__all__ = ["Awaited", "Door", "dtype_of", "inputs_of", "leaves", "outputs_of"]

W = TypeVar("W")

Door: TypeAlias = Callable[[], "tuple[Any, str] | None"]
"""Gives the function through which the calls of all networks go, as its holder and its name; None where none may be
watched."""


class Awaited(Generic[W]):
    """Those who wait for the call of a network: all calls are watched as long as there are any.

    That takes a microsecond a call; a hook on the network would be pickled and copied with it.

    Args:
        watch: watches a function, and gives what takes that back.
        door: what is watched.
        called: told of each call.
    """

    def __init__(self, watch: Callable[[Any, str, Watch], Callable[[], None]], door: Door, called: Watch) -> None:
        self._watch = watch
        self._door = door
        self._called = called
        self._undo: Callable[[], None] | None = None
        self._waiting: set[W] = set()

    def add(self, who: W) -> None:
        """Have somebody wait."""
        self._waiting.add(who)
        door = self._door()
        if door is not None and self._undo is None:
            self._undo = self._watch(*door, self._called)

    def remove(self, who: W) -> None:
        """Have somebody wait no more."""
        self._waiting.discard(who)
        if not self._waiting and self._undo is not None:
            undo, self._undo = self._undo, None
            undo()

    def find(self, takes: Callable[[W], bool]) -> W | None:
        """Give the first of those who wait that this is true of."""
        return next(filter(takes, list(self._waiting)), None)


def inputs_of(network: object, args: tuple[Any, ...], kwargs: Mapping[str, Any], tensor: type) -> list[dict[str, Any]]:
    """Give what a network is called with, by the names of the arguments.

    Args:
        network: it.
        args: the positional arguments, without it.
        kwargs: the others.
        tensor: the class of what is told of.
    """
    names = parameters(type(network).forward)[1:]  # type: ignore[attr-defined]
    taken = {**dict(zip(names, args, strict=False)), **kwargs}
    return [spec for name, value in taken.items() for spec in _specs(value, name, tensor)]


def outputs_of(result: Any, tensor: type) -> list[dict[str, Any]] | None:
    """Give what a network's call has given; None where that is nothing to tell of."""
    return _specs(result, "", tensor) or None


def _specs(value: Any, name: str, tensor: type) -> list[dict[str, Any]]:
    """Tell of each tensor; its first dimension is the batch's."""
    return [
        {**({"name": place} if place else {}), "type": "tensor", "dtype": dtype_of(each), "shape": _shape(each)}
        for place, each in leaves(value, tensor, name)
    ]


def leaves(value: Any, tensor: type, name: str = "") -> Iterator[tuple[str, Any]]:
    """Give the tensors in a batch, or in what a network takes or gives, each with its place in it as a name.

    Args:
        value: it.
        tensor: the class of tensors.
        name: what the names begin with.
    """
    parts: Mapping[Any, Any] = {}
    if issubclass(type(value), tensor):
        yield name, value
    elif type(value) is dict:
        parts = value
    elif type(value) in (list, tuple):
        parts = dict(enumerate(value))
    for key, part in parts.items():
        yield from leaves(part, tensor, f"{name}.{key}" if name else str(key))


def dtype_of(tensor: Any) -> str:
    """Give the type of a tensor's elements, without the library's name."""
    return str(tensor.dtype).rpartition(".")[2]


def _shape(tensor: Any) -> list[int]:
    return [-1, *tensor.shape[1:]] if len(tensor.shape) else []

"""What a training is set to: the arguments of `fit`, the optimizer, the loss, and the model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import keras

from autolog.capture.calls import Call
from autolog.capture.signatures import defaults
from autolog.guard import quietly
from autolog.values import type_name

__all__ = ["given_params", "model_params"]

_PLAIN: Final = (bool, int, float, str)
_NO_PARAMS: Final = ("x", "y", "sample_weight", "validation_data", "callbacks", "verbose")


def given_params(call: Call) -> dict[str, Any]:
    """Give what is known before the call: its arguments, the optimizer with its settings, the loss."""
    optimizer, loss = (getattr(call.instance, name, None) for name in ("optimizer", "loss"))  # once it is compiled
    given = {**defaults(call.function), **call.given(), "loss": keras.tree.map_structure(_name, loss)}
    if optimizer is not None:
        given |= {"optimizer": type(optimizer).__name__, **dict(_settings("optimizer", quietly(optimizer.get_config)))}
    if given.get("batch_size") is None and getattr(call.describe(given.get("x")), "dtype", None):
        given["batch_size"] = 32  # as Keras documents it of arrays
    return {name: value for name, value in given.items() if value is not None and name not in _NO_PARAMS}


def _settings(name: str, config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give the plain settings in a config of Keras's, and those of what it is made of, such as a schedule."""
    for key, value in config.items():
        if type(value) in _PLAIN:
            yield f"{name}.{key}", value
        elif type(value) is dict and "class_name" in value:
            yield f"{name}.{key}", value["class_name"]
            yield from _settings(f"{name}.{key}", value["config"])


def _name(loss: Any) -> str | None:
    is_named = loss is None or isinstance(loss, str)
    return loss if is_named else getattr(loss, "__qualname__", None) or type_name(loss)


def model_params(model: Any) -> dict[str, Any]:
    """Give what a model is; how large, once it is built."""
    found = {"model": type(model).__name__, "dtype": model.dtype_policy.name, "backend": keras.backend.backend()}
    counts = {"model.parameters": model.weights, "model.trainable_parameters": model.trainable_weights}
    return found | ({name: _count(variables) for name, variables in counts.items()} if model.built else {})


def _count(variables: Iterable[Any]) -> int:
    return sum(math.prod(each.shape) for each in variables)

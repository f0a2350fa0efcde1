"""Params of a training: those given, and those in effect by the model's own text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from autolog.capture.callbacks import described
from autolog.values import JSON

__all__ = ["ROUNDS", "effective_params", "given_params"]

ROUNDS: Final = 100  # what `train` and `cv` do where they are not told
_NO_PARAMS: Final = frozenset(
    {"params", "train_set", "valid_sets", "valid_names", "init_model", "callbacks", "folds", "keep_training_booster"}
)
_LINE: Final = re.compile(r"^\[(\w+): (.*)\]$", re.MULTILINE)


def given_params(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the params that a training was given, be it in `params` or as arguments of their own."""
    arguments = {name: value for name, value in given.items() if name not in _NO_PARAMS and _is_given(value)}
    source = given.get("init_model")
    return {
        "num_boost_round": ROUNDS,
        **(given.get("params") or {}),
        **arguments,
        **({"init_model": str(source)} if hasattr(source, "__fspath__") or isinstance(source, str) else {}),
        **described(given.get("callbacks"), "lightgbm"),
    }


def _is_given(value: Any) -> bool:
    """Say whether an argument is not what LightGBM takes where there is none."""
    return value is not None and not (isinstance(value, str) and value == "auto")


def effective_params(text: str) -> dict[str, Any]:
    """Give all params that a model was trained with as `effective_<name>`, numbers as numbers.

    Args:
        text: what `Booster.model_to_string` gave; the params stand at its end.
    """
    listed = text[text.rfind("\nparameters:\n") :] if "\nparameters:\n" in text else ""
    return {f"effective_{name}": _value(value) for name, value in _LINE.findall(listed)}


def _value(text: str) -> JSON:
    try:
        return json.loads(text)
    except ValueError:
        return text

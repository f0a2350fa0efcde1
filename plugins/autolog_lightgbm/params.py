"""Params of a training: those given, and those in effect by the model's own text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from autolog.capture.callbacks import described
from autolog.values import read_text

if TYPE_CHECKING:
    from autolog.capture.calls import Call

__all__ = ["ROUNDS", "effective_params", "given_params"]

ROUNDS: Final = 100  # what `train` and `cv` do where they are not told
_NO_PARAMS: Final = frozenset(
    {"params", "train_set", "valid_sets", "valid_names", "init_model", "callbacks", "folds", "keep_training_booster"}
)
_SAY_ROUNDS: Final = frozenset(
    {
        "max_iter",
        "n_estimators",
        "n_iter",
        "nrounds",
        "num_boost_round",
        "num_iteration",
        "num_iterations",
        "num_round",
        "num_rounds",
        "num_tree",
        "num_trees",
    }
)
"""Params by which LightGBM is told the number of rounds; they win over the argument."""
_LINE: Final = re.compile(r"^\[(\w+): (.*)\]$", re.MULTILINE)


def given_params(call: Call) -> dict[str, Any]:
    """Give the params that a training was given, be it in `params` or as arguments of their own.

    Those in `params` win; an argument of the same name that means something else, such as the `seed` of `cv`, is named
    after the function as well, where it is not the default.
    """
    given, params = call.given(), _items(call.argument(0, "params"))
    source = given.get("init_model")
    return {
        **_arguments(call, params),
        **params,
        **({"init_model": str(source)} if hasattr(source, "__fspath__") or isinstance(source, str) else {}),
        **described(given.get("callbacks"), "lightgbm"),
    }


def _arguments(call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
    """Give the arguments that say how to train, defaults among them, as far as `params` does not say otherwise."""
    overridden = _NO_PARAMS | (_SAY_ROUNDS if _SAY_ROUNDS & params.keys() else set())
    arguments = {name: value for name, value in call.given().items() if name not in overridden and _is_given(value)}
    chosen = call.chosen()
    return {
        f"{call.name}_{name}" if name in params else name: value
        for name, value in arguments.items()
        if name not in params or name in chosen
    }


def _is_given(value: Any) -> bool:
    """Say whether an argument is not what LightGBM takes where there is none."""
    return value is not None and not (isinstance(value, str) and value == "auto")


def _items(params: Any) -> dict[str, Any]:
    return dict(dict.items(params)) if isinstance(params, dict) else {}


def effective_params(text: str) -> dict[str, Any]:
    """Give all params that a model was trained with as `effective_<name>`, numbers as numbers.

    Args:
        text: what `Booster.model_to_string` gave; the params stand at its end.
    """
    listed = text[text.rfind("\nparameters:\n") :] if "\nparameters:\n" in text else ""
    return {f"effective_{name}": read_text(value) for name, value in _LINE.findall(listed)}

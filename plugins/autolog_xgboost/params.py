"""Params of a training: those given, and those in effect by the booster's own configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from autolog.capture.callbacks import described
from autolog.values import JSON, read_text

if TYPE_CHECKING:
    from autolog.capture.calls import Call

__all__ = ["ROUNDS", "effective_params", "given_params"]

ROUNDS: Final = 10  # what `train` and `cv` do where they are not told
_NO_PARAMS: Final = frozenset({"params", "dtrain", "evals", "evals_result", "xgb_model", "callbacks", "folds"})


def given_params(call: Call) -> dict[str, Any]:
    """Give the params that a training was given, be it in `params` or as arguments of their own.

    An argument of the same name as a param, such as the `seed` of `cv`, is named after the function as well.
    """
    given, params = call.given(), _plain(call.argument(0, "params"))
    arguments = {name: value for name, value in given.items() if name not in _NO_PARAMS and value is not None}
    source = given.get("xgb_model")
    return {
        "num_boost_round": ROUNDS,
        **{f"{call.name}_{name}" if name in params else name: value for name, value in arguments.items()},
        **params,
        **({"xgb_model": str(source)} if hasattr(source, "__fspath__") or isinstance(source, str) else {}),
        **described(given.get("callbacks"), "xgboost"),
    }


def _plain(params: Any) -> dict[str, Any]:
    """Give the params as a dict; in a list of pairs a name may stand several times."""
    if isinstance(params, dict):
        return dict(dict.items(params))
    plain: dict[str, Any] = {}
    for name, value in list.__iter__(params) if isinstance(params, list) else ():
        plain[name] = [*_listed(plain[name]), value] if name in plain else value
    return plain


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# ---- in effect


def effective_params(config: str) -> dict[str, Any]:
    """Give all params of a booster's configuration as `effective_<name>`, numbers as numbers.

    Args:
        config: what `Booster.save_config` gave.
    """
    learner = json.loads(config)["learner"]
    effective: dict[str, Any] = {}
    for parent, name, value in _leaves(learner, ""):
        known = effective.setdefault(f"effective_{name}", value)
        if known != value:
            effective[f"effective_{parent}.{name}"] = value
    named = {"booster": learner["gradient_booster"], "objective": learner["objective"]}
    effective |= {f"effective_{name}": part["name"] for name, part in named.items()}
    return {**effective, "effective_eval_metric": [metric["name"] for metric in learner.get("metrics", ())]}


def _leaves(part: Mapping[str, Any], parent: str) -> Iterator[tuple[str, str, JSON]]:
    for name, value in part.items():
        if isinstance(value, dict):
            yield from _leaves(value, name)
        elif not isinstance(value, list) and name != "name":
            yield parent, name, read_text(value) if isinstance(value, str) else value

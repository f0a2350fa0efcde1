"""Boosters and XGBoost's own estimators in XGBoost's own UBJSON, which its plain `load_model` reads as well."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import xgboost
from xgboost import Booster

from autolog.capture.boosting import own_estimators
from autolog.capture.identity import LastOne
from autolog.capture.kept_params import kept_params
from autolog.capture.origins import belongs_to
from autolog.exceptions import ModelError, ModelTooLarge, RefusedError
from autolog.hookspecs import SavedModel
from autolog.models.files import module_versions
from autolog.models.states import left_out, lost_objective, writable
from autolog.values import type_name

if TYPE_CHECKING:
    from autolog.hookspecs import ModelStream

__all__ = ["estimators", "is_linear", "is_talkative", "load", "raw_of", "save"]

_FORMAT: Final = "xgboost-ubj"
_DEBUG: Final = 3
_SPLIT: Final = 65  # bytes that a split takes at least, with its children

_raw = LastOne()


def is_talkative() -> bool:
    """Say whether XGBoost prints on stdout whenever a booster is asked for anything, as it does when debugging."""
    return int(xgboost.get_config()["verbosity"]) >= _DEBUG


def raw_of(booster: Any, most: float, *, keep: bool) -> bytearray:
    """Give a booster as XGBoost writes it.

    Args:
        booster: it.
        most: the bytes that it may have.
        keep: have the next `save` of this booster use it.

    Raises:
        ModelTooLarge: it would have more; nothing was allocated.
    """
    if _splits(booster) * _SPLIT > most:
        raise ModelTooLarge(f"the model is larger than {most:,.0f} bytes; raise max_model_mb to save it")
    raw: bytearray = Booster.save_raw(booster, "ubj")
    if keep:
        _raw.put(booster, raw)
    return raw


def _splits(booster: Any) -> float:
    """Count the splits of all trees; a linear booster has none, its weights are no counts."""
    weights: Any = {} if is_linear(booster) else Booster.get_score(booster, importance_type="weight")
    return float(sum(weights.values()))


def is_linear(booster: Any) -> bool:
    """Say whether a booster is a linear model."""
    return '"name":"gblinear"' in Booster.save_config(booster)


def save(model: object, stream: ModelStream) -> SavedModel | None:
    """Write a model; an estimator that a user derived is left to who can pickle its class.

    Raises:
        ModelTooLarge: the stream takes no model of this size.
        RefusedError: XGBoost would print.
    """
    booster: Any = model
    if not isinstance(model, Booster):
        if not _is_estimator(model) or "_Booster" not in vars(model):  # set by a fit
            return None
        booster = model.get_booster()  # type: ignore[attr-defined]
    if is_talkative():
        raise RefusedError("no model: with verbosity=3 XGBoost prints when it is asked for it")
    stream.write(_raw.take(booster) or raw_of(booster, stream.room, keep=False))
    params = {} if booster is model else kept_params(model)
    needed, notes = module_versions(["xgboost"]), left_out(params)
    state = {"params": writable(params), "has_own_objective": callable(params.get("objective"))}
    return SavedModel(_FORMAT, type_name(model), needed, notes, suffix="ubj", state=state)


def _is_estimator(model: object) -> bool:
    return any(type(model) is kind for kind in estimators().values())


def estimators() -> Mapping[str, type]:
    """Give XGBoost's own estimators by their full names."""
    return own_estimators(xgboost, "XGBModel")


def load(path: Path, saved: SavedModel) -> Any:
    """Read a model as what it was: a booster, or an estimator with its params.

    Raises:
        ModelError: what was recorded of the estimator is not what makes one.
    """
    if saved.format != _FORMAT:
        return None
    kind = estimators().get(saved.model_class)
    if kind is None:
        return Booster(model_file=path)
    try:
        return _estimator(kind, saved.state, path)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise ModelError(f"no {saved.model_class} can be made around the booster in {path}: {error}") from error


def _estimator(kind: Any, state: Mapping[str, Any], path: Path) -> Any:
    params = writable(state["params"])
    model = kind(**params)
    model.load_model(path)
    vars(model).update(params)  # as they were given, and not as XGBoost reads them off the booster
    if state.get("has_own_objective"):
        vars(model).update(objective=lost_objective)
    belongs_to(model.get_booster(), model)
    return model

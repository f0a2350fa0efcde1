"""Boosters and LightGBM's own estimators as LightGBM's text, which its plain `Booster(model_file=…)` reads as well."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import lightgbm
import numpy as np
from lightgbm import Booster

from autolog.capture.boosting import own_estimators
from autolog.capture.calls import Call
from autolog.capture.identity import ByIdentity, LastOne
from autolog.capture.kept_params import kept_params
from autolog.capture.origins import belongs_to
from autolog.exceptions import ModelError
from autolog.hookspecs import Arguments, Outcome, SavedModel
from autolog.models.files import module_versions
from autolog.models.states import left_out, lost_objective, writable
from autolog.values import type_name

if TYPE_CHECKING:
    from autolog.hookspecs import ModelStream

__all__ = ["estimators", "load", "on_made_of_text", "save", "text_at_hand", "text_of", "trained"]

_FORMAT: Final = "lightgbm-text"
_PLAIN: Final = (bool, int, float, str, type(None))
_NOT_KEPT: Final = frozenset({"_Booster", "_classes", "_evals_result", "_le"})
"""Attributes of an estimator that are the model, are made of its classes, or are series of the run."""

trained = ByIdentity()
"""Those boosters under training whose text will be asked for."""
_texts = LastOne()


def on_made_of_text(call: Call) -> Generator[Arguments | None, Outcome, None]:
    """Keep the text that a training makes its booster anew of at its end, which spares writing it once more."""
    if trained.pop(call.instance):
        _texts.put(call.instance, call.argument(0, "model_str"))
    return
    yield


def text_at_hand(booster: Any) -> str | None:
    """Give a booster's text if it is kept."""
    text: str | None = _texts.get(booster)
    return text


def text_of(booster: Any, *, keep: bool) -> str:
    """Give a booster as LightGBM writes it: up to the best iteration, where early stopping has found one.

    Args:
        booster: it.
        keep: have the next `save` of this booster use it.
    """
    text: str = _texts.take(booster) or booster.model_to_string()
    if keep:
        _texts.put(booster, text)
    return text


def save(model: object, stream: ModelStream) -> SavedModel | None:
    """Write a model; an estimator that a user derived is left to who can pickle its class."""
    is_estimator = type(model) in estimators().values() and _is_fitted(model) and _classes_are_plain(model)
    if not is_estimator and not isinstance(model, Booster):
        return None
    booster: Any = vars(model)["_Booster"] if is_estimator else model
    state = _state(model) if is_estimator else {}
    notes = (*_cut_notes(booster), *(left_out(kept_params(model)) if is_estimator else ()))
    stream.write(text_of(booster, keep=False).encode("utf-8"))
    return SavedModel(_FORMAT, type_name(model), module_versions(["lightgbm"]), notes, suffix="txt", state=state)


def _cut_notes(booster: Any) -> tuple[str, ...]:
    best, all_rounds = booster.best_iteration, booster.current_iteration()
    left_out = f"the {all_rounds - best} iterations after the best one are left out, as in Booster.save_model"
    return (left_out,) if 0 < best < all_rounds else ()


# ---- estimators


def estimators() -> Mapping[str, type]:
    """Give LightGBM's own estimators by their full names."""
    return own_estimators(lightgbm, "LGBMModel")


def _is_fitted(model: Any) -> bool:
    return vars(model).get("_Booster") is not None


def _classes_are_plain(model: Any) -> bool:
    return all(type(each) in _PLAIN for each in _classes(model) or ())


def _classes(model: Any) -> list[Any] | None:
    classes = vars(model).get("_classes")
    return classes.tolist() if type(classes) is np.ndarray else None


def _state(model: Any) -> dict[str, Any]:
    """Give what makes an estimator of its own again of a new one and the booster."""
    attributes, classes = vars(model), _classes(model)
    fitted = {name: value for name, value in attributes.items() if name.startswith("_") and name not in _NOT_KEPT}
    return {
        "params": writable(kept_params(model)),
        "fitted": writable(fitted),
        "has_own_objective": callable(attributes.get("_objective")),
        **({} if classes is None else {"classes": classes, "dtype": attributes["_classes"].dtype.str}),
    }


def load(path: Path, saved: SavedModel) -> Any:
    """Read a model as what it was: a booster, or an estimator with its params, its classes and its booster.

    Raises:
        ModelError: what was recorded of the estimator is not what makes one.
    """
    if saved.format != _FORMAT:
        return None
    booster = Booster(model_file=path)
    kind = estimators().get(saved.model_class)
    if kind is None:
        return booster
    try:
        return _estimator(kind, saved.state, booster)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise ModelError(f"no {saved.model_class} can be made around the booster in {path}: {error}") from error


def _estimator(kind: Any, state: Mapping[str, Any], booster: Booster) -> Any:
    model = kind(**writable(state["params"]))
    kept = {name: value for name, value in writable(state["fitted"]).items() if name.startswith("_")}
    vars(model).update(kept, _Booster=booster, fitted_=True)
    if state.get("has_own_objective"):
        vars(model).update(objective=lost_objective, _objective=lost_objective)
    if "classes" in state:
        from sklearn.preprocessing import LabelEncoder  # what LightGBM has for its labels

        encoder = LabelEncoder()
        encoder.classes_ = np.array(state["classes"], dtype=np.dtype(state["dtype"]))
        vars(model).update(_classes=encoder.classes_, _le=encoder)
    belongs_to(booster, model)
    return model

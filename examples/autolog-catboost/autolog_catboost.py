"""autolog's plugin for CatBoost: every `fit` of a model is a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import catboost

from autolog import guard, hookimpl
from autolog.capture.calls import Call
from autolog.capture.data import signature
from autolog.capture.importances import importance_charts
from autolog.capture.origins import link, name_origin
from autolog.capture.predicting import on_predict
from autolog.hookspecs import Column, DataDescription, ModelStream, Patches, SavedModel, Steps
from autolog.loading.needs import check_needs
from autolog.models.by_path import write_file
from autolog.models.files import module_versions
from autolog.recording.charts import log_charts
from autolog.recording.runs import ActiveRun
from autolog.values import type_name

__all__: list[str] = []

_SETTINGS = ("early_stopping_rounds", "metric_period", "use_best_model", "verbose")  # of `fit`, that are no data


@hookimpl
def autolog_patches(patches: Patches) -> None:
    """Wrap what trains and what predicts, of CatBoost's own estimators and of those that derive from them."""
    check_needs(catboost, "CatBoost.fit", "CatBoost.get_all_params", "CatBoost.get_evals_result", "Pool.shape")
    handlers = {"fit": on_fit, "predict": on_predict("data"), "predict_proba": on_predict("X")}
    patches.subclasses(catboost.CatBoost, handlers)


# ---- a fit


def on_fit(call: Call) -> Steps:
    """Record a fit: what it was given before the call, what it has come to after it."""
    model = call.instance
    run = call.start_fit(model)
    if run is None:  # this plugin was not asked for
        return
    guard.call("catboost.origin", run, name_origin, call.given().get("init_model"), run)
    guard.call("catboost.params", run, _log_params, call, run)
    guard.call("catboost.data", run, _log_data, call, run)
    outcome = yield None
    if outcome.error is None:
        link(model, run)
        guard.call("catboost.iterations", run, _log_iterations, call, run)
        guard.call("catboost.fitted", run, _log_fitted, model, run)
        if call.settings.log_models:
            guard.call("catboost.model", run, call.save_model, model)


def _log_params(call: Call, run: ActiveRun) -> None:
    chosen = {name: value for name, value in call.chosen().items() if name in _SETTINGS}
    run.log_params({**call.instance.get_params(), **chosen})


def _log_data(call: Call, run: ActiveRun) -> None:
    """Record the data of the training and each set that it is evaluated on, and what the model takes."""
    given = call.given()
    call.log_dataset(given.get("X"), given.get("y"), "train")
    for number, (data, target) in enumerate(_pairs(given.get("eval_set"))):
        call.log_dataset(data, target, f"validation_{number}")
    described = call.describe(given.get("X"))
    if described is not None and call.settings.log_model_signatures:
        run.log_facts("signature", signature(described, call.describe(given.get("y"))))


def _pairs(eval_set: Any) -> Iterator[tuple[Any, Any]]:
    """Give the inputs and the target of a set, or of several in a list."""
    if eval_set is not None:
        for each in eval_set if isinstance(eval_set, list) else [eval_set]:
            yield each if isinstance(each, tuple) else (each, None)


def _log_iterations(call: Call, run: ActiveRun) -> None:
    """Record what every iteration came to, at once: a callback would be handed the whole history each time."""
    model = call.instance
    last = model.get_all_params().get("iterations", 0) - 1
    period = call.given().get("metric_period") or model.get_params().get("metric_period") or 1
    for data, metrics in model.get_evals_result().items():
        for metric, values in metrics.items():
            steps = [min(number * period, max(last, number)) for number in range(len(values))]
            run.log_series({f"{data}-{metric}": values}, steps)


def _log_fitted(model: Any, run: ActiveRun) -> None:
    """Record the params in effect, the best iteration, the trees and the importances."""
    given = model.get_params()
    run.log_params({f"effective_{name}": value for name, value in model.get_all_params().items() if name not in given})
    best = model.get_best_iteration()
    run.log_metrics({"n_trees": model.tree_count_, **({} if best is None else {"best_iteration": best})})
    scores = dict(zip(model.feature_names_, map(float, model.feature_importances_), strict=True))
    log_charts(run, "importances", "model", [], importance_charts, {"PredictionValuesChange": scores})


# ---- data and models


@hookimpl
def autolog_describe_data(data: object) -> DataDescription | None:
    """Describe a `Pool` by what it tells of itself; it does not give its data back."""
    if not isinstance(data, catboost.Pool):
        return None
    kinds = dict.fromkeys(data.get_cat_feature_indices(), "categorical")
    kinds |= dict.fromkeys(data.get_text_feature_indices(), "text")
    names = enumerate(data.get_feature_names())
    columns = tuple(Column(name or str(number), kinds.get(number, "numeric")) for number, name in names)
    return DataDescription("catboost.Pool", tuple(data.shape), columns=columns)


@hookimpl
def autolog_save_model(model: object, stream: ModelStream) -> SavedModel | None:
    """Save a model in CatBoost's own format."""
    if not isinstance(model, catboost.CatBoost):
        return None
    write_file(stream, "model.cbm", partial(_save, model))
    return SavedModel("cbm", type_name(model), module_versions(["catboost", type(model).__module__]))


def _save(model: Any, path: Path) -> None:
    model.save_model(str(path), format="cbm")


@hookimpl
def autolog_load_model(path: Path, saved: SavedModel, trusted: bool | Sequence[str] | None) -> Any:
    """Load what `autolog_save_model` saved; CatBoost's own reader runs no code of the file's."""
    if saved.format != "cbm":
        return None
    kinds: Mapping[str, Any] = {type_name(kind()): kind for kind in (catboost.CatBoost, *_estimators())}
    return kinds.get(saved.model_class, catboost.CatBoost)().load_model(str(path), format="cbm")


def _estimators() -> tuple[Any, ...]:
    return catboost.CatBoostClassifier, catboost.CatBoostRegressor, catboost.CatBoostRanker

"""What the `…CV` estimators keep of their cross-validation: a child run a fold, with a score a point of the path.

A point is a value of what the estimator chooses from: `alphas_`, `Cs_`, a number of features. Its number is the step;
the values themselves are the series `path_alpha`, `path_C`, `path_l1_ratio`, `path_n_features` of the parent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from autolog.capture.canonical import label
from autolog.recording.candidates import candidate, log_split
from autolog_sklearn.kinds import fitted_parts, own_attributes

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["Path", "log_paths", "path_of"]


class Path(NamedTuple):
    """A cross-validation along a path.

    Args:
        scores: by metric, a row for each fold and a column for each point.
        points: by name, what was tried at each point.
        means: of each metric over the folds, by metric, where the estimator keeps no folds.
    """

    scores: Mapping[str, Any]
    points: Mapping[str, Any]
    means: Mapping[str, Any] = {}


def log_paths(run: ActiveRun, estimator: object) -> None:
    """Log the path of an estimator, or of a pipeline's last step."""
    path = next((path_of(part) for prefix, part in fitted_parts(estimator) if not prefix), None)
    if path is None:
        return
    folds = max(map(len, path.scores.values()), default=0)
    for fold in range(folds):
        child = candidate(run, fold, f"fold {fold}", dict, splits=1)
        child.log_series({name: values[fold].tolist() for name, values in path.scores.items()})
        log_split(child, fold, {})
    means = {**path.means, **{name: values.mean(axis=0) for name, values in path.scores.items()}}
    run.log_series({f"mean_{name}": values.tolist() for name, values in means.items()})
    run.log_series({f"path_{name}": values.tolist() for name, values in path.points.items()})


def path_of(estimator: object) -> Path | None:
    """Give the path that an estimator of scikit-learn's own keeps, None where it keeps none."""
    attributes = own_attributes(estimator)
    found = (read(attributes) for attribute, read in _READERS.items() if attribute in attributes)
    return next((path for path in found if path is not None), None)


def _of_errors(attributes: Mapping[str, Any]) -> Path | None:
    """Read the squared errors of a linear model's path: the folds are their last axis."""
    errors = attributes["mse_path_"]
    alphas = np.asarray(attributes.get("cv_alphas_", attributes.get("alphas_")))
    points = {"alpha": alphas.ravel()}
    ratios: Any = attributes.get("l1_ratio")
    if type(ratios) in (list, tuple, np.ndarray):
        if alphas.ndim == 1:  # they were given, and are the same for each ratio
            points["alpha"] = np.tile(alphas, len(ratios))
        points["l1_ratio"] = np.repeat(np.asarray(ratios, dtype=float), len(points["alpha"]) // len(ratios))
    return Path({"mse": errors.reshape(len(points["alpha"]), -1).T}, points)  # of one fold there is no axis


def _of_scores(attributes: Mapping[str, Any]) -> Path | None:
    """Read the scores of a logistic regression: a dict by class of folds x Cs x ratios; or folds x ratios x Cs."""
    scores, cs, ratios = attributes["scores_"], attributes.get("Cs_"), _ratios(attributes)
    if cs is None or not isinstance(scores, (dict, np.ndarray)):
        return None
    if isinstance(scores, dict):
        points = {"C": np.repeat(cs, len(ratios)), "l1_ratio": np.tile(ratios, len(cs))}
        by_name = {f"score_{label(name)}": values.reshape(len(values), -1) for name, values in scores.items()}
        arrays = list(by_name.values())
        if all(np.array_equal(each, arrays[0], equal_nan=True) for each in arrays):  # multinomial: one for all classes
            by_name = {"score": arrays[0]}
    else:
        points = {"C": np.tile(cs, len(ratios)), "l1_ratio": np.repeat(ratios, len(cs))}
        by_name = {"score": scores.reshape(len(scores), -1)}
    return Path(by_name, {name: values for name, values in points.items() if not np.isnan(values).all()})


def _ratios(attributes: Mapping[str, Any]) -> Any:
    """Give the ratios tried, not a number where there was none to choose."""
    ratios = attributes.get("l1_ratios_")
    return np.asarray([np.nan] if ratios is None or not len(ratios) else ratios, dtype=float)


def _of_results(attributes: Mapping[str, Any]) -> Path | None:
    """Read a `cv_results_` that has an array a split, or the mean curve of a threshold."""
    results = attributes["cv_results_"]
    if not isinstance(results, dict):
        return _of_rows(attributes, results)
    names = {"alphas": "alpha", "n_features": "n_features", "thresholds": "threshold"}
    points = {names[key]: np.asarray(results[key]) for key in names if key in results}
    if "thresholds" in results:
        return Path({}, points, {"score": np.asarray(results["scores"])})
    folds = sum(key.startswith("split") and key.endswith("_test_score") for key in results)
    if not folds:
        return None
    return Path({"test_score": np.stack([results[f"split{fold}_test_score"] for fold in range(folds)])}, points)


def _of_rows(attributes: Mapping[str, Any], results: Any) -> Path | None:
    """Read the errors of each row left out, by alpha: a fold a row would be a run a row, so only their mean is kept."""
    alphas = np.asarray(attributes.get("alphas", ()), dtype=float)
    if attributes.get("scoring") is not None or results.ndim != 2 or results.shape[1] != alphas.size:
        return None
    return Path({}, {"alpha": alphas.ravel()}, {"mse": results.mean(axis=0)})


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Path | None]]] = {
    "mse_path_": _of_errors,
    "scores_": _of_scores,
    "cv_results_": _of_results,
    "cv_values_": lambda attributes: _of_rows(attributes, attributes["cv_values_"]),
}

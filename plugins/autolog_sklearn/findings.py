"""What a fitted estimator has found, apart from its coefficients: numbers become metrics, words params.

A metric has the attribute's name without the underscore at its end (`n_iter_` -> `n_iter`), a param keeps it
(`converged_`), since a param of that name may be what the user has chosen.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.base import ClusterMixin, OutlierMixin

from autolog.capture.canonical import label
from autolog_sklearn.kinds import fitted_parts, own_attributes

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["findings", "log_findings", "outlier_fraction", "words"]

_NUMBERS: Final = frozenset(
    (
        "C_",
        "alpha_",
        "bandwidth_",
        "best_loss_",
        "best_score_",
        "best_threshold_",
        "best_validation_score_",
        "bound_",
        "breakdown_",
        "dual_gap_",
        "gamma_",
        "inertia_",
        "kl_divergence_",
        "l1_ratio_",
        "lambda_",
        "learning_rate_",
        "log_marginal_likelihood_value_",
        "lower_bound_",
        "max_samples_",
        "n_batch_iter_",
        "n_clusters_",
        "n_components_",
        "n_connected_components_",
        "n_estimators_",
        "n_features_",
        "n_features_to_select_",
        "n_iter_",
        "n_neighbors_",
        "n_nonzero_coefs_",
        "n_steps_",
        "n_subpopulation_",
        "n_trials_",
        "noise_variance_",
        "offset_",
        "oob_score_",
        "rank_",
        "reconstruction_err_",
        "reconstruction_error_",
        "scale_",
        "shrinkage_",
        "stress_",
    )
)
_A_TARGET: Final = frozenset({"n_iter_", "C_", "alpha_", "l1_ratio_", "dual_gap_"})
"""Those that may have a number for each class, pair of classes, or target."""
_NOT_SO: Final = frozenset({("GaussianProcessRegressor", "alpha_")})  # dual coefficients
_WORDS: Final = ("converged_", "do_early_stopping_", "increasing_", "solver_", "termination_condition_")
_LAST: Final = {"oob_score_": "oob_scores_", "lower_bound_": "lower_bounds_"}
"""Numbers that are the last of a series that the estimator may keep as well."""
_LISTED: Final = 20  # numbers of one attribute, each under its own name; of more, the largest alone
_PAIRING: Final = frozenset({"NuSVC", "SVC"})
_NOISE: Final = frozenset({"DBSCAN", "HDBSCAN", "OPTICS"})


def log_findings(run: ActiveRun, estimator: object) -> None:
    """Log what a fitted estimator has found."""
    found = findings(estimator)
    if found:
        run.log_series({name: [value] for name, value in found.items()})
    said = words(estimator)
    if said:
        run.log_params(said)


def findings(estimator: object) -> dict[str, float]:
    """Give the numbers by name; those of a pipeline's earlier steps as `step__name`."""
    found: dict[str, float] = {}
    for prefix, part in fitted_parts(estimator):
        attributes = own_attributes(part)
        for attribute in _NUMBERS & attributes.keys():
            if (type(part).__name__, attribute) not in _NOT_SO and _LAST.get(attribute) not in attributes:
                values = _named(attribute, attributes[attribute], _labels(type(part), attributes.get("classes_")))
                found.update((prefix + name, value) for name, value in values)
        found.update((prefix + name, value) for name, value in _counted(part, attributes))
    return dict(sorted(found.items()))


def words(estimator: object) -> dict[str, Any]:
    """Give what was found that is no number, by the attributes' own names."""
    return {
        prefix + name: attributes[name]
        for prefix, part in fitted_parts(estimator)
        for attributes in [own_attributes(part)]
        for name in _WORDS
        if type(attributes.get(name)) in (bool, np.bool_, str)
    }


def outlier_fraction(estimator: object, labels: object) -> float | None:
    """Give the share of rows that an outlier detector's `fit_predict` has flagged, None for any other estimator."""
    last = [part for prefix, part in fitted_parts(estimator) if not prefix][-1]
    if not own_attributes(last) or not isinstance(last, OutlierMixin) or type(labels) is not np.ndarray:
        return None
    return float(np.mean(labels == -1)) if labels.ndim == 1 and len(labels) else None


def _named(attribute: str, value: Any, labels: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Give a number under the attribute's name, or several under those of what they are of."""
    name = attribute.removesuffix("_")
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        yield name, float(value)
        return
    array = np.asarray(value) if type(value) in (list, np.ndarray) else np.empty(0)
    if array.dtype.kind not in "iuf" or array.size == 0:
        return
    if array.size == 1:
        yield name, float(array.ravel()[0])
    elif attribute in _A_TARGET and array.ndim == 1 and len(array) <= _LISTED:
        keys = labels if len(labels) == len(array) else range(len(array))
        yield from ((f"{name}_{key}", float(one)) for key, one in zip(keys, array, strict=True))
    elif attribute in _A_TARGET:
        yield f"{name}_max", float(array.max())


def _labels(kind: type, classes: Any) -> Sequence[str]:
    """Name what a classifier has numbers of: its classes; for libsvm their pairs, the first with each other first."""
    labels = [label(each) for each in classes.tolist()] if type(classes) is np.ndarray and classes.ndim == 1 else []
    return [f"{first}_{second}" for first, second in combinations(labels, 2)] if kind.__name__ in _PAIRING else labels


def _counted(estimator: object, attributes: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Give what is counted or summed in the arrays that an estimator keeps."""
    for attribute, (name, count) in _COUNTS.items():
        array = attributes.get(attribute)
        if type(array) is np.ndarray and array.ndim == 1:
            found = count(array)
            if found is not None:
                yield name, float(found)
    labels = attributes.get("labels_")
    if isinstance(estimator, ClusterMixin) and type(labels) is np.ndarray and labels.dtype.kind == "i":
        yield "n_clusters", float(np.count_nonzero(np.bincount(labels[labels >= 0])))
        if type(estimator).__name__ in _NOISE:
            yield "n_noise", float(np.count_nonzero(labels == -1))
    tree = attributes.get("tree_")
    if tree is not None and type(tree).__module__ == "sklearn.tree._tree":
        yield from (("depth", float(tree.max_depth)), ("n_leaves", float(tree.n_leaves)))


def _true(array: Any) -> int | None:
    return int(array.sum()) if array.dtype.kind == "b" else None


def _indices(array: Any) -> int | None:
    return len(array) if array.dtype.kind == "i" else None


def _ratios(array: Any) -> float | None:
    return float(array.sum()) if array.dtype.kind == "f" else None


_COUNTS: Final[Mapping[str, tuple[str, Any]]] = {
    "explained_variance_ratio_": ("explained_variance_ratio_sum", _ratios),
    "inlier_mask_": ("n_inliers", _true),
    "outliers_": ("n_outliers", _true),
    "support_": ("n_support_vectors", _indices),
    "labeled_iter_": ("n_self_labeled", lambda array: int((array > 0).sum())),
}

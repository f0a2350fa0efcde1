"""Importances of features as tables, one for each kind of importance that a framework knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from autolog.recording.charts import MOST, Chart, chart

__all__ = ["importance_charts"]


def importance_charts(scores: Mapping[str, Mapping[str, float]]) -> Iterator[Chart]:
    """Give a table for each kind, the greatest importance first; of equal ones the feature that came first.

    Args:
        scores: the importance of each feature by its name, by the framework's name of the kind.
    """
    for kind, values in scores.items():
        kept = sorted(values, key=lambda feature: -values[feature])[:MOST]
        columns = {"feature": kept, "importance": [float(values[feature]) for feature in kept]}
        left_out = {"features_left_out": len(values) - len(kept)} if len(values) > len(kept) else {}
        yield chart("feature_importances", columns, importance_type=kind, **left_out)

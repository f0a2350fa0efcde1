"""What kind of estimator something is, told without importing what defines the kind."""

from __future__ import annotations

import sys

__all__ = ["is_search"]


def is_search(estimator: object) -> bool:
    """Say whether an estimator is a search over candidates; there is none where their module was never imported."""
    module = sys.modules.get("sklearn.model_selection._search")
    return module is not None and isinstance(estimator, module.BaseSearchCV)

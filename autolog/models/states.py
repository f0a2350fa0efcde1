"""What else than its file makes a model again: values that come back from a run's record as they were."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from typing import Any, Final

from autolog.exceptions import ModelError

__all__ = ["left_out", "lost_objective", "writable"]

_PLAIN: Final = (bool, int, float, str, type(None))
_LISTS: Final = (list, tuple)
_DICTS: Final = (dict, OrderedDict, defaultdict)
_DEEPEST: Final = 10


def writable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give those values that are plain, or lists, tuples and dicts of plain ones; a numpy scalar as Python's.

    Args:
        values: by name, such as an estimator's params.
    """
    found = {name: _written(value, 0) for name, value in values.items()}
    return {name: value for name, value in found.items() if value is not _OBJECT}


def left_out(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Say in a note which values are not writable; nothing where all are."""
    missing = sorted(values.keys() - writable(values).keys())
    return (f"loaded without {', '.join(missing)}: objects, which are not written down",) if missing else ()


def lost_objective(truth: Any, predicted: Any) -> Any:
    """Stand for an objective of the user's, which is no part of a model: it takes none to predict.

    Args:
        truth: whatever.
        predicted: whatever; that there are two, libraries ask.

    Raises:
        ModelError: always; the estimator is to be trained again.
    """
    raise ModelError(
        "this estimator's objective was a function, which its model does not hold; set_params(objective=…)"
    )


_OBJECT: Final = object()


def _written(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind.__module__ == "numpy" and getattr(value, "shape", None) == ():
        return _written(value.item(), _DEEPEST)
    if depth >= _DEEPEST:
        return _OBJECT
    if kind in _LISTS:
        items = [_written(each, depth + 1) for each in value]
        return _OBJECT if any(each is _OBJECT for each in items) else kind(items)
    if kind in _DICTS:
        pairs = [(_written(name, depth + 1), _written(each, depth + 1)) for name, each in value.items()]
        return _OBJECT if any(each is _OBJECT for pair in pairs for each in pair) else dict(pairs)
    return _OBJECT

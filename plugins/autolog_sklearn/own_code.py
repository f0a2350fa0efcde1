"""Whether a fitted estimator can predict once more with scikit-learn's own code only, and without a trace.

The fitted object is walked along what its prediction methods mention: `Pipeline.predict` mentions `steps`, so a user's
class there counts; `GridSearchCV.predict` does not mention `scoring`, so a user's function there does not. What methods
mention is read from their compiled code. Nothing on the way is called, compared or printed.
"""

from __future__ import annotations

import random
from collections import deque
from functools import cache, partial
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["prediction_is_safe"]

Part: TypeAlias = "tuple[Any, bool]"
"""An object on the way, and whether it stands in a private attribute, where scikit-learn keeps what it made itself."""

MOST_PARTS = 10_000
PREDICTING = ("predict", "predict_proba", "decision_function", "transform", "inverse_transform")

OWN = frozenset({"sklearn", "numpy", "scipy"})
PURE = ("numpy", "scipy.special", "scipy.spatial", "sklearn.feature_selection", "sklearn.metrics")
"""Packages whose functions may be called."""
KNOWN = OWN | {"builtins", "collections", "datetime", "functools", "joblib", "pandas", "re"}
"""Packages whose objects may be used."""

PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes, slice, range, *np.sctypeDict.values()})
FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType)
STATES = (np.random.RandomState, np.random.Generator, np.random.BitGenerator, random.Random)

COPYING = ("copy", "copy_X", "copy_x", "copy_X_train")
WRITING = ("out", "inplace")
NAMING = ("feature_name_combiner", "feature_names_out")  # asked by what `set_output` wraps around `transform`
DRAWING = frozenset({"stratified", "uniform"})
"""The strategies with which a dummy draws its predictions."""


def prediction_is_safe(estimator: object) -> str | None:
    """Say why `predict` or `predict_proba` must not be called once more on the data an estimator was fitted to.

    Args:
        estimator: a fitted estimator.

    Returns:
        None where only scikit-learn's code would run and leave nothing behind: no number drawn from a random state that
        lives on, no change of the data, no output. Else the reason in a few words.
    """
    changed = _changed_method(estimator)
    if changed is not None:
        return f"its {changed} has been replaced"
    seen: set[int] = set()
    ahead: list[Part] = [(estimator, False)]
    while ahead:
        value, private = ahead.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        reason = _reason(value, private) if len(seen) <= MOST_PARTS else f"it has more than {MOST_PARTS:,} parts"
        if reason is not None:
            return reason
        ahead.extend(_parts(value, private))
    return None


def is_own(cls: type) -> bool:
    """Say whether a class is scikit-learn's own."""
    return _package(cls) == "sklearn"


def _changed_method(estimator: object) -> str | None:
    """Find a prediction method that somebody put in place of scikit-learn's on its class."""
    for name in PREDICTING:
        holder = next((base for base in type(estimator).__mro__ if name in vars(base)), None)
        if holder is not None and is_own(holder) and _package(vars(holder)[name]) != "sklearn":
            return name
    return None


# ---- one object on the way


def _reason(value: Any, private: bool) -> str | None:
    """Say what forbids this one object, its parts aside."""
    cls = type(value)
    if _package(cls) == "sklearn":
        return _trace(cls, _attributes(value), private)
    if issubclass(cls, STATES):
        return f"it would draw from a {cls.__name__}"
    if issubclass(cls, np.ufunc):
        return _python_ufunc(value)
    if issubclass(cls, (*FUNCTIONS, type)):
        return (
            None
            if (issubclass(cls, type) and _package(value) in KNOWN) or _is_pure(value)
            else f"it calls {_name(value)}"
        )
    if _package(cls) not in KNOWN:
        return f"{_name(cls)} is not scikit-learn's own class"
    given = value.keywords if issubclass(cls, partial) else value
    return _overwriting(given) if isinstance(given, dict) else None


def _is_pure(function: Any) -> bool:
    """Say whether a function is one of those that only compute; others of scikit-learn and scipy may draw numbers."""
    return str(getattr(function, "__module__", None)).startswith(PURE)


def _package(value: Any) -> str:
    """Give the top-level package that a class or function says it is from; the tests it ships are nobody's library."""
    module = str(getattr(value, "__module__", None))
    return "" if ".tests." in module else module.partition(".")[0]


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', 'builtins')}.{value.__qualname__}"


def _python_ufunc(value: np.ufunc) -> str | None:
    """Refuse one of `np.frompyfunc`: it takes objects only, and calls a Python function for each."""
    return f"it calls {value.__name__}" if set("".join(value.types)) <= set("O->") else None


def _trace(cls: type, values: Mapping[str, Any], private: bool) -> str | None:
    """Say what trace an object of scikit-learn's leaves when it predicts."""
    mentioned = _mentions(cls)
    if hasattr(cls, "get_n_calls"):
        return f"{cls.__name__} counts its queries, and the counts are pickled"
    if "verbose" in mentioned and _plain(values.get("verbose"), True):
        return "verbose makes it print"
    if "random_state" in mentioned and _draws(values):
        return f"{cls.__name__} draws random numbers when it predicts"
    return None if private else _overwriting(values)


def _plain(value: Any, otherwise: Any) -> Any:
    return value if type(value) in PLAIN else otherwise


def _draws(values: Mapping[str, Any]) -> bool:
    """Say whether numbers come from a random state that lives on; one that is seeded for the call does not."""
    seeded = isinstance(_plain(values.get("random_state"), None), (int, np.integer))
    return not seeded and _plain(values.get("strategy", "uniform"), "uniform") in DRAWING


def _overwriting(values: Mapping[str, Any]) -> str | None:
    """Find a parameter that lets `fit` or `transform` write to the data it is given."""
    for name in COPYING:
        if name in values and not _plain(values[name], True):
            return f"{name}=False lets it overwrite the data"
    return next((f"{name}= makes it write to an array" for name in WRITING if values.get(name) is not None), None)


# ---- what an object leads to


def _parts(value: Any, private: bool) -> Iterable[Part]:
    cls = type(value)
    if _package(cls) == "sklearn" or cls is np.vectorize:
        yield from _used_attributes(value)
    items = _items(value)
    if items and not set(map(type, items)) <= PLAIN:
        yield from ((item, private) for item in items if not _is_leaf(item))


def _used_attributes(value: Any) -> Iterable[Part]:
    """Give the attributes that prediction mentions; all of them where the class has no prediction methods."""
    cls: type = type(value)  # mypy finds no hash on type[Any]
    mentioned = _mentions(cls)
    for name, part in _attributes(value).items():
        if (not mentioned or name in mentioned or name in NAMING) and not _is_leaf(part):
            yield part, name.startswith("_")


def _is_leaf(value: Any) -> bool:
    cls = type(value)
    return cls in PLAIN or (cls is np.ndarray and not value.dtype.hasobject)


def _attributes(value: Any) -> dict[str, Any]:
    return getattr(value, "__dict__", {})


def _items(value: Any) -> Sequence[Any]:
    """Give what a container holds, and what a bound or partial function was given."""
    cls = type(value)
    if issubclass(cls, dict):
        return [*dict.keys(value), *dict.values(value)]
    if issubclass(cls, (list, tuple, set, frozenset, deque)):
        return list(value)
    if issubclass(cls, np.ndarray) and value.dtype.hasobject:
        return np.ndarray.ravel(value).tolist()
    if cls is MethodType:
        return [value.__func__, value.__self__]
    if cls is partial:
        return [value.func, *value.args, *value.keywords.values()]
    return []


# ---- what code mentions


@cache
def _mentions(cls: type) -> frozenset[str]:
    """Give the names in the prediction methods of a class, and in those of its methods they name, and so on.

    Names are those of attributes, functions and methods, and strings that could be one (`getattr(self, "steps")`).
    """
    found: set[str] = set()
    ahead = {name for name in PREDICTING if any(name in vars(base) for base in cls.__mro__)}
    while ahead:
        name = ahead.pop()
        found.add(name)
        for base in cls.__mro__:
            ahead |= _names(_code(vars(base).get(name))) - found
    return frozenset(found)


def _code(member: Any) -> CodeType | None:
    """Give the code of a method or property, under whatever decorates it."""
    while (inner := _undecorated(member)) is not None:
        member = inner
    return getattr(member, "__code__", None)


def _undecorated(member: Any) -> Any:
    inner = (getattr(member, name, None) for name in ("__wrapped__", "__func__", "fget", "func"))
    return next((code for code in inner if code is not None), None)


def _names(code: CodeType | None) -> set[str]:
    if code is None:
        return set()
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
        elif isinstance(constant, str) and constant.isidentifier():
            names.add(constant)
    return names

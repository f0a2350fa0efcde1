"""The params that an object keeps under the names of its `__init__`'s arguments; none of its own code is run."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FunctionType
from typing import Any, Final

__all__ = ["has_all_params", "kept_params"]

_MORE: Final = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
_FURTHER: Final = ("kwargs", "_other_params")
"""Where libraries keep params that `__init__` took as any others: XGBoost, LightGBM."""


def kept_params(estimator: object) -> dict[str, Any]:
    """Give the params that an object keeps under their names, and those that it took besides."""
    attributes = vars(estimator)
    further = (attributes.get(name) for name in _FURTHER)
    found = {name: attributes[name] for name in _param_names(type(estimator)) if name in attributes}
    return {**found, **{name: value for more in further if type(more) is dict for name, value in more.items()}}


def has_all_params(estimator: object) -> bool:
    """Say whether an object keeps every param that its `__init__` names."""
    return all(name in vars(estimator) for name in _param_names(type(estimator)))


def _param_names(cls: type) -> Iterator[str]:
    """Give the arguments of `__init__`; where it takes any, also those of the next class that it may pass them to."""
    for base in cls.__mro__:
        init = inspect.unwrap(vars(base).get("__init__", object.__init__))
        if isinstance(init, FunctionType):
            code = init.__code__
            yield from code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
            if not code.co_flags & _MORE:
                return

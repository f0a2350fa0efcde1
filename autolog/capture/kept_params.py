"""The params that an object keeps under the names of its `__init__`'s arguments; none of its own code is run."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, Final

__all__ = ["has_all_params", "kept_params"]

_MORE: Final = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
_FURTHER: Final = ("kwargs", "_other_params")
"""Where libraries keep params that `__init__` took as any others: XGBoost, LightGBM."""


def kept_params(estimator: object) -> dict[str, Any]:
    """Give the params that an object keeps under their names, and those that its library took besides."""
    attributes, cls = vars(estimator), type(estimator)
    further = [] if _teller(cls) is None else [attributes.get(name) for name in _FURTHER]
    found = {name: value for more in further if type(more) is dict for name, value in more.items()}
    return {**found, **{name: attributes[name] for name in _param_names(cls) if name in attributes}}


def has_all_params(estimator: object) -> bool:
    """Say whether an object keeps every param that its `__init__` names."""
    return all(name in vars(estimator) for name in _param_names(type(estimator)))


def _param_names(cls: type) -> Iterator[str]:
    """Give the arguments of `__init__`; where it takes any, also those of the next class that it may pass them to.

    Those of a class that tells of any params count for all that derive from it.
    """
    teller = _teller(cls)
    for base in cls.__mro__:
        code = _init(base)
        if code is not None:
            yield from code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
            leads_on = teller is not None and base is not teller and issubclass(base, teller)
            if not leads_on and not code.co_flags & _MORE:
                return


def _teller(cls: type) -> type | None:
    """Give the class whose own `get_params` answers for this one, where its `__init__` takes any params."""
    found = next((base for base in cls.__mro__ if "get_params" in vars(base)), None)
    code = None if found is None else _init(found)
    return found if code is not None and code.co_flags & inspect.CO_VARKEYWORDS else None


def _init(cls: type) -> CodeType | None:
    init = inspect.unwrap(vars(cls).get("__init__", object.__init__))
    return init.__code__ if isinstance(init, FunctionType) else None

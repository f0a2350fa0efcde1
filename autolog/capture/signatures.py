"""What a callable's parameters are called, read from its code: quicker than `inspect.signature`, and it never fails."""

from __future__ import annotations

from functools import partial
from types import FunctionType, MethodType
from typing import Any

__all__ = ["defaults", "innermost", "parameters"]


def innermost(function: Any) -> Any:
    """Give the function inside partials and decorators, such as scikit-learn's validation of parameters."""
    while True:
        if type(function) is partial:
            function = function.func
        elif isinstance(function, FunctionType) and isinstance(vars(function).get("__wrapped__"), FunctionType):
            function = function.__wrapped__  # type: ignore[attr-defined]
        else:
            return function


def parameters(function: Any) -> tuple[str, ...]:
    """Give the names of the parameters of a function, or a bound method; of one not written in Python, none."""
    is_bound = isinstance(function, MethodType)
    code = getattr(innermost(function.__func__ if is_bound else function), "__code__", None)
    return () if code is None else code.co_varnames[is_bound : code.co_argcount + code.co_kwonlyargcount]


def defaults(function: Any) -> dict[str, Any]:
    """Give the defaults of a function's or bound method's parameters, those that a partial sets not being any."""
    inner = innermost(function.__func__ if isinstance(function, MethodType) else function)
    if not isinstance(inner, FunctionType):
        return {}
    positional = inner.__code__.co_varnames[: inner.__code__.co_argcount]
    values = inner.__defaults__ or ()
    return {
        **dict(zip(positional[len(positional) - len(values) :], values, strict=True)),
        **(inner.__kwdefaults__ or {}),
    }

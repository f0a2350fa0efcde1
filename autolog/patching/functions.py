"""Other code for a function, which stays the same object: same parameters, free variables and place in the source."""

from __future__ import annotations

import functools
import inspect
import itertools
import linecache
import re
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from autolog.exceptions import PatchError
from autolog.patching.calling import SKIPPED, UNSEEN, Watched

__all__ = ["bare", "plain", "springboard", "trampoline"]

_TEMPLATE = """
def outside({free}):
    def trampoline{parameters}:
        {nonlocal_free}
        try:
            return "<call>".__call__("<original>", None, ({args}), {{{kwargs}}})
        except "<unseen>".any:
            "<unseen>".leave()
            raise
"""
_WATCHED = """
def outside({free}):
    def trampoline{parameters}:
        {nonlocal_free}
        {unless}
        try:
            autolog_then = {watched}.watch(({args}), {{{kwargs}}})
        except {watched}.ours as autolog_error:
            autolog_then = {watched}.failed(autolog_error)
        try:
            autolog_result = {watched}.original({passed})
        except {watched}.any as autolog_error:
            {watched}.raised(autolog_then, autolog_error)
            raise
        if autolog_then is not None:
            try:
                autolog_then(autolog_result, None)
            except {watched}.ours as autolog_error:
                {watched}.failed(autolog_error)
        return autolog_result
"""
_UNLESS = "if {watched}_unless(): return {watched}_original({passed})"
_PASSED = {  # how a parameter of each kind is passed on, as args and as kwargs
    inspect.Parameter.POSITIONAL_ONLY: ("{0}, ", ""),
    inspect.Parameter.POSITIONAL_OR_KEYWORD: ("{0}, ", ""),
    inspect.Parameter.VAR_POSITIONAL: ("*{0}, ", ""),
    inspect.Parameter.KEYWORD_ONLY: ("", "'{0}': {0}, "),
    inspect.Parameter.VAR_KEYWORD: ("", "**{0}, "),
}
_WRITTEN = {  # how it is written in a call
    inspect.Parameter.POSITIONAL_ONLY: "{0}, ",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "{0}, ",
    inspect.Parameter.VAR_POSITIONAL: "*{0}, ",
    inspect.Parameter.KEYWORD_ONLY: "{0}={0}, ",
    inspect.Parameter.VAR_KEYWORD: "**{0}, ",
}
_NOT_PLAIN = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def plain(function: object, where: str) -> FunctionType:
    """Give back a function that can be given other code.

    Args:
        function: anything.
        where: its name, for the error.

    Raises:
        PatchError: it is not a plain Python function, or a generator function or coroutine function.
    """
    if type(function) is not FunctionType:
        raise PatchError(f"{where} is a {type(function).__name__}, not a Python function; wrap a method instead")
    if function.__code__.co_flags & _NOT_PLAIN:
        raise PatchError(f"{where} is a generator or coroutine function: wrap what runs it")
    return function


def trampoline(function: FunctionType, call: Callable[..., Any]) -> CodeType:
    """Give code with the same parameters, free variables and place in the source, that hands its arguments to `call`.

    What it needs stands among its constants, so that nothing is put into the function's module.
    """
    return _with_constants(function, _compiled(function, _TEMPLATE), {"<call>": call})


def springboard(function: FunctionType, watched: Watched) -> CodeType:
    """Give code as `trampoline` does, that tells of the call and makes it by itself: quick, for what is called often.

    Nothing of the user's runs in another `try` than one that takes this frame out of the traceback of an error. Where
    there is a condition under which nothing is told, a compiler may read this code: what it needs then stands in the
    module of the function, by the names in `watched.names`, since compilers know functions there, not as constants.

    Args:
        function: it.
        watched: whom to tell; it gets the original.
    """
    watched.original = _original(function)
    if watched.unless is None:
        return _with_constants(function, _compiled(function, _WATCHED, watched='"<watched>"'), {"<watched>": watched})
    name = _free_name(function)
    watched.names = {
        name: watched,
        f"{name}_unless": watched.unless,
        f"{name}_original": watched.original,
    }
    return _with_constants(function, _compiled(function, _WATCHED, watched=name, unless=_UNLESS), {})


def _free_name(function: FunctionType) -> str:
    """Give a name for what a function's code needs, other than that which it needs now: others may have patched it."""
    plain_name = re.sub(r"\W", "_", function.__qualname__)
    numbered = (f"_autolog_{number}_{plain_name}" for number in itertools.count())
    return next(name for name in numbered if name not in function.__code__.co_names)


def _with_constants(function: FunctionType, compiled: CodeType, constants: dict[str, object]) -> CodeType:
    code = function.__code__
    held = {"<unseen>": UNSEEN, "<original>": _original(function), **constants}
    names = {name: getattr(code, name) for name in ("co_name", "co_qualname") if hasattr(code, name)}
    return compiled.replace(
        co_consts=tuple(held.get(constant, constant) for constant in compiled.co_consts),
        co_flags=code.co_flags,
        co_filename=_skipped_filename(function),
        co_firstlineno=code.co_firstlineno,
        **names,
    )


def _compiled(function: FunctionType, template: str, watched: str = "", unless: str = "") -> CodeType:
    code = function.__code__
    # a function of nothing but the code has its parameters, and no defaults, annotations or __signature__
    parameters = inspect.signature(FunctionType(code, {}, closure=function.__closure__)).parameters.values()
    passed = "".join(_WRITTEN[parameter.kind].format(parameter.name) for parameter in parameters)
    source = template.format(
        watched=watched,
        unless=unless.format(watched=watched, passed=passed),
        parameters=inspect.Signature(list(parameters)),
        free=", ".join(code.co_freevars),
        # the free variables must be its own: a frame whose f_locals are read looks into their cells
        nonlocal_free=f"nonlocal {', '.join(code.co_freevars)}" if code.co_freevars else "",
        args="".join(_PASSED[parameter.kind][0].format(parameter.name) for parameter in parameters),
        kwargs="".join(_PASSED[parameter.kind][1].format(parameter.name) for parameter in parameters),
        passed=passed,
    )
    return _compiled_source(source)


def bare(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function that has the code that this one had before it was patched; itself where it was not."""
    code = getattr(function, "__code__", None)
    if type(function) is not FunctionType or not isinstance(code, CodeType):
        return function
    for each in (*code.co_consts, *(function.__globals__.get(name) for name in code.co_names[:1])):
        if type(each) is Watched:
            return bare(each.original)
        if type(each) is FunctionType and UNSEEN in code.co_consts:
            return bare(each)
    return function


@functools.lru_cache(maxsize=256)
def _compiled_source(source: str) -> CodeType:
    """Compile once for the many functions of a module that one decorator gave the same parameters."""
    outside = _inner(compile(source, f"<autolog {SKIPPED}>", "exec", dont_inherit=True))
    return _inner(outside)


def _inner(code: CodeType) -> CodeType:
    return next(constant for constant in code.co_consts if isinstance(constant, CodeType))


def _original(function: FunctionType) -> FunctionType:
    """Give a function that runs the code which `function` has now."""
    original = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    original.__kwdefaults__ = function.__kwdefaults__
    original.__qualname__ = function.__qualname__
    original.__dict__.update(function.__dict__)
    return original


def _skipped_filename(function: FunctionType) -> str:
    """Give a file name that warnings pass over, if under it the source is still found: by the loader of the module.

    Else the function's own; then a warning of the original with `stacklevel=2` names the function, not its caller.
    """
    filename = function.__code__.co_filename
    skipped = f"{filename}:{SKIPPED}"
    if filename != function.__globals__.get("__file__"):  # the code of a notebook's cell, say, which no loader knows
        return filename
    found = skipped in linecache.cache or linecache.lazycache(skipped, function.__globals__)
    return skipped if found else filename

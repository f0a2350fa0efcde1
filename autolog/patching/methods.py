"""What stands on a class in place of a method: it gives what the method gave, and is taken for it."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, TypeAlias

import wrapt

from autolog.patching.calling import UNSEEN, Called, unseen

Describe: TypeAlias = Callable[..., Called]

__all__ = ["Wrapper", "init_subclass", "place", "wrapper_of"]


class Wrapper(wrapt.FunctionWrapper):  # type: ignore[type-arg]
    """Stands on a class in place of what it wraps.

    Args:
        place: the class that defines the method, and the method's name.
        wrapped: what stood there.
        call: makes the call, given how to describe it.
        describe: makes a `Called` of the call.
    """

    def __init__(self, place: tuple[type, str], wrapped: Any, call: Callable[..., Any], describe: Describe) -> None:
        super().__init__(wrapped, functools.partial(call, describe))
        self._self_place: tuple[type, str] = place  # not annotated on the class: that would hide __annotations__

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> Wrapper:
        return self

    def __deepcopy__(self, memo: object) -> Wrapper:
        return self


def place(wrapper: Wrapper) -> tuple[type, str]:
    """Give the class that a wrapper stands on, and the name it has there."""
    return wrapper._self_place  # noqa: SLF001  wrapt passes any name that begins otherwise on to what is wrapped


class _Function(Wrapper):
    """Wraps a plain function. Like one it is itself what the class gives, and what a real bound method is made of."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce_ex__(self, protocol: object) -> Any:
        definer, name = self._self_place
        if self.__wrapped__.__qualname__ == f"{definer.__qualname__}.{name}":
            return self.__wrapped__.__qualname__  # the name that the bare function is pickled by
        return getattr, self._self_place


class _Bound(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg]
    """Any other callable that a descriptor gave; copied and pickled as its name on its holder."""

    def _self_origin(self) -> tuple[Any, str]:
        definer, name = place(self._self_parent)
        unbound = definer if self._self_instance is None else self._self_instance
        return (self.__self__ if isinstance(self.__wrapped__, MethodType) else unbound), name

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> Any:
        return getattr(*self._self_origin())

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        holder, name = self._self_origin()
        return getattr(copy.deepcopy(holder, memo), name)

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return getattr, self._self_origin()


class _Descriptor(Wrapper):
    """Wraps any other descriptor. What that raises goes on, and what it gives that is no callable is given as it is.

    A bound method stays one, of a function of ours, and so does a staticmethod's function.
    """

    __bound_function_wrapper__ = _Bound

    def __init__(self, place: tuple[type, str], wrapped: Any, call: Callable[..., Any], describe: Describe) -> None:
        super().__init__(place, wrapped, call, describe)
        self._self_call, self._self_describe = call, describe
        self._self_last: _Function | None = None

    @unseen
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        try:
            found = self.__wrapped__.__get__(instance, owner)
        except BaseException:
            UNSEEN.leave()
            raise
        if type(found) is MethodType and type(found.__func__) is FunctionType:
            function = self._self_function(found.__func__, _describing_method(self._self_place[1]))
            return MethodType(function, found.__self__)
        if type(found) is FunctionType and isinstance(self.__wrapped__, staticmethod):
            return self._self_function(found, self._self_describe)
        if callable(found):
            return self.__bound_function_wrapper__(  # type: ignore[call-arg]
                found, instance, self._self_wrapper, self._self_enabled, self._self_binding, self, owner
            )
        return found

    def _self_function(self, found: Callable[..., Any], describe: Describe) -> _Function:
        """Give the same function of ours for as long as the descriptor gives the same: others hold it weakly."""
        last = self._self_last
        if last is None or last.__wrapped__ is not found:
            last = self._self_last = _Function(self._self_place, found, self._self_call, describe)
        return last

    def __reduce_ex__(self, protocol: Any) -> Any:
        # the bytes of what is wrapped: only who pickles a class by value pickles this
        if isinstance(self.__wrapped__, (classmethod, staticmethod)):
            return type(self.__wrapped__), (self.__wrapped__.__func__,)
        return self.__wrapped__.__reduce_ex__(protocol)


def wrapper_of(definer: type, name: str, call: Callable[..., Any]) -> Wrapper | None:
    """Give a wrapper for what stands on the class, or None where that is no method.

    Args:
        definer: the class.
        name: the method's.
        call: makes a call, given first how to describe it.
    """
    raw = vars(definer)[name]
    while isinstance(raw, Wrapper) and place(raw)[0] is not definer:
        raw = raw.__wrapped__  # came over from another class, as dataclass(slots=True) copies them
    if type(raw) is FunctionType:
        return _Function((definer, name), raw, call, _describing_method(name))
    if hasattr(type(raw), "__get__") and not hasattr(type(raw), "__set__"):
        return _Descriptor((definer, name), raw, call, functools.partial(Called, name=name))
    return None


def _describing_method(name: str) -> Describe:
    return functools.partial(_called_method, name)


def _called_method(
    name: str, function: Callable[..., Any], instance: None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Called:
    """Describe a call of a class's function; its first argument, if any, is the instance."""
    if not args or args[0] is None:
        return Called(function, instance, args, kwargs, name)
    return Called(MethodType(function, args[0]), args[0], args[1:], kwargs, name)


def init_subclass(base: type[Any], before: Any, wrap: Callable[[type], None]) -> classmethod[Any, Any, None]:
    """Give an `__init_subclass__` for `base` that does what was done before it, then wraps the new class.

    Args:
        base: the class that it is for.
        before: what stands there now, or None.
        wrap: wraps a new class.
    """

    @unseen
    def __init_subclass__(cls: Any, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        try:
            following = super(base, cls).__init_subclass__ if before is None else before.__get__(None, cls)
            following(*args, **kwargs)
        except BaseException:
            UNSEEN.leave()
            raise
        wrap(cls)

    shown = base.__init_subclass__ if before is None else before.__get__(None, base)
    return classmethod(functools.update_wrapper(__init_subclass__, getattr(shown, "__func__", shown)))

"""Wraps callables so that each call of them can be observed, and undoes that exactly; nothing else in autolog wraps.

There are two kinds of patch. A method is replaced, on the class that defines it, by a wrapper. A module's function
stays the same object and gets other code, so that those who hold it by name are caught too. Either way the user's call
is made once, by `_call`, and nothing of ours is seen around it: from Python 3.11 on our frames are taken out of
tracebacks, and warnings pass over them when they look for the line to blame. `sys._getframe(1)` does see them.
"""

from __future__ import annotations

import copy
import functools
import inspect
import linecache
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType, MethodType, ModuleType, TracebackType
from typing import Any, Protocol, TypeAlias, TypeVar

import wrapt

from autolog import guard
from autolog.exceptions import PatchError

__all__ = ["UNSEEN", "Called", "Observation", "Observe", "Patcher", "caller", "unseen"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class Called:
    """One call of a patched callable, before it is made.

    Args:
        wrapped: the original, bound where it is a method.
        instance: what a method was called on (the class, for a classmethod); None for a function.
        args: the positional arguments, without the instance. A function's defaults are already filled in.
        kwargs: the keyword arguments; not to be changed.
        name: as it was given to the `Patcher`.
    """

    wrapped: Callable[..., Any]
    instance: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    name: str


class Observation(Protocol):
    """What follows one call through: it says what to call with, and is told how the call ended, once.

    Args:
        args: the positional arguments to call with.
        kwargs: the keyword arguments to call with.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def done(self, result: Any) -> None:
        """Take what the call returned."""

    def failed(self, error: BaseException) -> None:
        """Take what the call raised; it goes on to the user whatever happens here."""


Observe: TypeAlias = Callable[[Called], "Observation | None"]
"""Asked before each call, on the calling thread; None: there is nothing to observe."""


class Patcher:
    """Patches, and takes all of its patches back. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._begin()

    def _begin(self) -> None:
        self._undos: list[Callable[[], None]] = []  # patches are live for as long as their list has something in it
        self._names: weakref.WeakKeyDictionary[type, set[str]] = weakref.WeakKeyDictionary()
        self._functions: weakref.WeakSet[FunctionType] = weakref.WeakSet()

    def method(self, owner: type, name: str, observe: Observe) -> None:
        """Wrap a method on the class that defines it; a second time, or where there is no such method, do nothing.

        Args:
            owner: the class, or one that inherits the method.
            name: the method: a function, a classmethod, a staticmethod, or a descriptor that gives a callable.
            observe: asked at each call.

        Raises:
            PatchError: the class is not written in Python.
        """
        definer = next((cls for cls in owner.__mro__ if name in vars(cls)), object)
        if definer is not object:
            with self._lock:
                self._wrap(definer, name, observe)

    def subclasses(self, base: type, observers: Mapping[str, Observe]) -> None:
        """Wrap methods of a class and of all its subclasses, also of those defined later.

        Args:
            base: the class at the root. A mixin from elsewhere that gives a subclass its method is wrapped as well.
            observers: what to ask at each call, by the method's name.
        """
        with self._lock:
            wrap = functools.partial(self._wrap_each, self._undos, observers)
            self._follow(base, wrap)
            for cls in _tree(base):
                wrap(cls)

    def function(self, module: ModuleType, name: str, observe: Observe) -> None:
        """Give a function other code; a second time, or where there is no such function, do nothing.

        Args:
            module: a module that holds it.
            name: the name it has there.
            observe: asked at each call.

        Raises:
            PatchError: it is not a plain Python function, or a generator function or coroutine function.
        """
        function = getattr(module, name, None)
        if function is not None:
            with self._lock:
                self._swap(_plain(function, f"{module.__name__}.{name}"), name, observe)

    def undo(self) -> None:
        """Take back every patch, the last one first; one that others have patched over stays, and observes nothing."""
        with self._lock:
            undos = self._undos
            self._begin()
            while undos:
                guard.call("patching.undo", None, undos.pop())

    def _wrap(self, definer: type, name: str, observe: Observe) -> None:
        names = self._names.setdefault(definer, set())
        wrapper = None if name in names else _wrapper(definer, name, functools.partial(_call, self._undos, observe))
        if wrapper is None:
            return
        try:
            setattr(definer, name, wrapper)
        except TypeError as error:
            raise PatchError(f"{definer.__qualname__}.{name} cannot be wrapped: {error}; wrap a subclass's") from error
        names.add(name)
        self._undos.append(functools.partial(_unwrap, weakref.ref(wrapper)))

    def _wrap_each(self, undos: list[Callable[[], None]], observers: Mapping[str, Observe], cls: type) -> None:
        with self._lock:
            if undos is self._undos:  # else undone while the class was being made
                for name, observe in observers.items():
                    guard.call("patching.subclass", None, self.method, cls, name, observe)

    def _follow(self, base: type, wrap: Callable[[type], None]) -> None:
        before = vars(base).get("__init_subclass__")
        hook = _init_subclass(base, before, wrap)
        try:
            base.__init_subclass__ = hook  # type: ignore[assignment]
        except TypeError as error:
            raise PatchError(f"subclasses of {base.__qualname__} cannot be followed: {error}; name them") from error
        self._undos.append(functools.partial(_put_back, base, "__init_subclass__", hook, before))

    def _swap(self, function: FunctionType, name: str, observe: Observe) -> None:
        if function in self._functions:
            return
        before = function.__code__
        called = functools.partial(Called, name=name)
        code = _trampoline(function, functools.partial(_call, self._undos, observe, called))
        function.__code__ = code
        self._functions.add(function)
        self._undos.append(functools.partial(_swap_back, function, code, before))


def _tree(base: type) -> Iterator[type]:
    subclasses: list[type] = type.__subclasses__(base)
    yield base
    for subclass in subclasses:
        yield from _tree(subclass)


# ---- undoing


def _unwrap(reference: weakref.ref[_Wrapper]) -> None:
    wrapper = reference()
    if wrapper is not None:
        _put_back(*_place(wrapper), wrapper, wrapper.__wrapped__)


def _put_back(cls: type, name: str, ours: object, before: object | None) -> None:
    """Put back what stood on the class, None being nothing, unless what stands there now is no longer ours."""
    if vars(cls).get(name) is not ours:
        return
    if before is None:
        delattr(cls, name)
    else:
        setattr(cls, name, before)


def _swap_back(function: FunctionType, code: CodeType, before: CodeType) -> None:
    if function.__code__ is code:
        function.__code__ = before


# ---- making the call


class _Unseen:
    """Takes the frame that enters it out of the traceback of an error that passes through."""

    __slots__ = ()

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is not None and traceback is not None:
            # not by assignment: the error's class may forbid that, as a frozen dataclass does
            BaseException.with_traceback(error, traceback.tb_next)


class _Watching(_Unseen):
    """Also tells an observation of the error."""

    __slots__ = ("_observation",)

    def __init__(self, observation: Observation) -> None:
        self._observation = observation

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is None:
            return
        super().__exit__(kind, error, traceback)
        guard.call("patching.failed", None, self._observation.failed, error)
        super().__exit__(kind, error, traceback)  # who raises it again there lengthens its traceback


UNSEEN = _Unseen()
_SKIPPED = "importlib._bootstrap"  # what the `warnings` module looks for in the file name of frames to pass over


def unseen(function: F) -> F:
    """Have warnings pass over the frames of a function of ours when they look for the line to blame."""
    function.__code__ = function.__code__.replace(co_filename=f"<autolog {_SKIPPED}>")
    return function


@unseen
def _call(
    live: Sized,
    observe: Observe,
    describe: Callable[..., Called],
    wrapped: Callable[..., Any],
    instance: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    observation = None
    if live:
        called = describe(wrapped, instance, args, kwargs)
        observation = guard.call("patching.observe", None, observe, called)
    if observation is None:
        with UNSEEN:
            return wrapped(*args, **kwargs)
    with _Watching(observation):
        result = called.wrapped(*observation.args, **observation.kwargs)
    guard.call("patching.done", None, observation.done, result)
    return result


def caller() -> FrameType | None:
    """Give the user's frame that made the observed call; to be asked by an observer, else the answer is None."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not _call.__code__:
        frame = frame.f_back
    while frame is not None and _is_ours(frame.f_code):
        frame = frame.f_back
    return frame


def _is_ours(code: CodeType) -> bool:
    return _SKIPPED in code.co_filename or UNSEEN in code.co_consts


# ---- methods


class _Wrapper(wrapt.FunctionWrapper):  # type: ignore[type-arg]
    """Stands on a class in place of what it wraps.

    Args:
        place: the class that defines the method, and the method's name.
        wrapped: what stood there.
        call: makes the call.
    """

    def __init__(self, place: tuple[type, str], wrapped: Any, call: Callable[..., Any]) -> None:
        super().__init__(wrapped, call)
        self._self_place: tuple[type, str] = place  # not annotated on the class: that would hide __annotations__

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> _Wrapper:
        return self

    def __deepcopy__(self, memo: object) -> _Wrapper:
        return self


def _place(wrapper: _Wrapper) -> tuple[type, str]:
    return wrapper._self_place  # noqa: SLF001  wrapt passes any name that begins otherwise on to what is wrapped


class _Method(_Wrapper):
    """Wraps a plain function. Like one it is itself what the class gives, and what a real bound method is made of."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce_ex__(self, protocol: object) -> Any:
        definer, name = self._self_place
        if self.__wrapped__.__qualname__ == f"{definer.__qualname__}.{name}":
            return self.__wrapped__.__qualname__  # the name that the bare function is pickled by
        return getattr, self._self_place


class _Bound(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg]
    """What a descriptor other than a plain function gave; copied and pickled as its name on its holder."""

    def _self_origin(self) -> tuple[Any, str]:
        definer, name = _place(self._self_parent)
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


class _Descriptor(_Wrapper):
    """Wraps any other descriptor that gives a callable; where it raises AttributeError, that goes on."""

    @staticmethod
    def __bound_function_wrapper__(found: Any, *arguments: Any, **options: Any) -> Any:  # type: ignore[override]
        """Wrap what the descriptor gave; what is no callable, as a cached property's value, is the user's as it is."""
        return _Bound(found, *arguments, **options) if callable(found) else found

    def __reduce_ex__(self, protocol: Any) -> Any:
        # the bytes of what is wrapped: only who pickles a class by value pickles this
        if isinstance(self.__wrapped__, (classmethod, staticmethod)):
            return type(self.__wrapped__), (self.__wrapped__.__func__,)
        return self.__wrapped__.__reduce_ex__(protocol)


def _wrapper(definer: type, name: str, call: Callable[..., Any]) -> _Wrapper | None:
    """Give a wrapper for what stands on the class, or None where that is no method."""
    raw = vars(definer)[name]
    while isinstance(raw, _Wrapper) and _place(raw)[0] is not definer:
        raw = raw.__wrapped__  # came over from another class, as dataclass(slots=True) copies them
    if type(raw) is FunctionType:
        return _Method((definer, name), raw, functools.partial(call, functools.partial(_called_method, name)))
    if hasattr(type(raw), "__get__") and not hasattr(type(raw), "__set__"):
        return _Descriptor((definer, name), raw, functools.partial(call, functools.partial(Called, name=name)))
    return None


def _called_method(
    name: str, function: Callable[..., Any], instance: None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Called:
    """Describe a call of a class's function; its first argument, if any, is the instance."""
    if not args or args[0] is None:
        return Called(function, instance, args, kwargs, name)
    return Called(MethodType(function, args[0]), args[0], args[1:], kwargs, name)


def _init_subclass(base: type[Any], before: Any, wrap: Callable[[type], None]) -> classmethod[Any, Any, None]:
    """Give an `__init_subclass__` for `base` that does what was done before it, then wraps the new class."""

    @unseen
    def __init_subclass__(cls: Any, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        with UNSEEN:
            following = super(base, cls).__init_subclass__ if before is None else before.__get__(None, cls)
            following(*args, **kwargs)
        wrap(cls)

    return classmethod(__init_subclass__)


# ---- functions

_TEMPLATE = """
def outside({free}):
    def trampoline{parameters}:
        {nonlocal_free}
        with "<unseen>":
            return "<call>".__call__("<original>", None, ({args}), {{{kwargs}}})
"""
_PASSED = {  # how a parameter of each kind is passed on, as args and as kwargs
    inspect.Parameter.POSITIONAL_ONLY: ("{0}, ", ""),
    inspect.Parameter.POSITIONAL_OR_KEYWORD: ("{0}, ", ""),
    inspect.Parameter.VAR_POSITIONAL: ("*{0}, ", ""),
    inspect.Parameter.KEYWORD_ONLY: ("", "'{0}': {0}, "),
    inspect.Parameter.VAR_KEYWORD: ("", "**{0}, "),
}
_NOT_PLAIN = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def _plain(function: object, where: str) -> FunctionType:
    if type(function) is not FunctionType:
        raise PatchError(f"{where} is a {type(function).__name__}, not a Python function; wrap a method instead")
    if function.__code__.co_flags & _NOT_PLAIN:
        raise PatchError(f"{where} is a generator or coroutine function: wrap what runs it")
    return function


def _trampoline(function: FunctionType, call: Callable[..., Any]) -> CodeType:
    """Give code with the same parameters, free variables and place in the source, that hands its arguments to `call`.

    What it needs stands among its constants, so that nothing is put into the function's module.
    """
    code = function.__code__
    held = {"<unseen>": UNSEEN, "<call>": call, "<original>": _original(function)}
    trampoline = _compiled(function)
    names = {name: getattr(code, name) for name in ("co_name", "co_qualname") if hasattr(code, name)}
    return trampoline.replace(
        co_consts=tuple(held.get(constant, constant) for constant in trampoline.co_consts),
        co_flags=code.co_flags,
        co_filename=_skipped_filename(function),
        co_firstlineno=code.co_firstlineno,
        **names,
    )


def _compiled(function: FunctionType) -> CodeType:
    code = function.__code__
    # a function of nothing but the code has its parameters, and no defaults, annotations or __signature__
    parameters = inspect.signature(FunctionType(code, {}, closure=function.__closure__)).parameters.values()
    source = _TEMPLATE.format(
        parameters=inspect.Signature(list(parameters)),
        free=", ".join(code.co_freevars),
        # the free variables must be its own: a frame whose f_locals are read looks into their cells
        nonlocal_free=f"nonlocal {', '.join(code.co_freevars)}" if code.co_freevars else "",
        args="".join(_PASSED[parameter.kind][0].format(parameter.name) for parameter in parameters),
        kwargs="".join(_PASSED[parameter.kind][1].format(parameter.name) for parameter in parameters),
    )
    return _compiled_source(source)


@functools.lru_cache(maxsize=256)
def _compiled_source(source: str) -> CodeType:
    """Compile once for the many functions of a module that one decorator gave the same parameters."""
    outside = _inner(compile(source, f"<autolog {_SKIPPED}>", "exec", dont_inherit=True))
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
    skipped = f"{filename}:{_SKIPPED}"
    if filename != function.__globals__.get("__file__"):  # the code of a notebook's cell, say, which no loader knows
        return filename
    found = skipped in linecache.cache or linecache.lazycache(skipped, function.__globals__)
    return skipped if found else filename

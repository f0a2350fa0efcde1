"""Patches, keeps a list of how to take each patch back, and takes them back."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Final

from autolog import guard
from autolog.exceptions import PatchError
from autolog.patching.calling import Called, Observe, Skips, Watch, Watched, make_call
from autolog.patching.functions import plain, springboard, trampoline
from autolog.patching.methods import Wrapper, init_subclass, place, wrapper_of

__all__ = ["Patcher"]


class Patcher:
    """Patches, and takes all of its patches back. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._begin()

    def _begin(self) -> None:
        self._undos: list[Callable[[], None]] = []  # patches are live for as long as their list has something in it
        self._names: weakref.WeakKeyDictionary[type, set[str]] = weakref.WeakKeyDictionary()
        self._functions: weakref.WeakSet[FunctionType] = weakref.WeakSet()

    def method(self, owner: type, name: str, observe: Observe, skips: Skips | None = None) -> None:
        """Wrap a method on the class that defines it; a second time, or where there is no such method, do nothing.

        Args:
            owner: the class, or one that inherits the method.
            name: the method: a function, a classmethod, a staticmethod, or a descriptor that gives a callable.
            observe: asked at each call.
            skips: says of a call that it is not to be asked.

        Raises:
            PatchError: the class is not written in Python.
        """
        definer = next((cls for cls in owner.__mro__ if name in vars(cls)), object)
        if definer is not object:
            with self._lock:
                self._wrap(definer, name, observe, skips)

    def subclasses(self, base: type, observers: Mapping[str, Observe], skips: Skips | None = None) -> None:
        """Wrap methods of a class and of all its subclasses, also of those defined later.

        Args:
            base: the class at the root. A mixin from elsewhere that gives a subclass its method is wrapped as well.
            observers: what to ask at each call, by the method's name.
            skips: says of a call that it is not to be asked.
        """
        with self._lock:
            wrap = functools.partial(self._wrap_each, self._undos, observers, skips)
            self._follow(base, wrap)
            for cls in _tree(base):
                wrap(cls)

    def function(self, module: ModuleType, name: str, observe: Observe, skips: Skips | None = None) -> None:
        """Give a function other code; a second time, or where there is no such function, do nothing.

        Args:
            module: a module that holds it.
            name: the name it has there.
            observe: asked at each call.
            skips: says of a call that it is not to be asked.

        Raises:
            PatchError: it is not a plain Python function, or a generator function or coroutine function.
        """
        function = getattr(module, name, None)
        if function is not None:
            call = functools.partial(make_call, self._undos, observe, skips, functools.partial(Called, name=name))
            with self._lock:
                self._swap(plain(function, f"{module.__name__}.{name}"), functools.partial(trampoline, call=call))

    def watch(
        self, holder: type | ModuleType, name: str, watch: Watch, unless: Callable[[], bool] | None = None
    ) -> Callable[[], None]:
        """Give a function other code, which only tells of its calls: for what is called too often to be observed.

        Args:
            holder: the module or the class in which it stands; what is inherited is not looked for.
            name: the name it has there; a second time, or where there is none, nothing is done.
            watch: told of each call. A method's instance is the first of its arguments.
            unless: says of a call that it is not to be told; a function that compilers of the framework know.

        Returns:
            What takes back this patch alone.

        Raises:
            PatchError: it is not a plain Python function, or a generator function or coroutine function.
        """
        function = vars(holder).get(name)
        if function is None:
            return _nothing
        with self._lock:
            found, watched = plain(function, f"{holder.__name__}.{name}"), Watched(watch, unless)
            swapped = self._swap(found, functools.partial(springboard, watched=watched))
            if swapped is _nothing:
                return _nothing
            found.__globals__.update(watched.names)
            self._undos[-1] = undo = functools.partial(_unwatch, swapped, watched)
        return functools.partial(self._take_back, undo)

    def at_undo(self, then: Callable[[], None]) -> None:
        """Have something else taken back as well.

        Args:
            then: takes it back.
        """
        with self._lock:
            self._undos.append(then)

    def _take_back(self, undo: Callable[[], None]) -> None:
        with self._lock:
            if undo in self._undos:
                self._undos.remove(undo)
                undo()

    def undo(self) -> None:
        """Take back every patch, the last one first; one that others have patched over stays, and observes nothing."""
        with self._lock:
            undos = self._undos
            self._begin()
            while undos:
                guard.call("patching.undo", None, undos.pop())

    def _wrap(self, definer: type, name: str, observe: Observe, skips: Skips | None) -> None:
        names = self._names.setdefault(definer, set())
        call = functools.partial(make_call, self._undos, observe, skips)
        wrapper = None if name in names else wrapper_of(definer, name, call)
        if wrapper is None:
            return
        try:
            type.__setattr__(definer, name, wrapper)  # not by assignment: a metaclass of the user's would see it
        except TypeError as error:
            raise PatchError(f"{definer.__qualname__}.{name} cannot be wrapped: {error}; wrap a subclass's") from error
        names.add(name)
        self._undos.append(functools.partial(_unwrap, weakref.ref(wrapper)))

    def _wrap_each(
        self, undos: list[Callable[[], None]], observers: Mapping[str, Observe], skips: Skips | None, cls: type
    ) -> None:
        with self._lock:
            if undos is self._undos:  # else undone while the class was being made
                for name, observe in observers.items():
                    guard.call("patching.subclass", None, self.method, cls, name, observe, skips)

    def _follow(self, base: type, wrap: Callable[[type], None]) -> None:
        before = vars(base).get("__init_subclass__")
        hook = init_subclass(base, before, wrap)
        try:
            type.__setattr__(base, "__init_subclass__", hook)
        except TypeError as error:
            raise PatchError(f"subclasses of {base.__qualname__} cannot be followed: {error}; name them") from error
        self._undos.append(functools.partial(_put_back, base, "__init_subclass__", hook, before))

    def _swap(self, function: FunctionType, other: Callable[[FunctionType], CodeType]) -> Callable[[], None]:
        if function in self._functions:
            return _nothing
        before = function.__code__
        function.__code__ = code = other(function)
        self._functions.add(function)
        undo = functools.partial(self._swap_back, function, code, before)
        self._undos.append(undo)
        return undo

    def _swap_back(self, function: FunctionType, code: CodeType, before: CodeType) -> None:
        self._functions.discard(function)
        if function.__code__ is code:
            function.__code__ = _below(before)
        else:
            _taken_back[id(code)] = code, before


_taken_back: Final[dict[int, tuple[CodeType, CodeType]]] = {}
"""By its identity, code that another patcher's stood over when it was taken back, and what it stood over itself."""


def _below(code: CodeType) -> CodeType:
    while id(code) in _taken_back:
        _, code = _taken_back.pop(id(code))
    return code


def _tree(base: type) -> Iterator[type]:
    subclasses: list[type] = type.__subclasses__(base)
    yield base
    for subclass in subclasses:
        yield from _tree(subclass)


def _unwrap(reference: weakref.ref[Wrapper]) -> None:
    wrapper = reference()
    if wrapper is not None:
        _put_back(*place(wrapper), wrapper, wrapper.__wrapped__)


def _put_back(cls: type, name: str, ours: object, before: object | None) -> None:
    """Put back what stood on the class, None being nothing, unless what stands there now is no longer ours."""
    if vars(cls).get(name) is not ours:
        return
    if before is None:
        type.__delattr__(cls, name)
    else:
        type.__setattr__(cls, name, before)


def _unwatch(undo: Callable[[], None], watched: Watched) -> None:
    """Put a function's code back; should others still have ours, or be in it, it tells of nothing any more.

    For their sake the names that it needs stay in the function's module.
    """
    undo()
    watched.end()


def _nothing() -> None:
    """Take nothing back."""

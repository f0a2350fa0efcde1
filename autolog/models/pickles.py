"""Models as pickles: written with the modules they need, listed without running them, read where they are trusted.

A pickle is a program. `types_in` follows that program's stack without carrying it out, so nothing in a file can run
while it is listed. Reading with a list of trusted names limits whose code runs, checked once over the whole file and
again at each name. It does not make bytes from a stranger harmless: a trusted callable is given whatever arguments
the file holds, and numpy's own reading of an array's state can crash the process. `load` in `autolog.models.files` has
checked the digest before.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
import pickletools
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from autolog.exceptions import MissingRequirementError, ModelError, RefusedError, UntrustedModelError
from autolog.guard import describe, refusable
from autolog.hookspecs import SavedModel
from autolog.models.files import Trust, module_versions
from autolog.values import type_name

if TYPE_CHECKING:
    from autolog.hookspecs import ModelStream

__all__ = ["check_made", "check_trust", "dump", "load", "loads", "reading", "types_in"]

_DEEP = 30_000  # a recursion limit beyond which C code that recurses, as the pickler does, may run out of stack


# ---- writing


def dump(model: object, stream: ModelStream, apart: Callable[[Any], Any] | None = None) -> SavedModel:
    """Write exactly what `pickle.dumps(model, protocol=5)` gives, and tell what it takes to read it again.

    Large buffers, such as an array's, go to the stream without a copy. What the stream raises passes through.

    Args:
        model: any object.
        stream: where to.
        apart: asked of every object within it; gives what names one that is kept elsewhere, None for any other.

    Raises:
        RefusedError: it cannot be pickled.
    """
    if sys.getrecursionlimit() > _DEEP:
        limit = f"{sys.getrecursionlimit():,}"
        raise RefusedError(f"no model: with a recursion limit of {limit} pickling a deep one could end the program")
    pickler = _NotingPickler(stream) if apart is None else _PartingPickler(stream, apart)
    refusable(f"no model: a {type_name(model)} cannot be pickled", pickler.dump, model)
    modules = module_versions(name for name in pickler.modules if isinstance(name, str))
    return SavedModel(
        "pickle", type_name(model), modules, tuple(_notes(pickler, modules)), suffix="pkl", runs_code=True
    )


class _NotingPickler(pickle.Pickler):
    """Notes the module of everything pickled by name; the C pickler asks for no object of a plain type.

    A class or function that no other process could import (of the script or a notebook, of a function's body, a
    lambda) is pickled as cloudpickle does it, by value, where that is installed; all else as `pickle` does it.
    """

    def __init__(self, stream: ModelStream) -> None:
        super().__init__(stream, protocol=5)
        self.modules: set[object] = set()
        self.only_here: dict[str, str] = {}  # full names, by what a note says
        self.by_value: Any = None

    def reducer_override(self, obj: Any) -> Any:
        self.modules.add(getattr(obj, "__name__" if type(obj) is ModuleType else "__module__", None))
        if self.by_value is not None and type(obj) in self.by_value.dispatch_table:
            return self.by_value.dispatch_table[type(obj)](obj)
        if not isinstance(obj, (type, FunctionType)):
            return NotImplemented
        if _is_only_here(obj):
            self.only_here[f"{obj.__qualname__}{_place(obj)}"] = obj.__qualname__
            self.by_value = self.by_value or _by_value()
        return NotImplemented if self.by_value is None else self.by_value.reducer_override(obj)


class _PartingPickler(_NotingPickler):
    """Leaves out what is kept elsewhere; it asks of every object, and so takes longer."""

    def __init__(self, stream: ModelStream, apart: Callable[[Any], Any]) -> None:
        super().__init__(stream)
        self._apart = apart

    def persistent_id(self, obj: Any) -> Any:
        return self._apart(obj)


def _is_only_here(obj: type | FunctionType) -> bool:
    """Say whether another process could not import a class or function by its name."""
    return obj.__module__ in ("__main__", "__mp_main__", None) or "<" in obj.__qualname__


def _by_value() -> Any:
    """Give a pickler of cloudpickle to ask how something is pickled; the copy that joblib had for long does as well."""
    for name in ("cloudpickle", "joblib.externals.cloudpickle"):
        top = name.partition(".")[0]  # to look below joblib imports it
        if (top == name or top in sys.modules) and importlib.util.find_spec(name) is not None:
            return importlib.import_module(name).Pickler(io.BytesIO(), protocol=5)
    return None


def _notes(pickler: _NotingPickler, modules: Mapping[str, str]) -> Iterator[str]:
    known = set(pickler.only_here.values())
    names = ", ".join(sorted(text for text, name in pickler.only_here.items() if name.rpartition(".")[0] not in known))
    if pickler.by_value is not None:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        yield f"the model holds the code of {names}, which is in no module: it loads on Python {python} only"
    elif names:
        yield f"the model uses {names}, which is in no module: it loads only where __main__ has the same names"
    for file in (getattr(sys.modules[name], "__file__", None) for name, version in modules.items() if not version):
        if file and "-packages" not in file and Path(file).is_file():
            yield f"the model needs {file} (SHA-256 {hashlib.sha256(Path(file).read_bytes()).hexdigest()})"


def _place(obj: object) -> str:
    """Tell where the source stands, as the compiled code says it."""
    parts = [obj, *getattr(obj, "__dict__", {}).values()]
    codes = (getattr(part, "__code__", None) for part in parts)
    return next((f" ({code.co_filename}:{code.co_firstlineno})" for code in codes if isinstance(code, CodeType)), "")


# ---- reading


def load(path: Path, trusted: Trust) -> Any:
    """Read a pickled model.

    Args:
        path: the file.
        trusted: True runs whatever the file names. A list of full names, or of `"package.*"` for all that is
            defined below a package, runs those and what `types_in` a plain container or numpy array needs. None
            refuses.

    Raises:
        UntrustedModelError: the file names more than is trusted; it says what to pass. Nothing was run.
        MissingRequirementError: a module that it needs is not installed here.
        ModelError: the file is no whole pickle, or an object in it cannot be rebuilt here.
    """
    if trusted is True:
        with reading(path, "a pickle"), path.open("rb") as file:
            return pickle.load(file)
    with reading(path, "a pickle"):
        return loads(path, path.read_bytes(), trusted)


def loads(
    path: Path,
    data: bytes,
    trusted: Trust,
    apart: Callable[[Any], Any] | None = None,
    harmless: Collection[str] = (),
) -> Any:
    """Read a pickle that lies within a file; `reading` makes what it raises an error of ours.

    Args:
        path: the file.
        data: the pickle.
        trusted: as for `load`.
        apart: gives the part that is kept elsewhere, for what `dump`'s `apart` gave to name it.
        harmless: full names that need not be trusted.

    Raises:
        UntrustedModelError: it names more than is trusted; it says what to pass. Nothing was run.
    """
    if trusted is True:
        return _PartsUnpickler(data, apart).load()
    check_trust(path, _names_in(data).difference(harmless), trusted)
    return _TrustingUnpickler(data, {*(trusted or ()), *harmless}, apart).load()


def check_trust(path: Path, names: Collection[str], trusted: Trust) -> None:
    """Refuse what is not trusted.

    Args:
        path: the file.
        names: the full names of all that it would run.
        trusted: the full names, or `"package.*"`, of what may run.

    Raises:
        UntrustedModelError: some of it may not; it names that, and says what to pass.
    """
    given = trusted if isinstance(trusted, Collection) else ()
    allowed = {*_safe_names, *given}
    refused = sorted(name for name in names if not _admits(allowed, name))
    if refused or not isinstance(trusted, Collection):
        raise UntrustedModelError(
            f"loading {path} runs code that is not trusted: {', '.join(refused) or 'none but of plain containers'}; "
            f"if you trust it, pass trusted={sorted({*given, *refused})!r}, or trusted=True for all that the file holds"
        )


def _admits(trusted: Collection[str], name: str) -> bool:
    return name in trusted or any(entry.endswith(".*") and name.startswith(entry[:-1]) for entry in trusted)


class _PartsUnpickler(pickle.Unpickler):
    """Is given the parts that are kept elsewhere."""

    def __init__(self, data: bytes, apart: Callable[[Any], Any] | None) -> None:
        super().__init__(io.BytesIO(data), fix_imports=False)
        self._apart = apart

    def persistent_load(self, pid: Any, /) -> Any:
        if self._apart is None:
            raise pickle.UnpicklingError("it has a persistent id, of something that lies elsewhere")
        return self._apart(pid)


class _TrustingUnpickler(_PartsUnpickler):
    """Finds what is trusted, and nothing that is only reached through it."""

    def __init__(self, data: bytes, trusted: Collection[str], apart: Callable[[Any], Any] | None) -> None:
        super().__init__(data, apart)
        self._trusted = {*_safe_names, *trusted}

    def find_class(self, module: str, name: str, /) -> Any:
        """Admit a name given in full as it is; one below a package must be a class that was defined there.

        A function must be given in full, since packages have some that run any text as a program (`numpy.testing`),
        but for those by which Cython makes objects. Otherwise `"package.*"` would admit these, what its modules import
        (`package.module.os.system`) and the ways that every object has to any other (`package.Class.__getattribute__`).
        """
        wanted = f"{module}.{name}"
        if not _admits(self._trusted, wanted):
            raise UntrustedModelError(f"{wanted} is not trusted; add it to trusted=[…] if you trust it")
        found = super().find_class(module, name)
        check_made(wanted, found, self._trusted)
        return found


def check_made(wanted: str, found: object, trusted: Collection[str]) -> None:
    """Refuse what is admitted only by being below a package, and is no class that was defined there.

    Args:
        wanted: the name that the file has for it.
        found: what has that name.
        trusted: the full names, or `"package.*"`, of what may run.

    Raises:
        UntrustedModelError: it is that.
    """
    if wanted not in trusted and not (_is_made(found) and _admits(trusted, _origin(found))):
        raise UntrustedModelError(
            f"{wanted} is {_origin(found) or 'no class'}, which is not trusted by its own name; "
            f"add {wanted} to trusted=[…] if you trust it"
        )


def _is_made(found: object) -> bool:
    return isinstance(found, type) or getattr(found, "__name__", "").startswith("__pyx_unpickle_")


def _origin(found: object) -> str:
    """Give the full name under which a class or function was defined, "" for anything else."""
    module, name = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
    return f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else ""


_numpy_scalars = "bool bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 str_ bytes_"

_safe_names = frozenset(
    {
        # Plain types: as values (`dtype=float`), as what a `defaultdict` makes, and as what a subclass is rebuilt from.
        # Called, they build containers and numbers of what the file holds.
        *(f"builtins.{kind.__name__}" for kind in (bool, int, float, complex, str, bytes, bytearray, slice, range)),
        *(f"builtins.{kind.__name__}" for kind in (object, list, tuple, dict, set, frozenset)),
        # Containers of the standard library; a `defaultdict` calls its factory, which had to be admitted itself.
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.deque",
        # How an object without state methods of its own is made: an empty instance of a class admitted itself.
        "copyreg._reconstructor",
        # An array is rebuilt from its type, its shape and its bytes, a number from its type and its bytes; numpy 2
        # moved the functions, and a file may come from either.
        "numpy.ndarray",
        "numpy.dtype",
        *(
            f"numpy.{core}.{function}"
            for core in ("core", "_core")
            for function in ("multiarray._reconstruct", "multiarray.scalar", "numeric._frombuffer")
        ),
        *(f"numpy.{scalar}" for scalar in _numpy_scalars.split()),  # as values (`dtype=np.float32`)
    }
)


def types_in(path: Path) -> list[str]:
    """Give the full names of all classes and functions that a pickle names, sorted; nothing is imported or run.

    Raises:
        ModelError: the file is no whole pickle, or names things in a way that only running it would tell.
    """
    with reading(path, "a pickle"):
        return sorted(_names_in(path.read_bytes()))


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Make whatever a file's bytes lead to one of our errors.

    Args:
        path: the file.
        what: it is read as, e.g. "a pickle".
    """
    try:
        yield
    except ModelError:
        raise
    except ModuleNotFoundError as error:
        raise MissingRequirementError(f"{path} needs the module {error.name}, which is not installed here") from error
    except Exception as error:
        raise ModelError(f"{path} cannot be read as {what}: {describe(error)}") from error


# ---- listing

_MARK = object()
_NAMED = object()  # what a name stands for: itself, not something made with it

_in_place = frozenset({"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"})
_unlistable = frozenset({"EXT1", "EXT2", "EXT4"})  # numbers of this process's own `copyreg` registry


def _names_in(data: bytes) -> set[str]:
    """Collect the names in a pickle by following its stack, of which only strings and names need to be known."""
    follower = _Follower(len(data))
    for opcode, argument, _ in pickletools.genops(data):
        follower.step(opcode, argument)
    return follower.names


class _Follower:
    """The stack and the memo of an unpickler that makes no objects: a string is itself, an object None."""

    def __init__(self, size: int) -> None:
        self.names: set[str] = set()
        self._size = size
        self._stack: list[object] = []
        self._memo: dict[int, object] = {}

    def step(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        popped = self._pop(opcode)
        if opcode.name in _unlistable:
            raise pickle.UnpicklingError(
                f"{opcode.name} names by a number of the writing process; only trusted=True reads it"
            )
        if opcode.name in _in_place and popped[0] is _NAMED:
            raise pickle.UnpicklingError("it changes a class or function in place; only trusted=True reads it")
        self._stack.extend(self._pushed(opcode, argument, popped))

    def _pop(self, opcode: pickletools.OpcodeInfo) -> list[object]:
        before = opcode.stack_before
        if pickletools.markobject in before:
            while self._stack.pop() is not _MARK:
                pass
            before = before[: before.index(pickletools.markobject)]
        rest = len(self._stack) - len(before)
        if rest < 0:
            raise pickle.UnpicklingError(f"{opcode.name} finds too little on the stack")
        popped = self._stack[rest:]
        del self._stack[rest:]
        return popped

    def _pushed(self, opcode: pickletools.OpcodeInfo, argument: Any, popped: list[object]) -> list[object]:
        match opcode.name:
            case "GLOBAL" | "INST":
                self.names.add(argument.replace(" ", "."))
                return [_NAMED if opcode.name == "GLOBAL" else None]
            case "STACK_GLOBAL":
                self.names.add(_joined(popped))
                return [_NAMED]
            case "MEMOIZE":
                self._memo[len(self._memo)] = popped[0]
                return popped
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._put(argument)
                return []
            case "GET" | "BINGET" | "LONG_BINGET":
                return [self._memo[argument]]
            case "DUP":
                return popped * 2
        return [_value(kind, argument) for kind in opcode.stack_after]

    def _put(self, index: int) -> None:
        """Refuse what would make the real unpickler's memo, a list, larger than any that the file can fill."""
        if index > self._size:
            raise pickle.UnpicklingError(f"it wants a memo of {index:,} places for {self._size:,} bytes")
        self._memo[index] = self._stack[-1]


def _value(kind: pickletools.StackObject, argument: Any) -> object:
    if kind is pickletools.markobject:
        return _MARK
    return argument if isinstance(argument, str) else None


def _joined(popped: list[object]) -> str:
    module, name = popped
    if isinstance(module, str) and isinstance(name, str):
        return f"{module}.{name}"
    raise pickle.UnpicklingError("it computes a name, so only running it would tell which; only trusted=True reads it")

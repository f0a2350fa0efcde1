"""The contract between autolog and its plugins: every hook, and every type that a hook takes or gives.

A framework plugin is a module named by an entry point of the group `autolog.plugins` (the entry's name is the
framework's top-level import name); it is imported once that framework has been imported. A backend is a module named
by an entry point of the group `autolog.backends` (the entry's name is a URI scheme); it is imported once that scheme
is used. Either implements some of the functions below, marked with `autolog.hookimpl`.

The contract has a version. A plugin may say for which one it is written, as `autolog_hooks = 1` in its module; one
that says nothing is written for the first. What is added later, such as a hook or an argument, does not concern it:
hooks may be left out, and so may their arguments. What is taken away, or means something else, raises `OLDEST`.

Every implementation is called on its own and guarded: one that raises costs what it would have told, is reported in
one line on the `autolog` logger and in the run's notes, and harms no other. None is called per point or per step.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol, TypeAlias

import pluggy

if TYPE_CHECKING:
    from types import ModuleType

    from autolog.capture.calls import Call
    from autolog.capture.here import Here
    from autolog.journal.events import Event
    from autolog.patching.calling import Watch
    from autolog.store.base import Store

__all__ = [
    "OLDEST",
    "VERSION",
    "Arguments",
    "Backend",
    "Batch",
    "Column",
    "DataDescription",
    "Delivery",
    "Handler",
    "ModelStream",
    "Nested",
    "Outcome",
    "Patches",
    "SavedModel",
    "Steps",
    "hookimpl",
]

VERSION: Final = 1
"""Of this contract; it grows with whatever is added to it."""

OLDEST: Final = 1
"""The oldest version whose plugins this one still serves."""

hookspec = pluggy.HookspecMarker("autolog")
hookimpl = pluggy.HookimplMarker("autolog")


# ---- wrapping calls


class Arguments(NamedTuple):
    """Arguments to call the wrapped callable with instead of the user's; the user's own objects stay as they are."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


class Outcome(NamedTuple):
    """How a wrapped call ended: with a `result`, or with an `error` that goes on to the user unchanged."""

    result: Any
    error: BaseException | None
    seconds: float


Steps: TypeAlias = Generator["Arguments | None", Outcome, None]
Handler: TypeAlias = "Callable[[Call], Steps]"
"""A generator function around one call: what it does before its single `yield` runs before the call, the `yield`
gives the `Outcome`, the rest runs after the call. It never makes the call itself, and cannot change the result.
Yielding `Arguments` instead of None changes what the callable is given. Returning before the `yield` means
"nothing to record here"."""


Nested: TypeAlias = "bool | Callable[[Any], bool]"


class Patches(Protocol):
    """Takes a plugin's declarations of what to wrap; only the core wraps, and only it undoes."""

    def method(self, owner: type, name: str, handler: Handler, *, nested: bool = False) -> None:
        """Wrap the method `name` on `owner`, or on the class it inherits it from.

        Args:
            owner: the class.
            name: the method; one that the class lacks is passed over.
            handler: what to do around each call.
            nested: also call the handler when a recorded call is already under way in this context.
        """

    def subclasses(self, base: type, handlers: Mapping[str, Handler], *, nested: Nested = False) -> None:
        """Wrap methods of `base` and of all its subclasses, those defined later too.

        Args:
            base: the class at the root.
            handlers: the handler of each method name.
            nested: also call the handlers when a recorded call is already under way in this context; or a function
                that says of which instances.
        """

    def own(self, base: type, settings: Iterable[str] = ()) -> None:
        """Have the calls of `base` and its subclasses count as this plugin's, whichever plugin's handlers see them.

        It was asked for or not, and its options hold: so for estimators of this framework that derive from another's.

        Args:
            base: the class at the root.
            settings: the names of arguments of its `fit` that are no data, such as `callbacks`: they are params.
        """

    def function(self, module: ModuleType, name: str, handler: Handler, *, nested: bool = False) -> None:
        """Give a module's function other code, so that those who already hold it by name are caught as well.

        Args:
            module: the module that holds the function.
            name: the function; one that the module lacks is passed over.
            handler: what to do around each call.
            nested: also call the handler when a recorded call is already under way in this context.
        """

    def watch(
        self, holder: type | ModuleType, name: str, watch: Watch, unless: Callable[[], bool] | None = None
    ) -> Callable[[], None]:
        """Be told of each call of a function that is called a thousand times a second, at a thousandth of the cost.

        Nothing can be changed by it, and no run comes of it by itself: it tells a plugin that follows a loop of the
        user's, which no call encloses, where that stands; `here` says what can be recorded from there.

        Args:
            holder: the module or class in which the function stands, one written in Python.
            name: the name it has there; where there is none, nothing is done.
            watch: told of each call before it is made, as `(args, kwargs)`; gives who is told of its end, as
                `(result, error)`, or None. A method's instance is the first of `args`.
            unless: says of a call that it is not to be told; for a compiler that reads the function's code, one that
                the compiler knows, such as `torch.compiler.is_dynamo_compiling`.

        Returns:
            What takes back this patch alone.
        """

    def at_undo(self, then: Callable[[], None]) -> None:
        """Have a hook of the framework's own, which the plugin has registered, taken back with the patches."""

    def here(self) -> Here:
        """Give the place in the program where this is called."""

    def on_import(self, module: str, declare: Callable[[ModuleType], None]) -> None:
        """Call `declare(module)` as soon as the user's program has imported that module, or now where it has.

        Args:
            module: the full name. It is never imported for this.
            declare: makes further declarations.
        """


@hookspec
def autolog_patches(patches: Patches) -> None:
    """Declare what to wrap. Called once, when the plugin is switched on, on the thread that imported the framework."""


@hookspec
def autolog_drives() -> Sequence[str]:
    """The names of plugins that stay silent inside this one's recorded calls, which know more of what goes on there.

    So for a library whose training loop is written in another framework: `("torch",)`. Asked once, when the plugin is
    loaded; who is driven need not know of it.
    """
    return ()


# ---- describing data


@dataclass(frozen=True)
class Column:
    """One named part of a table: its name, and its type in the words of the container it came from."""

    name: str
    dtype: str


@dataclass(frozen=True)
class DataDescription:
    """What data is, without the data.

    Args:
        kind: the container's full type name, e.g. `"pandas.DataFrame"`.
        shape: rows first; None where unknown.
        dtype: the element type of a container that has one, else None.
        columns: for a container with named columns, in their order; else empty.
        update: feeds a canonical form of the bytes to a hash, given `(hash_update, rows)`: all of the data when
            `rows` is None, else the rows of that `range`. None where the data cannot be read without changing it.
        nbytes: the size in memory, in bytes, as far as the container knows it without reading it.
    """

    kind: str
    shape: tuple[int, ...] | None
    dtype: str | None = None
    columns: tuple[Column, ...] = ()
    update: Callable[[Callable[[bytes | memoryview], None], range | None], None] | None = None
    nbytes: int | None = None


@hookspec(firstresult=True)
def autolog_describe_data(data: object) -> DataDescription | None:
    """Describe a container that this plugin knows, as it is: no conversion, no copy, no iteration of an iterator.

    Called on the training thread, for each dataset of a run.
    """


# ---- models


@dataclass(frozen=True)
class SavedModel:
    """How a model was written.

    Args:
        format: what reads it again, e.g. `"pickle"`, `"ubj"`.
        model_class: the model's full type name.
        modules: the top-level modules it needs, with the exact version of each.
        notes: what a reader should know, e.g. that a class lives in `__main__`.
        suffix: of the file's name, where it is not the format.
        state: what else `autolog_load_model` needs to make it again, by name; plain values.
        runs_code: reading it again may run code that the file brings or names, so that it has to be trusted.
    """

    format: str
    model_class: str
    modules: Mapping[str, str]
    notes: tuple[str, ...] = ()
    suffix: str = ""
    state: Mapping[str, Any] = field(default_factory=dict)
    runs_code: bool = False


@hookspec(firstresult=True)
def autolog_save_model(model: object, stream: ModelStream, format: str) -> SavedModel | None:
    """Write a model that this plugin knows to `stream`. Called on the training thread, right after the training.

    Args:
        model: it.
        stream: where to.
        format: what the user would have it in (`model_format`); a plugin that has formats of its own may ignore it.
    """


@hookspec(firstresult=True)
def autolog_load_model(path: Path, saved: SavedModel, trusted: bool | Sequence[str] | None) -> Any:
    """Read a model whose `saved.format` this plugin knows; its digest has been checked. Called by `load_model`.

    Args:
        path: the file.
        saved: what `autolog_save_model` gave; where it comes from a stranger's run, anything may stand in it.
        trusted: True, or the full names of the types whose code may run.

    Raises:
        UntrustedModelError: where that does not suffice; it names the types.
    """


class ModelStream(Protocol):
    """A binary file that a model is written to; it refuses to grow beyond `max_model_mb`."""

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Append bytes.

        Raises:
            ModelTooLarge: beyond the size allowed; let it pass.
        """

    @property
    def room(self) -> int:
        """How many bytes more it takes, for who must know before the first is written."""


# ---- destinations

_SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Batch:
    """A piece of one journal file, in order, and the files its events speak of.

    Args:
        tree: the id of the top-level run whose folder holds the journal.
        writer: the journal's writer.
        offset: where the piece begins in the journal file, in bytes; with `tree` and `writer` it names the batch.
        lines: the journal's own bytes: whole lines, but for the last one of a writer that died in the middle of it.
        events: the same, decoded.
        files: the path below the run's folder, with `/`, and the local file, of each artifact and model in `events`,
            and of each value too large for a line.
        folder: the run's own folder.
        delivered: how far each journal in it was handed over before this batch, in bytes, by writer.
    """

    tree: str
    writer: str
    offset: int
    lines: bytes
    events: tuple[Event, ...]
    files: Mapping[str, Path]
    folder: Path
    delivered: Mapping[str, int]

    @property
    def end(self) -> int:
        """Where the piece ends in the journal file, in bytes."""
        return self.offset + len(self.lines)

    @property
    def digests(self) -> Mapping[str, str]:
        """The SHA-256 of each of `files`, in hexadecimal digits, as far as the journal states it."""
        values = {name: Path(name).stem for name in self.files if name.startswith("values/")}
        told = [event for event in self.events if event.kind in ("artifact", "model")]
        stated = {**values, **{f"files/{each.run}/{each.data.get('path')}": each.data.get("sha256") for each in told}}
        return {name: said for name, said in stated.items() if isinstance(said, str) and _SHA256.match(said)}

    def earlier(self) -> Iterator[Event]:
        """Read again what was handed over of this top-level run before, for who does not remember it.

        The journals come one after another, each in its own order.
        """
        from autolog.delivery.batches import read_events  # this page is imported by all that has to be quick

        for writer, end in sorted(self.delivered.items()):
            yield from read_events(self.folder, writer, end)


@dataclass(frozen=True)
class Delivery:
    """What a backend made of what it was handed.

    Args:
        state: `done`, `retry` (the same again, later), or `refused`: never to be tried again.
        reason: why it is not done, in one line without secrets.
        after: seconds before which it is not to be tried again, where the destination said so.
        aside: what was refused for good though the rest was taken: a line each, which names it and says why.
    """

    state: Literal["done", "retry", "refused"]
    reason: str = ""
    after: float | None = None
    aside: Sequence[str] = ()


class Backend:
    """One open destination; a plugin derives its own from this.

    It is called from delivery threads, never from the training thread, and never from two threads at once. Whatever it
    raises counts as `retry`. What it does `with autolog.background.away()`, such as a request, no fork of the user's
    program waits for. A forked child opens destinations of its own.
    """

    pause: float = 0.0
    """The least seconds between two batches of runs that go on; those that have ended are handed over at once."""

    patient: Collection[str] = ()
    """The kinds of events that may wait for `patience` seconds where no others come: a search writes many a second, and
    what reads them takes time from what trains."""

    patience: float = 0.0
    """How long these wait, in seconds; not those of runs that have ended, nor at the end of the program."""

    batch_bytes: int = 1 << 20
    """How many bytes of lines a batch has about, where there are so many."""

    hurries: bool = False
    """Set at the end of the program, and by `autolog sync`: no training needs the machine now."""

    def deliver(self, batch: Batch) -> Delivery:
        """Take a batch; the same one may be handed over twice, also with more lines, and must then change nothing."""
        raise NotImplementedError

    def settle(self, tree: str, folder: Path) -> Delivery:
        """Take notice that all there is of a top-level run was handed over, and that it has ended or nobody is left to
        write more of it. It may be called again, after more has come nevertheless.

        Args:
            tree: its id.
            folder: its folder, with all journals.
        """
        return Delivery("done")

    def close(self) -> None:
        """Let go of connections; may be called twice."""


@hookspec(firstresult=True)
def autolog_journal_folder(uri: str) -> Path | None:
    """The local folder where the journal itself may be kept for this destination; then nothing is delivered to it.

    Called when it is settled where runs go, and before a place is read.
    """


@hookspec(firstresult=True)
def autolog_open_backend(uri: str) -> Backend | None:
    """Open a destination for delivery. Called when it is settled where runs go; must not wait for a network."""


@hookspec(firstresult=True)
def autolog_open_store(uri: str) -> Store | None:
    """Open the place that `uri` names for reading. Called when somebody looks there, which may wait for a network."""

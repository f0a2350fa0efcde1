"""What `enable()` and `disable()` switch: settings, plugins and their patches, the place runs are written to."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from autolog import guard
from autolog.console import say
from autolog.exceptions import PluginError
from autolog.hookspecs import Backend
from autolog.loading.hooks import Hooks
from autolog.loading.importing import is_imported, when_imported
from autolog.loading.loader import PLUGINS, Loader, Record
from autolog.recording import context
from autolog.settings import sources
from autolog.settings.table import OPTIONS

if TYPE_CHECKING:
    from autolog.patching import Patcher
    from autolog.recording.recorder import Recorder
    from autolog.store.base import Store

__all__ = ["Session", "fresh", "get"]

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


class Place(NamedTuple):
    """One of the places that runs go to.

    Args:
        uri: it; a local folder by its full path, which a later `chdir` does not change.
        folder: the folder where the journal itself may be kept for it, or None.
    """

    uri: str
    folder: Path | None


class Session:
    """The state of autolog in this process; there is one, made at the first use."""

    def __init__(self) -> None:
        self.enabled = False
        self.hooks = Hooks()
        self.loader = Loader(self._loaded)
        self.resolved = sources.load({}, {})
        self._general: dict[str, Any] = {}
        self._by_plugin: dict[str, dict[str, Any]] = {}
        self._selected: set[str] | None = None
        self._patchers: dict[str, Patcher] = {}
        self._owners: dict[str, dict[type, frozenset[str]]] = {}
        self._drivers: dict[str, set[str]] = {}
        self._declarations: dict[str, list[tuple[str, Callable[[ModuleType], None]]]] = {}
        self._bound: tuple[Place, ...] = ()
        self._stores: dict[str, Store] = {}
        self._recorder: Recorder | None = None
        self._announced = ""
        self._adopted: Mapping[str, Any] = {}
        atexit.register(self.end)

    # ---- on and off

    def enable(self, plugins: tuple[str, ...], options: Mapping[str, Any]) -> None:
        """Switch on, or change what is named."""
        if sources.is_off():
            return
        general, by_plugin = self._with(plugins, options)
        resolved = sources.load(general, by_plugin)
        self.loader.check_plugins((*plugins, *resolved.general.plugins))
        if not self.enabled or "backend" in options or resolved.general.backend != self.resolved.general.backend:
            self._bound = self._checked(self._bind(resolved))
        self.resolved, self._general, self._by_plugin = resolved, general, by_plugin
        self._select(plugins, bool(options))
        self._switch_on()

    def _select(self, plugins: tuple[str, ...], changes: bool) -> None:
        """Say whose calls open runs: those named, besides those named before; a call that names nothing means all."""
        if self.enabled and (changes or plugins):
            self._selected = self._selected and self._selected | set(plugins)
        else:
            self._selected = set(plugins) or None

    def _switch_on(self) -> None:
        self.enabled = True
        for record in self.loader.plugins:
            (self._leave_out if self.excludes(record.name) else self._watch_plugin)(record)
        self._announce()

    def _with(
        self, plugins: tuple[str, ...], options: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Give the calls' options with these added: to the plugins named, or to all."""
        sources.check(options)
        local = {name: value for name, value in options.items() if plugins and OPTIONS[name].per_plugin}
        general = {**self._general, **{name: value for name, value in options.items() if name not in local}}
        changed = {name: {**self._by_plugin.get(name, {}), **local} for name in plugins}
        return general, {**self._by_plugin, **changed}

    def portable(self) -> dict[str, Any]:
        """Give what another process needs to be set up in the same way."""
        return {
            "enabled": self.enabled,
            "selected": None if self._selected is None else sorted(self._selected),
            "general": {**self._general, "backend": str(self.folder)},
            "by_plugin": self._by_plugin,
            "found": self.resolved.found,
            "announced": self._announced,
        }

    def adopt(self, portable: Mapping[str, Any]) -> None:
        """Be set up like the process that a task came from; once, since a worker takes many tasks of one program."""
        if self._adopted == portable:
            return
        self._adopted = portable
        self._general, self._by_plugin = dict(portable["general"]), dict(portable["by_plugin"])
        self._selected = None if portable["selected"] is None else set(portable["selected"])
        self.resolved, self._bound = sources.load(self._general, self._by_plugin, portable["found"]), ()
        self._announced = portable["announced"]
        self._switch_on() if portable["enabled"] else self.disable()

    def disable(self) -> None:
        """Put every original back. Runs that are open go on, and the log functions still work."""
        self.enabled, self._announced = False, ""
        for patcher in self._patchers.values():
            patcher.undo()
        self._patchers.clear()
        self._owners.clear()
        self._declarations.clear()

    @property
    def is_worker(self) -> bool:
        """Say whether this process was set up by a task that came from another."""
        return bool(self._adopted)

    def records(self, plugin: str) -> bool:
        """Say whether calls that this plugin sees may open runs; in a worker, those of tasks that were handed to it."""
        here = context.current.get()
        handed_on = not self._adopted or here.task is not None or here.run is not None
        selected = self._selected or self.resolved.general.plugins
        return self.enabled and handed_on and (not selected or plugin in selected)

    def excludes(self, plugin: str) -> bool:
        """Say whether nothing of this plugin is to be used."""
        return any(fnmatchcase(plugin, pattern) for pattern in self.resolved.general.exclude_plugins)

    def set_general(self, **options: Any) -> None:
        """Change options for all plugins without switching anything on."""
        sources.check(options)
        resolved = sources.load({**self._general, **options}, self._by_plugin)
        if resolved.general.backend != self.resolved.general.backend:
            self._bound = ()
        self.resolved = resolved
        self._general.update(options)

    def _announce(self) -> None:
        line = f"recording to {', '.join(self._destinations())}"
        if line != self._announced and not self.resolved.general.silent and _speaks_first():
            self._announced = line
            say(line)

    # ---- plugins

    def register(self, plugin: Any, name: str | None = None) -> None:
        """Use a module, or an object with hooks, as a plugin; where autolog is on, at once."""
        self.loader.add(plugin, str(name or getattr(plugin, "__name__", type(plugin).__name__)))

    def use_plugins(self, names: Iterable[str]) -> None:
        """Load the plugins of these frameworks, as far as there are any, also while autolog is off."""
        for record in filter(None, (self.loader.find(PLUGINS, name) for name in names)):
            self.loader.load(record)

    def _watch_plugin(self, record: Record) -> None:
        if record.state == "loaded" and record.module is not None:
            self.hooks.register(record.module, record.name)
            self._declare(record)
        elif record.state == "waiting":
            self._when_imported(record.name, partial(self._framework_imported, record))

    def _framework_imported(self, record: Record, module: ModuleType) -> None:
        if self.enabled and not self.excludes(record.name):
            self.loader.load(record)

    def _leave_out(self, record: Record) -> None:
        """Take back what a plugin has done that is excluded now."""
        if record.name in self._patchers:
            self._patchers.pop(record.name).undo()
            self._owners.pop(record.name, None)
        if record.module is not None:
            self.hooks.unregister(record.module)

    def is_at_work(self, patcher: Patcher) -> bool:
        """Say whether a plugin's patches are still wanted."""
        return any(patcher is each for each in self._patchers.values())

    def _loaded(self, module: ModuleType, record: Record) -> None:
        """Take a plugin's hooks in, and what it declares; if it fails it is switched off, and the others work on."""
        refusal = self.hooks.refusal(module)
        if refusal is not None:
            record.stop("skipped", refusal)
            return
        try:
            self.hooks.register(module, record.name)
        except Exception as error:
            record.stop("failed", guard.describe(error))
            return
        for driven in self.hooks.drives(module):
            self._drivers.setdefault(driven, set()).add(record.name)
        if self.enabled and record.group == PLUGINS:
            self._declare(record)

    def _declare(self, record: Record) -> None:
        if record.name in self._patchers or record.module is None:
            return
        from autolog.capture.declaring import Declared, Patcher  # with wrapt: longer to import than all the rest

        patcher = self._patchers[record.name] = Patcher()
        try:
            self.hooks.patches(record.module, Declared(self, record, patcher))
        except Exception as error:
            self.switch_off(record, error)

    def switch_off(self, record: Record, error: Exception) -> None:
        """Undo what a plugin has wrapped, and call no hook of it again: it failed."""
        self._patchers[record.name].undo()
        self._owners.pop(record.name, None)
        if record.module is not None:
            self.hooks.unregister(record.module)
        record.stop("failed", guard.describe(error))

    def silent_inside(self, plugin: str) -> Set[str]:
        """Give the plugins inside whose recorded calls this one is silent; those that are loaded later come to it."""
        return self._drivers.setdefault(plugin, set())

    def own(self, plugin: str, base: type, settings: Iterable[str]) -> None:
        """Have the calls of a class and its subclasses count as this plugin's; these arguments of them are no data."""
        self._owners.setdefault(plugin, {})[base] = frozenset(settings)

    def owner_of(self, kind: type) -> str | None:
        """Give the plugin that owns a class."""
        owners = self._owners.items()
        return next((name for name, bases in owners if any(base in kind.__mro__ for base in bases)), None)

    def is_setting(self, kind: type, name: str) -> bool:
        """Say whether an argument of a call of an owned class is no data."""
        return any(
            name in names for own in self._owners.values() for base, names in own.items() if base in kind.__mro__
        )

    def on_import(self, name: str, declare: Callable[[ModuleType], None]) -> None:
        """Call `declare(module)` once a module has been imported, as long as autolog is on."""
        self._declarations.setdefault(name, []).append((name, declare))
        self._when_imported(name, partial(self._run_declarations, name))

    def _run_declarations(self, name: str, module: ModuleType) -> None:
        for _, declare in self._declarations.pop(name, []):
            declare(module)

    def _when_imported(self, name: str, then: Callable[[ModuleType], None]) -> None:
        """Act now if the module is there, else once it has been imported; an error never reaches the user's import."""
        if is_imported(name):
            guard.call("session.imported", None, then, sys.modules[name])
        else:
            when_imported(name, lambda module: guard.call("session.import", None, then, module))

    # ---- where runs go

    @property
    def places(self) -> tuple[Place, ...]:
        """Where runs go, as of `enable()` or else of the first use."""
        self._bound = self._bound or self._bind(self.resolved)
        return self._bound

    def _destinations(self) -> list[str]:
        """Give the places that the user named, as they may be shown."""
        named = self.places[: len(self.resolved.general.backend)]
        return [str(place.folder or _shown(place.uri)) for place in named]

    def _bind(self, resolved: sources.Resolved) -> tuple[Place, ...]:
        folders = ((uri, self.journal_folder(uri)) for uri in resolved.general.backend)
        places = tuple(Place(str(folder or uri), folder) for uri, folder in folders)
        if any(place.folder for place in places):
            return places
        from autolog.delivery.spool import spool_folder

        return (*places, Place(str(spool_folder()), spool_folder()))

    def _checked(self, places: tuple[Place, ...]) -> tuple[Place, ...]:
        """Open once what is delivered to, so that a destination that cannot be opened is refused here, not at a run."""
        for place in places:
            if place.folder is None:
                guard.contained(self.open_backend(place.uri).close)
        return places

    @property
    def folder(self) -> Path:
        """The folder of run folders that the journal is kept in; one of our own where no destination offers one."""
        return next(place.folder for place in self.places if place.folder is not None)

    @property
    def root(self) -> Path | None:
        """The folder that runs are written to; None while autolog is switched off altogether."""
        return None if sources.is_off() else self.folder

    def journal_folder(self, uri: str) -> Path | None:
        """Give the local folder where the journal itself may be kept for a place, None where there is none."""
        record = self.loader.backend(_scheme(uri))
        return self.hooks.journal_folder(record.module, uri) if record.module is not None else None

    @property
    def read_folder(self) -> Path | None:
        """The local folder that runs are read from by default; None where it is no folder."""
        return self.places[0].folder

    def open_store(self, uri: str | os.PathLike[str] | None = None) -> Store:
        """Open a place for reading; by default the one that is written to."""
        given = os.fspath(uri) if uri is not None else self.places[0].uri
        place = str(self.journal_folder(given) or given)
        if place not in self._stores:
            self._stores[place] = self.new_store(place)
        return self._stores[place]

    def new_store(self, place: str) -> Store:
        """Open a place for a reader of its own: what it has read is let go of with it."""
        record = self.loader.backend(_scheme(place))
        store = self.hooks.open_store(record.module, place) if record.module is not None else None
        if store is None:
            raise PluginError(f"the backend for {_shown(place)!r} cannot read runs back; give another store=")
        return store

    def open_backend(self, uri: str) -> Backend:
        """Open a destination for delivery."""
        record = self.loader.backend(_scheme(uri))
        backend = self.hooks.open_backend(record.module, uri) if record.module is not None else None
        if backend is None:
            raise PluginError(f"the backend for {_shown(uri)!r} opens no destination")
        return backend

    # ---- runs

    @property
    def recorder(self) -> Recorder:
        """What opens runs; made with the first of them."""
        if self._recorder is None:
            from autolog.recording.recorder import (
                Recorder,  # with all that writes: most of the time that importing takes
            )

            with _making:
                self._recorder = self._recorder or Recorder(self)
        return self._recorder

    def flush(self) -> None:
        """Write out all points that wait; called on entering a wrapped call, which may hold the interpreter."""
        if self._recorder is not None:
            self._recorder.flush()

    def settle(self) -> None:
        """Have done what is still to be recorded of what has happened, before somebody reads it where it is read."""
        if self._recorder is not None:
            self._recorder.settle()
            if self.places[0].folder is None:
                self._recorder.catch_up(self.places[0].uri)

    def end(self) -> None:
        """Do what the end of the process does."""
        error = None if hasattr(sys, "ps1") else getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        if self._recorder is not None:
            self._recorder.end(error)
        if isinstance(error, KeyboardInterrupt):
            _stay_interrupted()


def _speaks_first() -> bool:
    """Say whether no other process of the program is there to say it: this one is no worker of multiprocessing's, nor
    one of many that a launcher has started."""
    multiprocessing = sys.modules.get("multiprocessing.process")  # its children import the script before they know
    is_child = multiprocessing is not None and multiprocessing.current_process().name != "MainProcess"
    return not is_child and os.environ.get("RANK", "0") == "0"


def _stay_interrupted() -> None:
    """Have Python still exit as interrupted: it forgets that when text is executed afterwards, as by an import."""
    with contextlib.suppress(KeyboardInterrupt):
        exec("raise KeyboardInterrupt")  # noqa: S102 (a text of ours)


def _shown(uri: str) -> str:
    """Give a place as it may be shown: without user, password and tokens."""
    from autolog.delivery.cursors import public_uri

    return public_uri(uri)


def _scheme(uri: str) -> str:
    """Give a URI's scheme; a plain path is a file's, also with a Windows drive letter."""
    found = _SCHEME.match(uri)
    return found[1].lower() if found is not None else "file"


_session: Session | None = None
_making = threading.Lock()


def get() -> Session:
    """Give the process's session."""
    global _session
    if _session is None:
        with _making:
            if _session is None:
                _session = Session()
    return _session


@contextlib.contextmanager
def fresh() -> Iterator[None]:
    """Be as in a new process for the body of a `with`, whose end is the end of that process: for tests."""
    global _session
    before, _session = _session, None
    guard.forget()
    try:
        yield
    finally:
        _end()
        _session = before


def _end() -> None:
    from autolog.capture import predictions  # with what most programs need late, or never
    from autolog.journal import process

    if _session is not None:
        _session.disable()
        _session.end()
        atexit.unregister(_session.end)
    context.forget()
    predictions.forget()
    process.close()

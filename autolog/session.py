"""What `enable()` and `disable()` switch: settings, plugins and their patches, the place runs are written to."""

from __future__ import annotations

import atexit
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from autolog import context, guard, settings
from autolog.calls import observer
from autolog.console import say
from autolog.delivery import Courier
from autolog.environment import script_name
from autolog.exceptions import PluginError, UsageError
from autolog.hooks import Hooks
from autolog.hookspecs import Backend, Handler
from autolog.journal import process
from autolog.importing import is_imported, when_imported
from autolog.loader import PLUGINS, Loader, Record
from autolog.patching import Patcher
from autolog.process_facts import ProcessFacts
from autolog.runs import ActiveRun, status_of

if TYPE_CHECKING:
    from autolog.settings import Settings
    from autolog.store.base import Store

__all__ = ["Session", "get"]

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
        self.resolved = settings.load({}, {})
        self._general: dict[str, Any] = {}
        self._by_plugin: dict[str, dict[str, Any]] = {}
        self._selected: set[str] | None = None
        self._patchers: dict[str, Patcher] = {}
        self._declarations: dict[str, list[tuple[str, Callable[[ModuleType], None]]]] = {}
        self._bound: tuple[Place, ...] = ()
        self._stores: dict[str, Store] = {}
        self._existing: dict[str, ActiveRun] = {}
        self._couriers: dict[str, Courier] = {}
        self._script_run: ActiveRun | None = None
        self._announced = ""
        self._adopted: Mapping[str, Any] = {}
        self._facts = ProcessFacts()
        process.on_fork(self._forked)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._stop_couriers, after_in_parent=self._start_couriers)
        atexit.register(self._at_exit)

    # ---- on and off

    def enable(self, plugins: tuple[str, ...], options: Mapping[str, Any]) -> None:
        """Switch on, or change what is named."""
        if settings.is_off():
            return
        self.loader.check_plugins(plugins)
        general, by_plugin = self._with(plugins, options)
        resolved = settings.load(general, by_plugin)
        if not self.enabled or "backend" in options or resolved.general.backend != self.resolved.general.backend:
            self._bound = self._bind(resolved)
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
            self._watch_plugin(record)
        self._announce()

    def _with(
        self, plugins: tuple[str, ...], options: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Give the calls' options with these added: to the plugins named, or to all."""
        settings.check(options)
        local = {name: value for name, value in options.items() if plugins and settings.is_per_plugin(name)}
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
            "announced": self._announced,
        }

    def adopt(self, portable: Mapping[str, Any]) -> None:
        """Be set up like the process that a task came from; once, since a worker takes many tasks of one program."""
        if self._adopted == portable:
            return
        self._adopted = portable
        self._general, self._by_plugin = dict(portable["general"]), dict(portable["by_plugin"])
        self._selected = None if portable["selected"] is None else set(portable["selected"])
        self.resolved, self._bound = settings.load(self._general, self._by_plugin), ()
        self._announced = portable["announced"]
        self._switch_on() if portable["enabled"] else self.disable()

    def disable(self) -> None:
        """Put every original back. Runs that are open go on, and the log functions still work."""
        self.enabled, self._announced = False, ""
        for patcher in self._patchers.values():
            patcher.undo()
        self._patchers.clear()
        self._declarations.clear()

    def records(self, plugin: str) -> bool:
        """Say whether calls that this plugin sees may open runs."""
        return self.enabled and (self._selected is None or plugin in self._selected)

    def set_general(self, **options: Any) -> None:
        """Change options for all plugins without switching anything on."""
        settings.check(options)
        resolved = settings.load({**self._general, **options}, self._by_plugin)
        if resolved.general.backend != self.resolved.general.backend:
            self._bound = ()
        self.resolved = resolved
        self._general.update(options)

    def _announce(self) -> None:
        line = f"recording to {self.folder}"
        if line != self._announced and not self.resolved.general.silent:
            self._announced = line
            say(line)

    # ---- plugins

    def register(self, plugin: Any, name: str | None = None) -> None:
        """Use a module, or an object with hooks, as a plugin; where autolog is on, at once."""
        self.loader.add(plugin, name or getattr(plugin, "__name__", type(plugin).__name__))

    def use_plugins(self, names: Iterable[str]) -> None:
        """Load the plugins of these frameworks, as far as there are any, also while autolog is off."""
        for record in filter(None, (self.loader.find(PLUGINS, name) for name in names)):
            self.loader.load(record)

    def _watch_plugin(self, record: Record) -> None:
        if record.state == "loaded":
            self._declare(record)
        elif record.state == "waiting":
            self._when_imported(record.name, partial(self._framework_imported, record))

    def _framework_imported(self, record: Record, module: ModuleType) -> None:
        if self.enabled:
            self.loader.load(record)

    def _loaded(self, module: ModuleType, record: Record) -> None:
        """Take a plugin's hooks in, and what it declares; if it fails it is switched off, and the others work on."""
        try:
            self.hooks.register(module, record.name)
        except Exception as error:
            record.stop("failed", guard.describe(error))
            return
        if self.enabled and record.group == PLUGINS:
            self._declare(record)

    def _declare(self, record: Record) -> None:
        if record.name in self._patchers or record.module is None:
            return
        patcher = self._patchers[record.name] = Patcher()
        try:
            self.hooks.patches(record.module, Declared(self, record, patcher))
        except Exception as error:
            self.switch_off(record, error)

    def switch_off(self, record: Record, error: Exception) -> None:
        """Undo what a plugin has wrapped, and call no hook of it again: it failed."""
        self._patchers[record.name].undo()
        if record.module is not None:
            self.hooks.unregister(record.module)
        record.stop("failed", guard.describe(error))

    def silent_inside(self, plugin: str) -> frozenset[str]:
        """Give the plugins inside whose recorded calls this one is silent."""
        record = self.loader.find(PLUGINS, plugin)
        return frozenset(self.hooks.stands_aside_for(record.module) if record and record.module else ())

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

    def _bind(self, resolved: settings.Resolved) -> tuple[Place, ...]:
        folders = ((uri, self._journal_folder(uri)) for uri in resolved.general.backend)
        places = tuple(Place(str(folder or uri), folder) for uri, folder in folders)
        if any(place.folder for place in places):
            return places
        spool = self._journal_folder(settings.OPTIONS["backend"].default)
        return (Place(str(spool), spool), *places)

    @property
    def folder(self) -> Path:
        """The folder of run folders that the journal is kept in; the default one where no destination offers one."""
        return next(place.folder for place in self.places if place.folder is not None)

    @property
    def root(self) -> Path | None:
        """The folder that runs are written to; None while autolog is switched off altogether."""
        return None if settings.is_off() else self.folder

    def _journal_folder(self, uri: str) -> Path | None:
        record = self.loader.backend(_scheme(uri))
        return self.hooks.journal_folder(record.module, uri) if record.module is not None else None

    def open_store(self, uri: str | os.PathLike[str] | None = None) -> Store:
        """Open a place for reading; by default the one that is written to."""
        given = os.fspath(uri) if uri is not None else str(self.folder)
        place = str(self._journal_folder(given) or given)
        if place not in self._stores:
            record = self.loader.backend(_scheme(place))
            store = self.hooks.open_store(record.module, place) if record.module is not None else None
            if store is None:
                raise PluginError(f"the backend for {place!r} cannot read runs back; give another store=")
            self._stores[place] = store
        return self._stores[place]

    # ---- runs

    def new_run(
        self,
        run_name: str | None,
        *,
        parent: ActiveRun | None = None,
        tags: Mapping[str, Any] | None = None,
        experiment: str | None = None,
        options: Settings | None = None,
    ) -> ActiveRun:
        """Open a run; a top-level one gets the facts of its environment as soon as they are known."""
        paused = context.current.get().paused
        general = options or self.resolved.general
        tags = {**(general.extra_tags or {}), **(tags or {})}
        experiment = experiment or (parent.experiment if parent is not None else general.experiment)
        run = ActiveRun(None if paused else self.root, general, run_name, experiment, parent=parent).begin(tags)
        if run.records and parent is None:
            guard.call("session.environment", run, self._facts.add, run)
            guard.call("session.delivery", run, self._deliver, run)
        return run

    def _deliver(self, run: ActiveRun) -> None:
        """Have a top-level run delivered to the destinations that the journal itself is not kept in."""
        for uri, folder in self.places:
            if folder != run.folder.parent:
                if uri not in self._couriers:
                    self._couriers[uri] = Courier(uri, self._open_backend(uri))
                self._couriers[uri].follow(run.folder)

    def _open_backend(self, uri: str) -> Backend:
        record = self.loader.backend(_scheme(uri))
        backend = self.hooks.open_backend(record.module, uri) if record.module is not None else None
        if backend is None:
            raise PluginError(f"the backend for {uri!r} opens no destination")
        return backend

    def script_run(self) -> ActiveRun:
        """Give the run that takes what is logged outside of all runs; it is named after the script, and ends with it."""
        if self._script_run is None or self._script_run.ended:
            self._script_run = self.new_run(script_name())
        return self._script_run

    def existing(self, run_id: str) -> ActiveRun:
        """Give a handle that adds facts to a run without opening a session of it; none are added while paused.

        Raises:
            RunNotFoundError: there is no such run in the store that is written to.
        """
        if self.root is None or context.current.get().paused:
            return ActiveRun(None, self.resolved.general, None, "", run_id=run_id)
        found = context.explicit.get(run_id) or self._existing.get(run_id)
        if found is None:
            found = self._existing[run_id] = self._handle(run_id, None)
            found.ended = True
        return found

    def resume(self, run_id: str, run_name: str | None = None, tags: Mapping[str, Any] | None = None) -> ActiveRun:
        """Open a further session of a run, which may rename it; errors as for `existing`."""
        if self.root is None or context.current.get().paused:
            return ActiveRun(None, self.resolved.general, run_name, "", run_id=run_id)
        return self._handle(run_id, run_name).begin(tags)

    def _handle(self, run_id: str, run_name: str | None) -> ActiveRun:
        store = self.open_store()
        run, tree = store.run(run_id), store.tree(run_id)
        name, parent = run_name or run.run_name, run.parent_run_id
        general = self.resolved.general
        return ActiveRun(self.folder, general, name, run.experiment, run_id=run_id, tree=tree, parent_run_id=parent)

    def mark_deleted(self, run_id: str, store: Store) -> None:
        """Write that a run is deleted into a store that keeps journals."""
        folder = self._journal_folder(store.uri)
        if folder is None:
            raise UsageError(f"runs in {store.uri} cannot be deleted from here")
        tree = store.tree(run_id)
        run = ActiveRun(folder, self.resolved.general, None, "", run_id=run_id, tree=tree)
        run.log_facts("deleted", {"deleted": True})

    # ---- the process

    def _forked(self) -> None:
        """Drop the parent's ways into its journal; what runs are active stays known, as parents of what follows."""
        self._script_run = None
        self._facts.forked()
        for courier in self._couriers.values():
            courier.forget()
        for run in (
            *context.explicit.values(),
            context.current.get().run,
            context.last_run(),
            *self._existing.values(),
        ):
            if run is not None:
                run.forked()

    def _stop_couriers(self) -> None:
        for courier in self._couriers.values():
            courier.stop()

    def _start_couriers(self) -> None:
        for courier in self._couriers.values():
            courier.start()

    def _at_exit(self) -> None:
        error = None if hasattr(sys, "ps1") else getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        guard.call("session.exit", None, self._facts.finish)
        for run in (*context.explicit.values(), *filter(None, [self._script_run])):
            guard.call("session.end", run, run.end, status_of(error), error)
        guard.call("session.close", None, process.close)
        guard.call("session.deliver", None, self._finish_delivery)

    def _finish_delivery(self) -> None:
        deadline = time.monotonic() + self.resolved.general.exit_timeout
        for uri, courier in self._couriers.items():
            left = courier.finish(deadline)
            if left:
                say(f"{left} runs are not yet delivered to {uri}; they are kept in {self.folder}")
        self._couriers.clear()


class Declared:
    """What a plugin declares its patches to: the `Patches` of the contract."""

    def __init__(self, session: Session, record: Record, patcher: Patcher) -> None:
        self._session = session
        self._record = record
        self._patcher = patcher

    def _observer(self, handler: Handler, nested: bool) -> Any:
        return observer(self._session, self._record.name, handler, nested)

    def method(self, owner: type, name: str, handler: Handler, *, nested: bool = False) -> None:
        """Wrap a method."""
        self._patcher.method(owner, name, self._observer(handler, nested))

    def subclasses(self, base: type, handlers: Mapping[str, Handler]) -> None:
        """Wrap methods of a class and all its subclasses."""
        self._patcher.subclasses(base, {name: self._observer(handler, False) for name, handler in handlers.items()})

    def function(self, module: ModuleType, name: str, handler: Handler, *, nested: bool = False) -> None:
        """Give a function other code."""
        self._patcher.function(module, name, self._observer(handler, nested))

    def on_import(self, module: str, declare: Callable[[ModuleType], None]) -> None:
        """Declare more once a module has been imported; a plugin that fails there is switched off."""

        def guarded(found: ModuleType) -> None:
            try:
                declare(found)
            except Exception as error:
                self._session.switch_off(self._record, error)

        self._session.on_import(module, guarded)


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

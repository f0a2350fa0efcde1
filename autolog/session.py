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
from typing import TYPE_CHECKING, Any, Final

import wrapt

from autolog import context, guard, settings
from autolog.calls import observer
from autolog.delivery import Courier
from autolog.environment import script_name
from autolog.exceptions import PluginError, UsageError
from autolog.hooks import Hooks
from autolog.hookspecs import Backend, Handler
from autolog.journal import process
from autolog.loader import PLUGINS, Loader, Record, is_imported
from autolog.patching import Patcher
from autolog.process_facts import ProcessFacts
from autolog.runs import ActiveRun

if TYPE_CHECKING:
    from autolog.settings import Settings
    from autolog.store.base import Store

__all__ = ["Session", "get"]

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


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
        self._watched: set[str] = set()
        self._declarations: dict[str, list[tuple[str, Callable[[ModuleType], None]]]] = {}
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
        records = [self._named(name) for name in plugins]
        general, by_plugin = self._with(plugins, options)
        resolved = settings.load(general, by_plugin)
        self._check_backends(resolved)
        self.resolved, self._general, self._by_plugin = resolved, general, by_plugin
        if plugins:
            self._selected = set(plugins) if not self.enabled else (self._selected and self._selected | set(plugins))
        elif not self.enabled:
            self._selected = None
        self.enabled = True
        for record in records or self.loader.plugins:
            self._watch_plugin(record)
        for record in self.loader.plugins:
            self._watch_plugin(record)
        self._announce()

    def _named(self, name: str) -> Record:
        record = self.loader.find(PLUGINS, name)
        if record is None:
            known = ", ".join(sorted(each.name for each in self.loader.plugins))
            raise PluginError(f"no plugin {name!r} is installed; there are: {known}")
        return record

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
        root = None if self.root is None else str(self.root)
        return {
            "enabled": self.enabled,
            "selected": None if self._selected is None else sorted(self._selected),
            "general": {**self._general, "silent": True, **({"backend": root} if root else {})},
            "by_plugin": self._by_plugin,
        }

    def adopt(self, portable: Mapping[str, Any]) -> None:
        """Be set up like the process that a task came from; once, since a worker takes many tasks of one program."""
        if self._adopted == portable:
            return
        self._adopted = portable
        self._general, self._by_plugin = dict(portable["general"]), dict(portable["by_plugin"])
        self.resolved = settings.load(self._general, self._by_plugin)
        if portable["enabled"]:
            self.enable(tuple(portable["selected"] or ()), {})

    def disable(self) -> None:
        """Put every original back. Runs that are open go on, and the log functions still work."""
        self.enabled = False
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
        self._general.update(options)
        self.resolved = settings.load(self._general, self._by_plugin)

    def _announce(self) -> None:
        root = self.root
        line = f"autolog: recording to {root}" if root is not None else ""
        if line and line != self._announced and not self.resolved.general.silent:
            self._announced = line
            _say(line)

    # ---- plugins

    def register(self, plugin: ModuleType, name: str | None = None) -> None:
        """Use a module as a plugin; where autolog is on, at once."""
        self.loader.add(plugin, name or plugin.__name__)

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
        """Undo what a plugin has wrapped: it failed."""
        self._patchers[record.name].undo()
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
            wrapt.register_post_import_hook(lambda module: guard.call("session.import", None, then, module), name)

    # ---- where runs go

    @property
    def root(self) -> Path | None:
        """The folder of run folders that the journal is kept in; None while autolog is switched off altogether."""
        if settings.is_off():
            return None
        return next(filter(None, map(self._journal_folder, self.resolved.general.backend)))

    def _check_backends(self, resolved: settings.Resolved) -> None:
        for uri in resolved.general.backend:
            self._journal_folder(uri)

    def _journal_folder(self, uri: str) -> Path | None:
        record = self.loader.backend(_scheme(uri))
        return self.hooks.journal_folder(record.module, uri) if record.module is not None else None

    def open_store(self, uri: str | os.PathLike[str] | None = None) -> Store:
        """Open a place for reading; by default the one that is written to."""
        place = os.fspath(uri) if uri is not None else self.resolved.general.backend[0]
        if _scheme(place) == "file" and not place.startswith("file:"):
            place = str(Path(place).expanduser().absolute())
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
        for uri in self.resolved.general.backend:
            if self._journal_folder(uri) != run.folder.parent:
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
        """Give a handle that adds facts to a run without opening a session of it.

        Raises:
            RunNotFoundError: there is no such run in the store that is written to.
        """
        found = context.explicit.get(run_id) or self._existing.get(run_id)
        if found is None:
            found = self._existing[run_id] = self._handle(run_id)
            found.ended = True
        return found

    def resume(self, run_id: str) -> ActiveRun:
        """Open a further session of a run; errors as for `existing`."""
        return self._handle(run_id).begin()

    def _handle(self, run_id: str) -> ActiveRun:
        root, general = self.root, self.resolved.general
        if root is None or context.current.get().paused:
            return ActiveRun(None, general, None, "")
        store = self.open_store(str(root))
        run, tree = store.run(run_id), store.tree(run_id)
        return ActiveRun(
            root, general, run.run_name, run.experiment, run_id=run_id, tree=tree, parent_run_id=run.parent_run_id
        )

    def mark_deleted(self, run_id: str, store: Store) -> None:
        """Write that a run is deleted into a store that keeps journals."""
        folder = self._journal_folder(store.uri)
        if folder is None:
            raise UsageError(f"runs in {store.uri} cannot be deleted from here")
        tree = store.tree(run_id)
        run = ActiveRun(folder, self.resolved.general, None, "", run_id=run_id, tree=tree)
        run.log_facts("deleted", {"deleted": True})

    def report(self, run: ActiveRun, status: str) -> None:
        """Say in a line that a top-level run has ended."""
        if run.records and run.parent_run_id is None and not self.resolved.general.silent:
            _say(f"autolog: {run.run_name} {status} in {run.seconds:.3g} s, run {run.run_id}")

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
        error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        guard.call("session.exit", None, self._facts.finish)
        for run in (*context.explicit.values(), *filter(None, [self._script_run])):
            guard.call("session.end", run, run.end, "FINISHED" if error is None else _status_at_exit(error), error)
        guard.call("session.close", None, process.close)
        guard.call("session.deliver", None, self._finish_delivery)

    def _finish_delivery(self) -> None:
        deadline = time.monotonic() + self.resolved.general.exit_timeout
        for uri, courier in self._couriers.items():
            left = courier.finish(deadline)
            if left:
                _say(f"autolog: {left} runs are not yet delivered to {uri}; they are kept in {self.root}")
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


def _status_at_exit(error: BaseException) -> str:
    return "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"


def _say(line: str) -> None:
    """Write a line to stderr, if there is one."""
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):
        return


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

"""The only caller of hooks: each implementation on its own, guarded, with its types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from autolog import guard, hookspecs
from autolog.exceptions import PluginError
from autolog.hookspecs import Backend, DataDescription, ModelStream, Patches, SavedModel

if TYPE_CHECKING:
    from autolog.guard import Notes
    from autolog.store.base import Store

__all__ = ["Hooks"]


class Hooks:
    """The hooks of the plugins that are registered.

    pluggy's own call ends at the first implementation that raises, so implementations are called here one by one,
    the last registered first.
    """

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager("autolog")
        self._manager.add_hookspecs(hookspecs)

    def register(self, module: ModuleType, name: str) -> None:
        """Take a plugin's hooks in; once, though several entry points (`http` and `https`) may name it.

        Raises:
            pluggy.PluginValidationError: it has a hook that the contract lacks, or one with an unknown argument.
        """
        if self._manager.is_registered(module):
            return
        self._manager.register(module, name)
        try:
            self._manager.check_pending()
        except Exception:
            self._manager.unregister(module)
            raise

    @staticmethod
    def refusal(plugin: object) -> str | None:
        """Say why a plugin does not fit this contract, by the version that it states; None where it does."""
        written, oldest, newest = getattr(plugin, "autolog_hooks", 1), hookspecs.OLDEST, hookspecs.VERSION
        if type(written) is not int:
            return f"its autolog_hooks is {written!r:.100}, not a number: write autolog_hooks = {newest}"
        if written > newest:
            return f"it is written for version {written} of the hooks, and this autolog has {newest}: update autolog-ml"
        if written < oldest:
            return (
                f"it is written for version {written} of the hooks, and this autolog has {oldest} and later: update it"
            )
        return None

    def unregister(self, module: ModuleType) -> None:
        """Call no hook of this plugin any more."""
        if self._manager.is_registered(module):
            self._manager.unregister(module)

    def _implementations(self, hook: str, plugin: ModuleType | None = None) -> Iterator[pluggy.HookImpl]:
        for found in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            if plugin is None or found.plugin is plugin:
                yield found

    def _first(
        self, hook: str, kind: type, site: str, plugin: ModuleType | None = None, run: Any = None, **arguments: Any
    ) -> Any:
        for found in self._implementations(hook, plugin):
            result = guard.call(site, run, _answer, found, arguments, kind)
            if result is not None:
                return result
        return None

    def patches(self, plugin: ModuleType, patches: Patches) -> None:
        """Have a plugin declare what to wrap; an error of its own passes."""
        for found in self._implementations("autolog_patches", plugin):
            _call(found, {"patches": patches})

    def drives(self, plugin: ModuleType) -> Sequence[str]:
        """Give the names of the plugins that are silent inside this one's calls."""
        names = self._first("autolog_drives", Sequence, "hooks.drives", plugin)
        return [name for name in names or () if isinstance(name, str)]

    def describe_data(self, data: object, run: Notes | None = None) -> DataDescription | None:
        """Have the plugin that knows the container describe it; the run is told what fails."""
        hook, site = "autolog_describe_data", "hooks.describe_data"
        return self._first(hook, DataDescription, site, run=run, data=data)  # type: ignore[no-any-return]

    def save_model(self, model: object, stream: ModelStream, format: str) -> SavedModel | None:
        """Have the plugin that knows the model write it; an error passes, since a part may be written."""
        for found in self._implementations("autolog_save_model"):
            saved = _call(found, {"model": model, "stream": stream, "format": format})
            if saved is not None:
                return saved  # type: ignore[no-any-return]
        return None

    def load_model(self, path: Path, saved: SavedModel, trusted: bool | Sequence[str] | None) -> Any:
        """Have the plugin that knows the format read a model; an error passes to who asked."""
        for found in self._implementations("autolog_load_model"):
            model = _call(found, {"path": path, "saved": saved, "trusted": trusted})
            if model is not None:
                return model
        return None

    def journal_folder(self, plugin: ModuleType, uri: str) -> Path | None:
        """Ask a backend for the local folder where the journal itself may be kept; errors pass."""
        return self._ask("autolog_journal_folder", plugin, uri)  # type: ignore[no-any-return]

    def open_backend(self, plugin: ModuleType, uri: str) -> Backend | None:
        """Open a destination for delivery; errors pass."""
        return self._ask("autolog_open_backend", plugin, uri)  # type: ignore[no-any-return]

    def open_store(self, plugin: ModuleType, uri: str) -> Store | None:
        """Open a place for reading; errors pass."""
        return self._ask("autolog_open_store", plugin, uri)  # type: ignore[no-any-return]

    def _ask(self, hook: str, plugin: ModuleType, uri: str) -> Any:
        return next((_call(found, {"uri": uri}) for found in self._implementations(hook, plugin)), None)


def _answer(found: pluggy.HookImpl, arguments: dict[str, Any], kind: type) -> Any:
    """Call an implementation, and refuse what is neither None nor of the kind that the contract names."""
    result = _call(found, arguments)
    if result is not None and not isinstance(result, kind):
        hook, given = found.function.__name__, type(result).__name__
        raise PluginError(f"{hook} of plugin {found.plugin_name!r} gave a {given}, not a {kind.__name__}")
    return result


def _call(found: pluggy.HookImpl, arguments: dict[str, Any]) -> Any:
    """Call an implementation with those of the arguments that it takes, as pluggy does."""
    return guard.contained(found.function, *(arguments[name] for name in found.argnames))

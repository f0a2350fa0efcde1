"""What a plugin declares its patches to; imported when the first plugin is switched on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autolog import guard
from autolog.capture.calls import observer, skipping
from autolog.capture.here import Here
from autolog.patching import Patcher, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType

    from autolog.hookspecs import Handler, Nested
    from autolog.loading.loader import Record
    from autolog.session import Session

__all__ = ["Declared", "Patcher"]


class Declared:
    """What a plugin declares its patches to: the `Patches` of the contract."""

    def __init__(self, session: Session, record: Record, patcher: Patcher) -> None:
        self._session = session
        self._record = record
        self._patcher = patcher

    def _observer(self, handler: Handler, nested: Nested) -> Any:
        return observer(self._session, self._record.name, handler, nested)

    def method(self, owner: type, name: str, handler: Handler, *, nested: bool = False) -> None:
        """Wrap a method."""
        self._patcher.method(owner, name, self._observer(handler, nested), skipping(nested))

    def subclasses(self, base: type, handlers: Mapping[str, Handler], *, nested: Nested = False) -> None:
        """Wrap methods of a class and all its subclasses."""
        observers = {name: self._observer(handler, nested) for name, handler in handlers.items()}
        self._patcher.subclasses(base, observers, skipping(nested))

    def own(self, base: type, settings: Iterable[str] = ()) -> None:
        """Have the calls of a class count as this plugin's."""
        self._session.own(self._record.name, base, settings)

    def function(self, module: ModuleType, name: str, handler: Handler, *, nested: bool = False) -> None:
        """Give a function other code."""
        self._patcher.function(module, name, self._observer(handler, nested), skipping(nested))

    def watch(
        self, holder: type | ModuleType, name: str, watch: Watch, unless: Callable[[], bool] | None = None
    ) -> Callable[[], None]:
        """Tell of each call of a function."""
        return self._patcher.watch(holder, name, watch, unless)

    def at_undo(self, then: Callable[[], None]) -> None:
        """Take back what the plugin has registered."""
        self._patcher.at_undo(then)

    def here(self) -> Here:
        """Give the place in the program where this is called."""
        return Here(self._record.name, self._session)

    def on_import(self, module: str, declare: Callable[[ModuleType], None]) -> None:
        """Declare more once a module has been imported; a plugin that fails there is switched off."""

        def guarded(found: ModuleType) -> None:
            if not self._session.is_at_work(self._patcher):
                return
            try:
                guard.contained(declare, found)
            except Exception as error:  # noqa: BLE001
                self._session.switch_off(self._record, error)

        self._session.on_import(module, guarded)

"""Where the value of each option comes from: call > environment > pyproject.toml > default."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from autolog.exceptions import SettingsError
from autolog.settings.file import autolog_table
from autolog.settings.kinds import says_off
from autolog.settings.table import OPTIONS, Option, Settings

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Origin", "Resolved", "Source", "check", "is_off", "load"]

Source: TypeAlias = Literal["call", "environment", "file", "default"]


class Origin(NamedTuple):
    """One value, and where it was set."""

    option: str
    value: Any
    source: Source
    where: str


_Origins: TypeAlias = dict[str, Origin]


class _Layer(NamedTuple):
    """What one source sets: for all, and for single plugins."""

    general: _Origins
    plugins: dict[str, _Origins]

    def of(self, plugin: str) -> _Origins:
        return {**self.general, **self.plugins.get(plugin, {})}


class Resolved:
    """The outcome of all sources. Between two sources the earlier of call, environment, file and default wins, whether
    it speaks of one plugin or of all; within one source, what it says of a plugin wins over what it says of all.

    Args:
        layers: what each source sets, of which the later wins.
    """

    def __init__(self, *layers: _Layer) -> None:
        self.general: Final = _settings(layer.general for layer in layers)
        self.found: Final = layers[1:-1]  # what stands in files and in variables of the environment
        self._layers = layers
        self._known: dict[str, Settings] = {}

    def of(self, plugin: str) -> Settings:
        """Give the settings for the plugin of that name."""
        if plugin not in self._known:
            self._known[plugin] = _settings(layer.of(plugin) for layer in self._layers)
        return self._known[plugin]

    def origins(self) -> list[Origin]:
        """Give every value and where it was set, and after them those that differ by plugin, as `plugin.option`."""
        from autolog.recording.redaction.values import redact  # a URI may hold a password; nobody else here needs it

        rows = [*_merged(layer.general for layer in self._layers).values(), *self._by_plugin()]
        return [row._replace(value=redact(row.option, row.value)) for row in rows]

    def _by_plugin(self) -> Iterable[Origin]:
        for plugin in sorted({name for layer in self._layers for name in layer.plugins}):
            general = _merged(layer.general for layer in self._layers)
            for name, row in _merged(layer.of(plugin) for layer in self._layers).items():
                if row != general[name]:
                    yield row._replace(option=f"{plugin}.{name}")


def load(
    call: Mapping[str, Any], plugin_calls: Mapping[str, Mapping[str, Any]], found: tuple[_Layer, ...] | None = None
) -> Resolved:
    """Read all sources.

    Args:
        call: the options given to `enable()` for all plugins.
        plugin_calls: those given for single plugins, by the plugin's name.
        found: what another process `found` elsewhere, with which this one is to be set up alike; read here if None.

    Raises:
        SettingsError: an option that does not exist, or a value it cannot take; names where it was set.
    """
    if found is None:
        found = _from_file(), _from_environment()
    return Resolved(_defaults(), *found, _from_call(call, plugin_calls))


def check(options: Mapping[str, Any], plugin: str | None = None) -> None:
    """Refuse what `enable()` cannot take.

    Args:
        options: by name.
        plugin: the plugin they are given for; None for all.

    Raises:
        SettingsError: an option that does not exist, or a value it cannot take.
    """
    _called(options, plugin)


def is_off() -> bool:
    """Whether the environment says `AUTOLOG=0` (or false, no, off): then nothing of autolog does anything."""
    return says_off(os.environ.get("AUTOLOG", ""))


def _settings(layers: Iterable[_Origins]) -> Settings:
    return Settings(**{name: origin.value for name, origin in _merged(layers).items()})


def _merged(layers: Iterable[_Origins]) -> _Origins:
    """Lay the sources over each other; the last one wins."""
    merged: _Origins = {}
    for layer in layers:
        merged.update(layer)
    return merged


def _defaults() -> _Layer:
    return _Layer(
        {name: Origin(name, option.kind.take(option.default), "default", "") for name, option in OPTIONS.items()}, {}
    )


def _from_call(call: Mapping[str, Any], plugin_calls: Mapping[str, Mapping[str, Any]]) -> _Layer:
    return _Layer(_called(call), {plugin: _called(options, plugin) for plugin, options in plugin_calls.items()})


def _called(options: Mapping[str, Any], plugin: str | None = None) -> _Origins:
    before = "" if plugin is None else f'"{plugin}", '
    return {name: _taken(name, value, "call", f"enable({before}{name}=...)", plugin) for name, value in options.items()}


def _from_environment() -> _Layer:
    """An empty variable counts as not set, as shells cannot easily unset one for a single command."""
    texts = {name: os.environ.get(option.variable, "") for name, option in OPTIONS.items()}
    return _Layer({name: _parsed(OPTIONS[name], text) for name, text in texts.items() if text.strip()}, {})


def _parsed(option: Option, text: str) -> Origin:
    where = f"the environment variable {option.variable}"
    try:
        value = option.kind.take(option.kind.parse(text))
    except (ValueError, TypeError, OverflowError):
        raise _unfit(option, text, where) from None
    return Origin(option.name, value, "environment", where)


def _from_file() -> _Layer:
    path, table = autolog_table()
    general = {name: value for name, value in table.items() if name in OPTIONS or not isinstance(value, dict)}
    plugins = {name: value for name, value in table.items() if name not in general}
    return _Layer(_filed(path, general), {name: _filed(path, value, name) for name, value in plugins.items()})


def _filed(path: Path, table: Mapping[str, Any], plugin: str | None = None) -> _Origins:
    section = "tool.autolog" if plugin is None else f"tool.autolog.{plugin}"
    return {name: _taken(name, value, "file", f"{path} [{section}] {name}", plugin) for name, value in table.items()}


def _taken(name: str, value: Any, source: Source, where: str, plugin: str | None) -> Origin:
    option = OPTIONS.get(name)
    if option is None:
        raise SettingsError(
            f"There is no option {name!r}{_nearest(name)} (set at {where}). They are: {', '.join(OPTIONS)}."
        )
    if plugin is not None and not option.per_plugin:
        raise SettingsError(f"{name} holds for all plugins and cannot be set for {plugin} alone (set at {where}).")
    try:
        return Origin(name, option.kind.take(value), source, where)
    except (ValueError, TypeError, OverflowError):
        raise _unfit(option, value, where) from None


def _nearest(name: str) -> str:
    import difflib  # only here: it is slow to import, and this is the way out

    near = difflib.get_close_matches(str(name), OPTIONS, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _unfit(option: Option, value: Any, where: str) -> SettingsError:
    from autolog.recording.redaction.values import redact

    shown = redact(option.name, value) if isinstance(value, (str, int, float, list, tuple)) else type(value).__name__
    return SettingsError(f"{option.name} must be {option.kind.words}, not {shown!r:.200} (set at {where}).")

"""The one table of options, and where each value comes from: call > environment > pyproject.toml > default."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from autolog.exceptions import SettingsError

__all__ = [
    "OPTIONS",
    "Option",
    "Origin",
    "Resolved",
    "Settings",
    "as_markdown",
    "check",
    "is_off",
    "is_per_plugin",
    "load",
]

Source: TypeAlias = Literal["call", "environment", "file", "default"]

_longest_wait = 86_400.0


# ---- what a value may be


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of value.

    Args:
        words: what is taken, for people.
        take: gives the value in its one canonical form; raises ValueError for what it cannot take.
        parse: reads the text of an environment variable into something for `take`; raises ValueError.
    """

    words: str
    take: Callable[[Any], Any]
    parse: Callable[[str], Any]


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def _places(value: Any) -> tuple[str, ...]:
    places = _names([os.fspath(place) for place in (value if isinstance(value, (list, tuple)) else [value])])
    if not places:
        raise ValueError
    return places


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (str, list, tuple)):
        raise ValueError
    return tuple(_text(name) for name in ([value] if isinstance(value, str) else value))


def _tags(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError
    return {_text(name): tag for name, tag in value.items()}


def _count(value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ValueError
    count = operator.index(value)
    if count < 0:
        raise ValueError
    return count


def _size(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError
    size = float(value)
    if not 0 <= size < math.inf:  # so written, it refuses NaN too
        raise ValueError
    return size


def _wait(value: Any) -> float:
    seconds = _size(value)
    if seconds > _longest_wait:
        raise ValueError
    return seconds


def _format(value: Any) -> str:
    if value not in ("pickle", "skops"):
        raise ValueError
    return str(value)


def _parse_flag(text: str) -> bool:
    word = text.strip().lower()
    if word not in _words_for_on | _words_for_off:
        raise ValueError
    return word in _words_for_on


def _parse_list(text: str) -> Any:
    if text.lstrip().startswith("["):
        return _json(text)
    return [item.strip() for item in text.split(",") if item.strip()]


def _parse_tags(text: str) -> Any:
    if text.lstrip().startswith("{"):
        return _json(text)
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError
    return {name.strip(): tag.strip() for name, _, tag in pairs}


def _json(text: str) -> Any:
    import json  # only here: most programs set no list by the environment

    return json.loads(text)


def _or_none(kind: Kind) -> Kind:
    """Give a kind that also takes None, written `none` in the environment."""
    return Kind(
        f"{kind.words}, or None",
        lambda value: None if value is None else kind.take(value),
        lambda text: None if text.strip().lower() == "none" else kind.parse(text),
    )


_words_for_on = frozenset({"1", "true", "yes", "on"})
_words_for_off = frozenset({"0", "false", "no", "off"})

_FLAG = Kind("True or False", _flag, _parse_flag)
_NAME = Kind("a name", _text, str.strip)
_PLACES = Kind("a path or URI, or a list of them", _places, _parse_list)
_NAMES = Kind("a name pattern, or a list of them", _names, _parse_list)
_TAGS = Kind("a dict of tags by name", _tags, _parse_tags)
_FORMAT = Kind("'pickle' or 'skops'", _format, str.strip)
_COUNT = Kind("a whole number, 0 or more", _count, int)
_SIZE = Kind("a number, 0 or more", _size, float)
_WAIT = Kind(f"a number of seconds from 0 to {_longest_wait:.0f}", _wait, float)


# ---- the table


def _option(kind: Kind, default: Any, doc: str, *, per_plugin: bool, works: bool = True) -> Any:
    """Describe one option on its field, which so is the one place that knows it."""
    doc = doc if works else f"{doc} Not in this version."
    about = {"kind": kind, "default": default, "doc": doc, "per_plugin": per_plugin, "works": works}
    return field(default_factory=lambda: kind.take(default), metadata=about)


@dataclass(frozen=True, slots=True)
class Settings:
    """The value of every option; `docs/settings.md` has them all, from this table."""

    experiment: str = _option(_NAME, "default", "The experiment that new runs belong to.", per_plugin=False)
    backend: tuple[str, ...] = _option(
        _PLACES,
        "./autolog-runs",
        "Where runs are kept and delivered to. A relative path begins at the working directory.",
        per_plugin=False,
    )
    extra_tags: Mapping[str, Any] = _option(_TAGS, {}, "Tags given to every run.", per_plugin=True)
    log_models: bool = _option(_FLAG, True, "Save the trained model.", per_plugin=True)
    log_datasets: bool = _option(
        _FLAG, True, "Record the name, schema, shape and digest of the data trained on.", per_plugin=True
    )
    log_model_signatures: bool = _option(
        _FLAG, True, "Record the columns and types that the model takes and gives.", per_plugin=True
    )
    log_input_examples: bool = _option(
        _FLAG, False, "Keep a few rows of the training data with the model.", per_plugin=True
    )
    log_training_metrics: bool | None = _option(
        _or_none(_FLAG),
        None,
        "Compute metrics on the training data. None: only where every predict on the way is the framework's own code.",
        per_plugin=True,
    )
    log_post_training_metrics: bool = _option(
        _FLAG, True, "Add the metrics that are computed from a model's predictions to its run.", per_plugin=True
    )
    log_system_metrics: bool = _option(
        _FLAG,
        False,
        "Record the load of processors, memory and accelerators while a run lasts.",
        per_plugin=False,
        works=False,
    )
    max_tuning_runs: int | None = _option(
        _or_none(_COUNT),
        None,
        "How many candidates of a search become child runs, the best ones. None: all.",
        per_plugin=True,
    )
    max_model_mb: float = _option(
        _SIZE, 200.0, "The size, in megabytes, beyond which a model is not saved.", per_plugin=True
    )
    model_format: str = _option(
        _FORMAT,
        "pickle",
        "What models are saved as; what skops cannot save is pickled, with a note.",
        per_plugin=True,
    )
    redact: tuple[str, ...] = _option(
        _NAMES, (), "Patterns such as `*_pin`: further names whose values are not written.", per_plugin=False
    )
    exclude_params: tuple[str, ...] = _option(
        _NAMES, (), "Patterns such as `verbose*`: params that are not recorded.", per_plugin=True
    )
    silent: bool = _option(_FLAG, False, "Write nothing to the console.", per_plugin=False)
    exit_timeout: float = _option(
        _WAIT, 10.0, "How many seconds the end of the program may wait for delivery.", per_plugin=False
    )


class Option(NamedTuple):
    """One line of the table.

    Args:
        name: as `enable()` takes it.
        kind: what it takes.
        default: its value where none is set.
        doc: what it does.
        per_plugin: whether it may be set for one plugin.
        works: whether it has an effect in this version.
    """

    name: str
    kind: Kind
    default: Any
    doc: str
    per_plugin: bool
    works: bool

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"AUTOLOG_{self.name.upper()}"


OPTIONS: Mapping[str, Option] = {each.name: Option(each.name, **each.metadata) for each in fields(Settings)}
"""Every option by its name, in the order of the documentation."""


def is_per_plugin(name: str) -> bool:
    """Whether the option of that name may be set for one plugin; the others hold for the whole process."""
    return OPTIONS[name].per_plugin


# ---- where values come from


class Origin(NamedTuple):
    """One value, and where it was set."""

    option: str
    value: Any
    source: Source
    where: str


_Origins: TypeAlias = dict[str, Origin]


@dataclass(frozen=True, slots=True)
class _Layer:
    """What one source sets: for all, and for single plugins."""

    general: _Origins
    plugins: Mapping[str, _Origins] = field(default_factory=dict)

    def of(self, plugin: str) -> _Origins:
        return {**self.general, **self.plugins.get(plugin, {})}


@dataclass(frozen=True, slots=True)
class Resolved:
    """The outcome of all sources. Between two sources the earlier of call, environment, file and default wins, whether
    it speaks of one plugin or of all; within one source, what it says of a plugin wins over what it says of all.

    Args:
        general: the settings where no plugin is concerned.
    """

    general: Settings
    _layers: tuple[_Layer, ...]
    _known: dict[str, Settings] = field(default_factory=dict, compare=False)

    def of(self, plugin: str) -> Settings:
        """Give the settings for the plugin of that name."""
        if plugin not in self._known:
            self._known[plugin] = _settings(layer.of(plugin) for layer in self._layers)
        return self._known[plugin]

    def origins(self) -> list[Origin]:
        """Give every value and where it was set, and after them those that differ by plugin, as `plugin.option`."""
        from autolog.recording.redaction import redact  # a backend's URI may hold a password; nobody else here needs it

        rows = [*_merged(layer.general for layer in self._layers).values(), *self._by_plugin()]
        return [row._replace(value=redact(row.option, row.value)) for row in rows]

    def without_effect(self) -> list[str]:
        """Name the options that this version does not have, and that are set to something."""
        every = [self.general, *map(self.of, sorted({name for layer in self._layers for name in layer.plugins}))]
        absent = [option for option in OPTIONS.values() if not option.works]
        return [each.name for each in absent if any(getattr(one, each.name) != each.default for one in every)]

    def _by_plugin(self) -> Iterable[Origin]:
        for plugin in sorted({name for layer in self._layers for name in layer.plugins}):
            general = _merged(layer.general for layer in self._layers)
            for name, row in _merged(layer.of(plugin) for layer in self._layers).items():
                if row != general[name]:
                    yield row._replace(option=f"{plugin}.{name}")


def load(call: Mapping[str, Any], plugin_calls: Mapping[str, Mapping[str, Any]]) -> Resolved:
    """Read all sources.

    Args:
        call: the options given to `enable()` for all plugins.
        plugin_calls: those given for single plugins, by the plugin's name.

    Raises:
        SettingsError: an option that does not exist, or a value it cannot take; names where it was set.
    """
    layers = (_defaults(), _from_file(), _from_environment(), _from_call(call, plugin_calls))
    return Resolved(_settings(layer.general for layer in layers), layers)


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
    return os.environ.get("AUTOLOG", "").strip().lower() in _words_for_off


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
        {name: Origin(name, option.kind.take(option.default), "default", "") for name, option in OPTIONS.items()}
    )


def _from_call(call: Mapping[str, Any], plugin_calls: Mapping[str, Mapping[str, Any]]) -> _Layer:
    return _Layer(_called(call), {plugin: _called(options, plugin) for plugin, options in plugin_calls.items()})


def _called(options: Mapping[str, Any], plugin: str | None = None) -> _Origins:
    before = "" if plugin is None else f'"{plugin}", '
    return {name: _taken(name, value, "call", f"enable({before}{name}=...)", plugin) for name, value in options.items()}


def _from_environment() -> _Layer:
    """An empty variable counts as not set, as shells cannot easily unset one for a single command."""
    texts = {name: os.environ.get(option.variable, "") for name, option in OPTIONS.items()}
    return _Layer({name: _parsed(OPTIONS[name], text) for name, text in texts.items() if text.strip()})


def _parsed(option: Option, text: str) -> Origin:
    where = f"the environment variable {option.variable}"
    try:
        value = option.kind.take(option.kind.parse(text))
    except (ValueError, TypeError, OverflowError):
        raise _unfit(option, text, where) from None
    return Origin(option.name, value, "environment", where)


def _from_file() -> _Layer:
    path, table = _table()
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
    from autolog.recording.redaction import redact

    shown = redact(option.name, value) if isinstance(value, (str, int, float, list, tuple)) else type(value).__name__
    return SettingsError(f"{option.name} must be {option.kind.words}, not {shown!r:.200} (set at {where}).")


# ---- the file


def _table() -> tuple[Path, dict[str, Any]]:
    """Give the nearest pyproject.toml's table for us, and its path; nothing where there is neither."""
    for folder in _folders_upward():
        path = folder / "pyproject.toml"
        try:
            content = path.read_bytes()
        except OSError:
            continue
        return path, _parse(path, content) if b"tool.autolog" in content else {}
    return Path(), {}


def _folders_upward() -> list[Path]:
    try:
        here = Path.cwd()
    except OSError:  # the working directory was removed
        return []
    return [here, *here.parents]


def _parse(path: Path, content: bytes) -> dict[str, Any]:
    try:
        table = _toml(content.decode()).get("tool", {}).get("autolog", {})
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: {error}. Mend it, or take [tool.autolog] out of it.") from None
    if not isinstance(table, dict):
        raise SettingsError(f"tool.autolog in {path} must be a table: write [tool.autolog] and one option a line.")
    return table


def _toml(text: str) -> dict[str, Any]:
    """Parse; the parser is imported only for a file that speaks of us. Python 3.10 has none of its own."""
    try:
        import tomllib
    except ModuleNotFoundError:
        import tomli as tomllib  # type: ignore[import-not-found, no-redef, unused-ignore]
    return tomllib.loads(text)


# ---- the documentation


def as_markdown() -> str:
    """Give `docs/settings.md`."""
    rows = "\n".join(_row(option) for option in OPTIONS.values())
    return _PAGE.format(rows=rows)


def _row(option: Option) -> str:
    default = f"`{option.default!r}`".replace("'", '"')
    per_plugin = "yes" if option.per_plugin else ""
    return f"| `{option.name}` | {option.kind.words} | {default} | {per_plugin} | {option.doc} |"


_PAGE = """\
# Settings

Every option can be set in three places. The call wins over the environment, that over the file, that over the default.

- **The call**: `autolog.enable(log_models=False)`, for some plugins only: `autolog.enable("torch", log_models=False)`.
- **The environment**: `AUTOLOG_<NAME>`, such as `AUTOLOG_LOG_MODELS=0`. True and False are 1/0, true/false, yes/no or
  on/off; a list is written `a,b` or as JSON; tags `team=risk,stage=dev` or as JSON; None is `none`. An empty variable
  counts as not set.
- **The file**: the table `[tool.autolog]` of the nearest `pyproject.toml`, looked for from the working directory
  upward; `[tool.autolog.torch]` for one plugin.

Within one place, what is said of a plugin wins over what is said of all; between places the order above holds, so
`AUTOLOG_LOG_MODELS=1` also wins over `log_models = false` in `[tool.autolog.torch]`.

`AUTOLOG=0` (or false, no, off) switches everything off. `autolog doctor` shows every value and where it was set.

An option that does not exist, and a value that an option cannot take, is refused by `enable()` with a `SettingsError`
that names the place, wherever it was set.

| option | takes | default | per plugin | what it does |
| --- | --- | --- | --- | --- |
{rows}
"""

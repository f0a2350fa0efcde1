"""The page of the documentation that tells of every option."""

from __future__ import annotations

from autolog.settings.table import OPTIONS, Option

__all__ = ["as_markdown"]


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

"""The file that settings may stand in: the nearest pyproject.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autolog.exceptions import SettingsError

__all__ = ["autolog_table"]


def autolog_table() -> tuple[Path, dict[str, Any]]:
    """Give the nearest pyproject.toml's table for us, and its path; nothing where there is neither."""
    for folder in _folders_upward():
        path = folder / "pyproject.toml"
        try:
            content = path.read_bytes()
        except OSError:
            continue
        return path, _table_in(path, content) if b"tool.autolog" in content else {}
    return Path(), {}


def _folders_upward() -> list[Path]:
    try:
        here = Path.cwd()
    except OSError:  # the working directory was removed
        return []
    return [here, *here.parents]


def _table_in(path: Path, content: bytes) -> dict[str, Any]:
    try:
        table = _parsed(content.decode()).get("tool", {}).get("autolog", {})
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: {error}. Mend it, or take [tool.autolog] out of it.") from None
    if not isinstance(table, dict):
        raise SettingsError(f"tool.autolog in {path} must be a table: write [tool.autolog] and one option a line.")
    return table


def _parsed(text: str) -> dict[str, Any]:
    """Parse; the parser is imported only for a file that speaks of us. Python 3.10 has none of its own."""
    try:
        import tomllib
    except ModuleNotFoundError:
        import tomli as tomllib  # type: ignore[import-not-found, no-redef, unused-ignore]
    return tomllib.loads(text)

"""Writes what the pages take from the code: `python docs/generate.py`.

A piece of a page between `<!-- generated: NAME -->` and `<!-- end -->` is what the function of that name gives; the
settings have a page that is made as a whole.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from captured_calls import backends, calls, containers, versions
from hook_reference import hooks

from autolog.settings.page import as_markdown

_HERE = Path(__file__).parent
_PIECES: Mapping[str, Callable[[], str]] = {
    "backends": backends,
    "calls": calls,
    "containers": containers,
    "hooks": hooks,
    "versions": versions,
}


def pages() -> dict[str, str]:
    """Give each page that has something of the code, as it should be."""
    found = {path.name: path.read_text("utf-8") for path in sorted(_HERE.glob("*.md"))}
    made = {name: _filled(text) for name, text in found.items() if "<!-- generated:" in text}
    return {**made, "settings.md": as_markdown()}


def _filled(text: str) -> str:
    return re.sub(r"(<!-- generated: (\w+) -->\n)(?:.*?\n)??(<!-- end -->)", _piece, text, flags=re.S)


def _piece(found: re.Match[str]) -> str:
    return f"{found[1]}\n{_PIECES[found[2]]()}\n\n{found[3]}"


def main(folder: Path = _HERE) -> None:
    """Write the pages into a folder."""
    for name, text in pages().items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

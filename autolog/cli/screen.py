"""The terminal: one way to write to it, and the look of its tables and headings."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, Literal

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["STATUS_STYLES", "heading", "indented", "rows_table", "screen", "show", "status", "wide"]

_FILE_WIDTH: Final = 160  # columns where nobody sees the line's end

STATUS_STYLES: Final = {"FINISHED": "green", "RUNNING": "cyan", "FAILED": "red", "KILLED": "yellow", "LOST": "yellow"}


def screen() -> Console:
    """Give the terminal; a pipe or a file is a wide one without colours."""
    is_seen = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(markup=False, emoji=False, highlight=False, width=None if is_seen else _FILE_WIDTH)


def show(parts: Iterable[RenderableType]) -> None:
    """Write to stdout; text runs on beyond the line's end rather than be cut."""
    console = screen()
    with console.capture() as captured:
        for part in parts:
            console.print(part, soft_wrap=isinstance(part, (str, Text)))
    sys.stdout.write("".join(f"{line.rstrip(' ')}\n" for line in captured.get().splitlines()))


def status(word: str) -> Text:
    """Give a run's status in its colour."""
    return Text(word, STATUS_STYLES.get(word, ""))


def heading(text: str) -> Text:
    """Give the line above a part."""
    return Text(f"\n{text}", "bold")


def indented(part: RenderableType) -> RenderableType:
    """Set a part under its heading."""
    return Padding(part, (0, 0, 0, 2))


def rows_table(rows: Iterable[Sequence[str | Text]], header: Sequence[str] = (), right: Collection[int] = ()) -> Table:
    """Give a table without lines; long cells fold within their column.

    Args:
        rows: the cells.
        header: the columns' names, none for a table without.
        right: the columns, counted from 0, that stand at the right.
    """
    lines = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=bool(header), header_style="dim")
    for index in range(max(map(len, [header, *lines]), default=0)):
        name = Text(header[index]) if header else ""
        justify: Literal["left", "right"] = "right" if index in right else "left"
        table.add_column(name, justify=justify, overflow="fold", vertical="bottom" if header else "top")
    for line in lines:
        table.add_row(*line)
    return table


def wide(text: str) -> int:
    """Give how many columns a text takes."""
    return cell_len(text)

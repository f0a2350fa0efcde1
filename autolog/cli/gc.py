"""`autolog gc`: says what may be removed and how much that is, asks, and removes it."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click

from autolog.cli.places import folder_of, open_store, store_option
from autolog.cli.screen import rows_table, show, status
from autolog.exceptions import UsageError
from autolog.store.gc import Garbage, find_garbage
from autolog.text import counted, moment, short, size, visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from autolog.store.base import Store

__all__ = ["command"]

_Sized: TypeAlias = "tuple[Garbage, int]"  # and how many bytes it takes
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}


@click.command("gc")
@store_option
@click.option(
    "--older-than", "age", metavar="DATE", help="Also runs that ended before: 2026-01-31, or 30d, 12h, 4w ago."
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(place: str | None, age: str | None, dry_run: bool, yes: bool) -> None:
    """Remove the files of deleted runs for good, and of old ones when asked; never one that is going on."""
    before = None if age is None else _moment(age)
    folder = folder_of(place)
    store = open_store(place)
    found = _garbage(store, before, folder)
    if not found:
        click.echo(f"nothing to remove in {visible(store.uri)}")
        return
    show([rows_table(map(_row, found), ["run", "name", "status", "started", "why", "runs", "size"], right=[5, 6])])
    if dry_run:
        click.echo(f"\n{_total(found)}; nothing was removed")
        return
    if not yes:
        _ask(_total(found))
    agreed = {each.path for each, _ in found}
    still = [pair for pair in _garbage(store, before, folder) if pair[0].path in agreed]
    for each, _ in still:
        store.remove(each.run.run_id)
    left = [each.path for each, _ in _garbage(store, before, folder) if each.path in agreed]
    if left:
        raise click.ClickException(f"could not be removed: {', '.join(left)}; see who owns them in {folder}")
    click.echo(f"removed {_total(still)}")


def _garbage(store: Store, before: datetime | None, folder: Path | None) -> list[_Sized]:
    """Give what may go and its size; a deleted child whose files have gone is done with."""
    if folder is None:
        raise UsageError(f"{store.uri} is not a local folder; remove runs there with its own tools")
    sized = [(each, _bytes_below(folder / each.path)) for each in find_garbage(store, before)]
    return [(each, count) for each, count in sized if (folder / each.path).is_dir()]


def _bytes_below(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def _total(found: Sequence[_Sized]) -> str:
    return f"{counted(sum(each.runs for each, _ in found), 'run')}, {size(sum(count for _, count in found))}"


def _row(pair: _Sized) -> Sequence[Any]:
    each, count = pair
    run = each.run
    facts = [
        run.run_id[:8],
        short(visible(run.run_name or ""), 24),
        status(visible(run.status)),
        moment(run.start_time),
    ]
    return [*facts, each.reason, str(each.runs), size(count)]


def _ask(total: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to be asked; give --yes to remove them, or --dry-run to only look")
    if not click.confirm(f"\nRemove {total}, for good?"):
        raise click.ClickException("nothing was removed")


def _moment(text: str) -> datetime:
    """Read a date, in this machine's time zone, or how long ago."""
    ago = re.fullmatch(r"(\d{1,6})([hdw])", text.strip())
    try:
        if ago is not None:
            return datetime.now().astimezone() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(f"--older-than {text}: give a date such as 2026-01-31, or 30d, 12h or 4w") from None

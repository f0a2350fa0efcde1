"""`autolog sync`: sends what is left to be delivered, with a bar that says how far it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from autolog import session
from autolog.delivery.cursors import public_uri
from autolog.delivery.spool import spool_folder, sweep
from autolog.delivery.syncing import Sent, Task, deliver, tasks
from autolog.exceptions import UsageError
from autolog.text import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["command"]


@click.command("sync")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--to", "to", metavar="URI", help="Where to. Otherwise where each run was meant to go.")
def command(path: Path | None, to: str | None) -> int:
    """Deliver what is left of the runs in PATH: a folder of runs, or one run's. It can be repeated at any time.

    Without PATH these are the runs that wait in your state folder for a server, and those in the folder that is
    recorded to.
    """
    roots = _roots(path)
    wanted = [task for root in roots for task in tasks(root, to)]
    if not wanted:
        click.echo(f"nothing is left to be delivered in {', '.join(map(str, roots)) or spool_folder()}")
        return 0
    left = [each for each in _with_bar(wanted) if _say(each)]
    sweep(spool_folder())
    return 1 if left else 0


def _roots(path: Path | None) -> list[Path]:
    if path is not None:
        if not path.is_dir():
            raise UsageError(f"{path} is no folder; give one of runs, such as ./autolog-runs")
        return [path.absolute()]
    places = dict.fromkeys([spool_folder(), session.get().folder])
    return [place for place in places if place.is_dir()]


def _with_bar(wanted: list[Task]) -> Iterator[Sent]:
    """Deliver, with a bar on stderr where that is a terminal."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        shown = bar.add_task(f"delivering {counted(len(wanted), 'run')}", total=sum(task.size for task in wanted))
        yield from deliver(wanted, session.get().open_backend, lambda count: bar.advance(shown, count))


def _say(sent: Sent) -> bool:
    """Write what became of a run; True where it is left."""
    uri, run = visible(public_uri(sent.task.uri)), sent.task.folder.name
    if sent.state == "left":
        click.echo(f"autolog: run {run} is left for {uri}: {visible(sent.reason)}", err=True)
    elif sent.state == "busy":
        click.echo(f"run {run}: another process is delivering it to {uri}")
    elif sent.state == "gone":
        click.echo(f"run {run}: is there no more; another process has delivered it, or it was deleted")
    else:
        click.echo(f"run {run}: delivered to {uri}")
    return sent.state == "left"

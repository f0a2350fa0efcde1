"""`autolog compact`: the series of finished runs as Parquet files, for other programs."""

from __future__ import annotations

from collections import Counter

import click

from autolog.cli.places import folder_of, open_store, store_option
from autolog.exceptions import UsageError
from autolog.store.compact import FILE, compact
from autolog.store.journals import JournalStore
from autolog.text import counted, visible

__all__ = ["command"]


@click.command("compact")
@store_option
def command(place: str | None) -> None:
    """Write the metrics of finished runs into Parquet files beside their journals, which stay as they are."""
    folder, store = folder_of(place), open_store(place)
    if folder is None or not isinstance(store, JournalStore):
        raise UsageError(f"{store.uri} is not a local folder; copy it to one, and give that as --store")
    said = Counter(compact(store.files, folder))
    click.echo(f"wrote {counted(said['packed'], 'file')}: {visible(str(folder))}/*/{FILE}")
    if said["unchanged"]:
        click.echo(f"{counted(said['unchanged'], 'run')} had nothing new")
    if said["going on"]:
        click.echo(f"{counted(said['going on'], 'run')} still going on; say this again when they have ended")

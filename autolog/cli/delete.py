"""`autolog delete`: marks a run as deleted; its files stay until `autolog gc`."""

from __future__ import annotations

import click

import autolog
from autolog.cli.places import find_run, open_store, store_option
from autolog.text import visible

__all__ = ["command"]


@click.command("delete")
@click.argument("run_id", metavar="RUN")
@store_option
def command(run_id: str, place: str | None) -> None:
    """Mark RUN and its children as deleted: an id, the beginning of one, or `last`."""
    store = open_store(place)
    run = find_run(store, run_id)
    autolog.delete_run(run.run_id, store)
    click.echo(f"deleted {run.run_id} {visible(run.run_name or '')}; `autolog gc` removes its files")

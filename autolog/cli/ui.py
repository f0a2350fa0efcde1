"""`autolog ui`: runs in a browser."""

from __future__ import annotations

import click

from autolog.cli.places import open_store, store_option
from autolog.exceptions import UsageError
from autolog.text import visible

__all__ = ["command"]


@click.command("ui")
@store_option
@click.option("--host", default="127.0.0.1", help="Listen at this address; any but this machine's own needs a token.")
@click.option("--port", type=click.IntRange(0, 65535), help="Listen at this port; a free one where not given.")
@click.option("--no-open", "stays_closed", is_flag=True, help="Open no browser.")
def command(place: str | None, host: str, port: int | None, stays_closed: bool) -> None:
    """Look at runs in a browser, also while they are running."""
    try:
        from autolog.ui.serving import open_browser, serve
    except ImportError as error:
        raise UsageError(f'{error}: install what the page needs, pip install "autolog-ml[ui]"') from error
    store = open_store(place)

    def announce(address: str) -> None:
        click.echo(f"{visible(store.uri)} is shown at {address} (Ctrl-C ends it)")
        if not stays_closed:
            open_browser(address)

    serve(store, host, port, announce)

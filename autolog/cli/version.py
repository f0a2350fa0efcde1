"""`autolog version`."""

from __future__ import annotations

import click

import autolog

__all__ = ["command"]


@click.command("version")
def command() -> None:
    """Print the version."""
    click.echo(f"autolog {autolog.__version__}")

"""The command `autolog`: finds the subcommand, imports no other, and gives every error one line and an exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

import click

import autolog
from autolog.exceptions import AutologError, UsageError
from autolog.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_FAILED: Final = 1
_MISUSED: Final = 2

_COMMANDS: Final = ("run", "runs", "show", "ui", "delete", "gc", "compact", "sync", "doctor", "version")


class _Commands(click.Group):
    """The subcommands, each in a module of its own that is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        found = importlib.import_module(f"autolog.cli.{cmd_name}").command
        return found if isinstance(found, click.Command) else None


@click.group(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(autolog.__version__, message="autolog %(version)s")
@click.pass_context
def _autolog(context: click.Context) -> None:
    """Record training runs, and look at what was recorded."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, and give its exit code.

    Args:
        arguments: without the program's name; those of this process where not given.
    """
    _write_anything(sys.stdout, sys.stderr)
    try:
        code = _invoke(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_left()
    except (KeyboardInterrupt, click.Abort):
        return 128 + signal.SIGINT
    except (click.ClickException, AutologError, OSError) as error:
        return _failed(error)
    return code


def _invoke(arguments: list[str]) -> int:
    """Run a command; not by click's own `main`, which takes a broken pipe for a failure."""
    try:
        with _autolog.make_context("autolog", arguments) as context:
            code = _autolog.invoke(context)
    except click.exceptions.Exit as end:  # of `--help` and `--version`
        return end.exit_code
    return code if isinstance(code, int) else 0


def _write_anything(*streams: object) -> None:
    """Have a character that the terminal's encoding lacks written as its escape rather than raise."""
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _reader_left() -> int:
    """The reader of our output wants no more (`autolog runs | head`): end quietly, as by the signal that tells so."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + 13


def _failed(error: Exception) -> int:
    """Say what went wrong."""
    text = error.format_message() if isinstance(error, click.ClickException) else str(error)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        text = f"{text.rstrip('.')}; see `{error.ctx.command_path} --help`"
    lines = [visible(line) for line in text.splitlines()] or [type(error).__name__]
    sys.stdout.flush()
    click.echo("\n".join([f"autolog: {lines[0]}", *lines[1:]]), err=True)
    return _MISUSED if isinstance(error, (click.UsageError, UsageError)) else _FAILED

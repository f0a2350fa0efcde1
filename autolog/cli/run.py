"""`autolog run`: starts the program in place of this process, with autolog switched on before its first line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import click

import autolog
from autolog.exceptions import SettingsError, UsageError
from autolog.settings.sources import check
from autolog.settings.table import OPTIONS

__all__ = ["command"]

_LAUNCH: Final = Path(__file__).parent / "launch"


@click.command("run", context_settings={"allow_interspersed_args": False}, options_metavar="[OPTIONS] [-m]")
@click.option("-m", "is_module", is_flag=True, help="The program is a module, as for `python -m`.")
@click.option("--backend", metavar="URI", multiple=True, help="Where runs go; may be given several times.")
@click.option("--experiment", metavar="NAME", help="The experiment of the runs.")
@click.option("--plugin", "plugins", metavar="NAME", multiple=True, help="Record this framework, not all of them.")
@click.option("--silent", is_flag=True, help="Write no line to the console.")
@click.option("-o", "--option", "texts", metavar="NAME=VALUE", multiple=True, help="Any option; see docs/settings.md.")
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(
    is_module: bool,
    backend: tuple[str, ...],
    experiment: str | None,
    plugins: tuple[str, ...],
    silent: bool,
    texts: tuple[str, ...],
    program: str,
    arguments: tuple[str, ...],
) -> None:
    """Run a program with its arguments, and record it: a script, or with -m a module.

    It sees just what it would under `python PROGRAM ARGUMENTS…`, and ends as it would.
    """
    options = dict(map(_parsed, texts))
    named = {"backend": list(backend), "experiment": experiment, "silent": silent}
    options.update({name: value for name, value in named.items() if value})
    _check(plugins, options)
    named_so = ["-m", program] if is_module else [program]
    _start([*_interpreter_flags(), *named_so, *arguments], {"plugins": plugins, "options": options})


def _parsed(text: str) -> tuple[str, Any]:
    """Read `NAME=VALUE`, the value written as in the environment."""
    name, equals, value = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals:
        raise UsageError(f"-o {text}: an option is given as NAME=VALUE")
    if name not in OPTIONS:
        check({name: value})  # says which there are
    option = OPTIONS[name]
    try:
        return name, option.kind.parse(value)
    except ValueError:
        raise SettingsError(f"-o {text}: {name} must be {option.kind.words}") from None


def _check(plugins: tuple[str, ...], options: dict[str, Any]) -> None:
    """Have everything that is wrong with the options said here, before the program starts."""
    if sys.flags.no_site or sys.flags.ignore_environment:
        raise UsageError("autolog run cannot work under python -S, -E or -I; call autolog.enable() in the program")
    autolog.enable(*plugins, **{**options, "silent": True})
    autolog.disable()


def _interpreter_flags() -> list[str]:
    """Give what this interpreter was started with before the name of this program: `-W error`, `-X dev` and so on."""
    flags = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv)]
    if flags and flags[-1].startswith("-") and flags[-1].endswith("m"):
        flags[-1] = flags[-1].removesuffix("m")
    return [flag for flag in flags if flag != "-"]


def _start(arguments: list[str], asked: dict[str, Any]) -> NoReturn:
    """Become the program; where a process cannot become another, wait for it and end as it does."""
    path = os.environ.get("PYTHONPATH")
    ahead = str(_LAUNCH) if not path else f"{_LAUNCH}{os.pathsep}{path}"
    environment = {**os.environ, "PYTHONPATH": ahead, "AUTOLOG_RUN": json.dumps({**asked, "pythonpath": path})}
    sys.stdout.flush()
    sys.stderr.flush()
    command_line = [sys.executable, *arguments]
    if os.name == "nt":
        sys.exit(subprocess.call(command_line, env=environment))  # noqa: S603 (the user's own program)
    os.execve(sys.executable, command_line, environment)  # noqa: S606

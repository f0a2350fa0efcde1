"""Distributions with plugins, made on the fly, and programs that see them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["PLUGIN", "distribution", "plugin", "told"]


def distribution(
    folder: Path,
    name: str,
    entry_points: Mapping[str, Mapping[str, str]] = {},
    modules: Mapping[str, str] = {},
    version: str = "1.0",
    requires: tuple[str, ...] = (),
) -> None:
    """Install a distribution into a folder, as pip leaves it behind."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    needed = "".join(f"Requires-Dist: {each}\n" for each in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}")
    groups = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in each.items()) for group, each in entry_points.items()]
    (info / "entry_points.txt").write_text("\n".join(groups))
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(textwrap.dedent(text))
    (info / "RECORD").write_text("".join(f"{module}.py,,\n" for module in modules))


FRAMEWORK = """
def train(rows):
    return sum(rows)
"""

PLUGIN = """
import autolog
seen = []

def on_train(call):
    run = call.start_run(call.name)
    if run is None:
        return
    outcome = yield None
    run.log_metric("result", outcome.result)

@autolog.hookimpl
def autolog_patches(patches):
    import {framework}
    patches.function({framework}, "train", on_train)
"""


def plugin(folder: Path, framework: str, text: str = PLUGIN, **options: Any) -> None:
    """Install a framework and a plugin for it, as two distributions."""
    distribution(folder, framework, modules={framework: FRAMEWORK})
    entry_points = {"autolog.plugins": {framework: f"plugin_{framework}"}}
    modules = {f"plugin_{framework}": text.format(framework=framework)}
    distribution(folder, f"plugin-{framework}", entry_points, modules, **options)


def run(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run a program that sees the folder's distributions and records silently."""
    begin = "import json, logging, sys\nimport autolog\nfrom autolog import session\n"
    variables = {**os.environ, "PYTHONPATH": str(folder), "AUTOLOG_SILENT": "1"}
    command = [sys.executable, "-c", begin + textwrap.dedent(program)]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)


def told(folder: Path, program: str) -> Any:
    """Run a program that prints one JSON value, and give it."""
    done = run(folder, program)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr

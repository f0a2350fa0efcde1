"""Projects that live outside, as one installs and tries them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["install", "own_tests", "python"]


def install(project: Path, site: Path) -> None:
    """Install a project into a folder as anyone would, from its own pyproject.toml."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target", str(site)]
    python(["-m", "pip", "install", *options, str(project)], site.parent)


def own_tests(project: Path, site: Path, *options: str, **environment: str) -> str:
    """Run a project's tests where it is installed, and give the line that sums them up; none may fail."""
    shown = {"PYTHONPATH": os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])]), **environment}
    return python(["-m", "pytest", "-q", "-p", "no:cacheprovider", *options], project, **shown).splitlines()[-1]


def python(command: list[str], folder: Path, **environment: str) -> str:
    """Run Python in a folder, and give its output; it must not fail."""
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

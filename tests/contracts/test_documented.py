"""The walk-throughs of the documentation: what they write is installed as they say, and its own tests pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pages import ROOT, files

WALKS = ["writing-a-plugin", "writing-a-backend"]


@pytest.mark.parametrize("page", WALKS)
def test_what_a_walk_through_writes_works(page: str, tmp_path: Path) -> None:
    """Its distribution installs, its programs run, and of its tests none is failed or skipped."""
    project, site = tmp_path / "project", tmp_path / "site"
    written = files(ROOT / "docs" / f"{page}.md")
    project.mkdir()
    for name, text in written.items():
        (project / name).write_text(text, "utf-8")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target", str(site)]
    does(["pip", "install", *options, str(project)], tmp_path)
    shown = {"PYTHONPATH": os.pathsep.join([str(site), str(project), os.environ.get("PYTHONPATH", "")])}
    for name in filter(written.__contains__, ("record.py", "look.py")):
        does([str(project / name)], tmp_path, module=False, **shown)
    tests = [name for name in written if name.startswith("test_")]
    said = does(["pytest", "-q", "-p", "no:cacheprovider", *tests], project, **shown).splitlines()[-1]
    assert "passed" in said
    assert "skipped" not in said


def does(command: list[str], folder: Path, *, module: bool = True, **environment: str) -> str:
    """Run Python, which must not fail; gives its output."""
    begin = [sys.executable, "-m"] if module else [sys.executable]
    variables = {**os.environ, **environment}
    done = subprocess.run([*begin, *command], cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

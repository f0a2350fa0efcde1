"""The walk-throughs of the documentation: what they write is installed as they say, and its own tests pass."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pages import ROOT, files
from projects import install, own_tests, python

WALKS = ["writing-a-plugin", "writing-a-backend"]


@pytest.mark.parametrize("page", WALKS)
def test_what_a_walk_through_writes_works(page: str, tmp_path: Path) -> None:
    """Its distribution installs, its programs run, and of its tests none is failed or skipped."""
    project, site = tmp_path / "project", tmp_path / "site"
    written = files(ROOT / "docs" / f"{page}.md")
    project.mkdir()
    for name, text in written.items():
        (project / name).write_text(text, "utf-8")
    install(project, site)
    shown = {"PYTHONPATH": os.pathsep.join([str(site), str(project), os.environ.get("PYTHONPATH", "")])}
    for name in filter(written.__contains__, ("record.py", "look.py")):
        python([str(project / name)], tmp_path, **shown)
    said = own_tests(project, site, *(name for name in written if name.startswith("test_")), **shown)
    assert "passed" in said
    assert "skipped" not in said

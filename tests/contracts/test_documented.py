"""The documentation's contract holds the documentation's plugin to what plugins promise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distributions import TINYBOOST, distribution, documented


def test_the_documented_plugin_passes_the_documented_contract(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed as the page says, nothing is failed or skipped."""
    modules = {"tinyboost": TINYBOOST, "autolog_tinyboost": documented("plugins.md")}
    distribution(
        tmp_path / "site", "autolog-tinyboost", {"autolog.plugins": {"tinyboost": "autolog_tinyboost"}}, modules
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]))
    pytester.makepyfile(documented("testing.md"))
    outcomes = pytester.runpytest_subprocess("-q").parseoutcomes()
    assert outcomes == {"passed": outcomes["passed"]}

"""The CatBoost plugin of `examples/`, which lives outside: installed, found, small, and walked through truthfully."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from projects import install, own_tests
from sizes import code_lines

EXAMPLE = Path(__file__).parents[1] / "examples" / "autolog-catboost"
MODULE = EXAMPLE / "autolog_catboost.py"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the example is installed into as anyone would, from its own pyproject.toml."""
    pytest.importorskip("catboost")
    folder = tmp_path_factory.mktemp("installed")
    install(EXAMPLE, folder)
    return folder


def test_its_own_tests_pass_where_it_is_installed(installed: Path, tmp_path: Path) -> None:
    """autolog finds it by its entry point, and it records what its tests ask for."""
    assert re.search(r"\d\d passed", own_tests(EXAMPLE, installed, f"--basetemp={tmp_path / 'tests'}"))


def test_it_is_a_page() -> None:
    """The hooks suffice for a plugin of at most 120 lines of code."""
    assert 50 < code_lines(MODULE) <= 120


def test_it_uses_public_names_only() -> None:
    """It imports nothing of autolog's that begins with an underscore, and none of autolog's plugins."""
    imports = [line for line in MODULE.read_text("utf-8").splitlines() if re.match(r"(from|import) autolog", line)]
    assert imports
    assert [line for line in imports if re.search(r"[ .,]_|autolog_", line)] == []


def test_its_readme_shows_what_is_there() -> None:
    """Each block of code in it stands so in the module or in pyproject.toml."""
    page = (EXAMPLE / "README.md").read_text("utf-8")
    sources = {"python": MODULE.read_text("utf-8"), "toml": (EXAMPLE / "pyproject.toml").read_text("utf-8")}
    blocks = re.findall(r"```(python|toml)\n(.*?)```", page, re.S)
    pieces = [(kind, piece.strip("\n")) for kind, text in blocks for piece in text.split("\n\n")]
    assert {kind for kind, _ in pieces} == {"python", "toml"}
    assert [piece for kind, piece in pieces if piece not in sources[kind]] == []

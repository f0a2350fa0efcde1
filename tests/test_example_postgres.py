"""The PostgreSQL backend of `examples/`, which lives outside: installed, found, and tried against a server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import postgres
from projects import install, own_tests
from sizes import code_lines

EXAMPLE = Path(__file__).parents[1] / "examples" / "autolog-postgres"
PACKAGE = EXAMPLE / "autolog_postgres"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the example is installed into as anyone would, from its own pyproject.toml."""
    pytest.importorskip("psycopg")
    folder = tmp_path_factory.mktemp("installed")
    install(EXAMPLE, folder)
    return folder


@pytest.mark.skipif(not postgres.is_here(), reason="PostgreSQL is not installed")
def test_its_own_tests_pass_where_it_is_installed(installed: Path, tmp_path: Path) -> None:
    """autolog finds it by its entry point, and what it writes into a server's tables is what its tests ask for."""
    with postgres.running() as uri:
        said = own_tests(EXAMPLE, installed, f"--basetemp={tmp_path / 'tests'}", TEST_POSTGRES=uri)
    assert re.search(r"\d\d passed in", said), "some were skipped"


def test_it_is_a_few_pages() -> None:
    """The hooks suffice for a database's tables and the store that reads them, in at most 350 lines of code."""
    assert 150 < code_lines(PACKAGE) <= 350


def test_it_uses_public_names_only() -> None:
    """It imports nothing of autolog's that begins with an underscore, and none of autolog's backends."""
    sources = "\n".join(path.read_text("utf-8") for path in PACKAGE.glob("*.py"))
    imports = [line.strip() for line in sources.splitlines() if re.match(r"\s*(from|import) autolog\b", line)]
    assert imports
    assert [line for line in imports if re.search(r"[ .,]_|autolog_", line)] == []


def test_its_readme_shows_what_is_there() -> None:
    """Each block of code in it stands so in the package, but for the one that is a user's."""
    page = (EXAMPLE / "README.md").read_text("utf-8")
    sources = "\n".join(path.read_text("utf-8") for path in PACKAGE.glob("*.py"))
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    shown = [block.strip("\n") for block in blocks if not block.startswith("autolog.enable")]
    assert len(shown) == 3
    assert [block for block in shown if block not in sources] == []

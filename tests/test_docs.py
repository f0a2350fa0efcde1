"""The documentation: its site builds, its links lead somewhere, its programs and commands work."""

from __future__ import annotations

import functools
import importlib
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import click
import pytest

from autolog import hookspecs
from autolog.cli import _autolog
from autolog.settings.table import OPTIONS
from pages import PAGES, ROOT, anchors, blocks, commands, files, links, mentioned, program

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OTHERS = sorted([*ROOT.glob("examples/*/README.md"), ROOT / "benchmarks" / "README.md", ROOT / "CHANGELOG.md"])
"""Pages that are no part of the documentation, which have links too."""


def named(pages: list[Path]) -> list[object]:
    """Parameters of a test, one for each page."""
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages]


def test_the_site_builds(tmp_path: Path) -> None:
    """No page is left out, no link or anchor is broken, and no page loads anything from another host."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(ROOT / "docs"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    made = {path.stem: path.read_text("utf-8") for path in tmp_path.glob("*.html")}
    assert {page.stem for page in PAGES if page.parent != ROOT} <= set(made)
    loaded = r"""<(?:script|img|iframe)[^>]+src="(?:https?:)?//|<link[^>]+href="(?:https?:)?//|@import"""
    assert [name for name, text in made.items() if re.search(loaded, text)] == []


def test_what_pages_take_from_the_code_is_what_the_code_says(tmp_path: Path) -> None:
    """The tables of settings, hooks and calls; write them again by `python docs/generate.py`."""
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    made = {path.name: path.read_text("utf-8") for path in tmp_path.glob("*.md")}
    assert set(made) >= {"captured.md", "hooks.md", "settings.md"}
    stale = [name for name, text in made.items() if text != (ROOT / "docs" / name).read_text("utf-8")]
    assert stale == [], "run: python docs/generate.py"


@pytest.mark.parametrize("page", named([*PAGES, *OTHERS]))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    """Those within the repository, as one follows them in a checkout."""
    wrong = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not re.match(r"https?:", link) and not (target.exists() and (not anchor or anchor in anchors(target))):
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize("page", named([page for page in PAGES if program(page).strip()]))
def test_the_program_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """All of its blocks one after another, in an empty folder."""
    script = tmp_path / "program.py"
    script.write_text(program(page), "utf-8")
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_few_blocks_are_not_run() -> None:
    """Each says why; what can run anywhere does."""
    reasons = [block.about for page in PAGES for block in blocks(page) if block.kind == "not run"]
    assert all(reason.startswith("needs ") for reason in reasons)
    assert len(reasons) <= 5


@pytest.mark.parametrize("page", named([page for page in PAGES if commands(page)]))
def test_the_commands_of_a_page_are_understood(page: Path) -> None:
    """The command line takes each as it stands: the command exists, and so do its options."""
    for line in commands(page):
        words = shlex.split(line.partition(" | ")[0], comments=True)[1:]
        with click.Context(_autolog) as context:
            name, command, arguments = _autolog.resolve_command(context, words)
            assert command is not None, line
            command.make_context(name, arguments, parent=context)


@pytest.mark.parametrize("page", named([page for page in PAGES if mentioned(page)]))
def test_the_commands_that_a_page_speaks_of_exist(page: Path) -> None:
    """With the options that stand beside them; what follows `autolog run` may be the program's."""
    for text in mentioned(page):
        _, name, *words = text.split()
        if name in ("run", "COMMAND"):
            continue
        command = _autolog.get_command(click.Context(_autolog), name)
        assert command is not None, text
        known = {option for each in command.params for option in each.opts}
        assert {word.strip("[]") for word in words if word.lstrip("[").startswith("--")} <= known, text


def test_the_extras_that_are_named_exist() -> None:
    """In every line that installs some."""
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"])
    found = re.findall(r"(?:autolog-ml|\.)\[([\w,]+)\]", "\n".join(page.read_text("utf-8") for page in PAGES))
    assert found
    assert {name for names in found for name in names.split(",")} <= extras


HOOKS = [name for name, hook in vars(hookspecs).items() if hasattr(hook, "autolog_spec")]


@pytest.mark.parametrize("name", [*HOOKS, *OPTIONS])
def test_what_is_offered_is_documented_and_tested(name: str) -> None:
    """Each hook and each setting is told of on a page, and implemented or set by a test."""
    assert any(f"`{name}" in page.read_text("utf-8") or f"### {name}" in page.read_text("utf-8") for page in PAGES)
    used = rf"(?<![\w.])(?:def )?{name}(?:\(|=(?!=))|[\"']{name}[\"']|AUTOLOG_{name.upper()}"
    assert any(re.search(used, text) for text in _tests())


@cache
def _tests() -> list[str]:
    walks = [text for page in PAGES for text in files(page).values()]
    return walks + [path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]


def test_the_functions_that_pages_speak_of_exist() -> None:
    """Each name below `autolog`, of the package or of a module of it, but for tags and entry points' groups."""
    text = "\n".join(page.read_text("utf-8") for page in [*PAGES, *OTHERS])
    found = set(re.findall(r"(?<![\w./-])autolog\.([a-z_]+(?:\.\w+)*)", text))
    tags = re.findall(r"autolog\.(\w+)", "\n".join(re.findall(r"^\| (`autolog\..+?) \|", text, re.M)))
    assert len(found) > 30
    assert [name for name in sorted(found - {*tags, "plugins", "backends"}) if not _exists(name)] == []


def _exists(name: str) -> bool:
    for count in range(name.count(".") + 1, -1, -1):
        parts = name.split(".")
        try:
            thing = importlib.import_module(".".join(["autolog", *parts[:count]]))
        except ImportError:
            continue
        return functools.reduce(lambda held, part: getattr(held, part, None), parts[count:], thing) is not None
    return False

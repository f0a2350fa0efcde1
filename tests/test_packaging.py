"""The distribution: what is in the tree is packaged, registered, and works when it is installed elsewhere."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
HEAVY = (
    "numpy",
    "psutil",
    "pandas",
    "sklearn",
    "torch",
    "xgboost",
    "lightgbm",
    "polars",
    "pyarrow",
    "scipy",
    "joblib",
    "rich",
    "click",
)


OF_ONE_FRAMEWORK = {"autolog_pytorch_lightning": "autolog_lightning"}
"""A plugin whose framework is another's under an older import name, and whose that other is."""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def folders(room: str) -> set[str]:
    return {path.parent.name for path in (ROOT / room).glob("*/__init__.py")}


def test_every_folder_of_a_room_is_packaged_and_registered(project: dict[str, Any]) -> None:
    """The folders of plugins/ and backends/, hatch's packages and the entry points are the same set."""
    packaged = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert packaged == {"autolog"} | {f"{room}/{name}" for room in ("plugins", "backends") for name in folders(room)}
    groups = project["project"]["entry-points"]
    assert set(groups["autolog.plugins"].values()) == folders("plugins")
    assert set(groups["autolog.backends"].values()) == folders("backends")


def test_every_plugin_has_an_extra_of_its_name(project: dict[str, Any]) -> None:
    """The extra named like the entry point states the supported range, and `all` holds them all."""
    extras = project["project"]["optional-dependencies"]
    plugins = set(project["project"]["entry-points"]["autolog.plugins"])
    assert plugins <= set(extras)
    assert all(
        f"autolog_{name}" == value for name, value in project["project"]["entry-points"]["autolog.plugins"].items()
    )
    named = extras["all"][0].partition("[")[2].rstrip("]").split(",")
    assert set(named) == set(extras) - {"all", "dev", "docs", "plots", "skops"}  # which are not light


def test_the_installed_entry_points_are_those_of_the_file(project: dict[str, Any]) -> None:
    """An entry point that was added is not seen until the package is installed again; this says so."""
    for group, entries in project["project"]["entry-points"].items():
        ours = {entry.name for entry in entry_points(group=group) if entry.dist and entry.dist.name == "autolog-ml"}
        assert ours == set(entries), "run: pip install -e '.[dev]'"


def test_every_package_is_typed() -> None:
    """Each package carries its py.typed."""
    packages = [ROOT / "autolog", *(ROOT / room / name for room in ("plugins", "backends") for name in folders(room))]
    assert [package.name for package in packages if not (package / "py.typed").is_file()] == []


def test_plugins_import_public_names_only() -> None:
    """No plugin or backend of ours uses a name of the core that begins with an underscore, or another plugin."""
    wrong = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for room in ("plugins", "backends")
        for path in (ROOT / room).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if line.startswith(("from autolog", "import autolog"))
        and (" _" in line.partition(" import ")[2] or "._" in line or not _may_import(path, line))
    ]
    assert wrong == []


def _may_import(path: Path, line: str) -> bool:
    package = line.split()[1].partition(".")[0]
    own = next(part for part in path.parts if part.startswith("autolog_"))
    return package in ("autolog", own, OF_ONE_FRAMEWORK.get(own))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Iterator[Path]:
    """An environment with the wheel and the core's dependencies, and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True, capture_output=True)
    yield python


def run(python: Path, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    """No test, no stray file of a room lands in site-packages; the grammar of filters does."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    expected = {"autolog"} | folders("plugins") | folders("backends")
    assert {top for top in tops if not top.endswith(".dist-info")} == expected
    assert any(name.endswith("LICENSE") for name in names)


def test_without_any_extra_autolog_works_and_imports_nothing_heavy(bare: Path, tmp_path: Path) -> None:
    """A run can be logged, found and shown where no framework is installed."""
    code = f"""
import autolog, sys, json
autolog.enable()
loaded = [name for name in {HEAVY!r} if name in sys.modules]
with autolog.start_run(run_name="bare") as run:
    autolog.log_param("C", 1.5)
    autolog.log_metric("loss", 0.25, step=3)
found = autolog.search_runs(filter_string="params.C = 1.5", output_format="list")
later = [name for name in {HEAVY!r} if name in sys.modules]
print(json.dumps([loaded, [each.run_name for each in found], found[0].metrics, later]))
"""
    done = run(bare, code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[], ["bare"], {"loss": 0.25}, []]


def test_the_command_of_the_wheel_works(bare: Path, tmp_path: Path) -> None:
    """`autolog run`, `autolog doctor` and `python -m autolog runs` work outside of the tree."""
    (tmp_path / "script.py").write_text("import autolog; autolog.log_param('C', 1)", "utf-8")
    installed = bare.with_name("autolog")
    for command in ([installed, "run", "script.py"], [installed, "doctor"], [bare, "-m", "autolog", "runs", "--json"]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout


def test_every_test_says_what_behaviour_it_shows() -> None:
    """Each test function has a docstring, and it is a sentence."""
    silent = [
        f"{path.name}::{node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
        if " " not in (ast.get_docstring(node) or "")
    ]
    assert silent == []

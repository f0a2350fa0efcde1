"""Being told of an import leaves the module as it would have been."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from autolog.loading.importing import is_imported, when_imported


def write_module(folder: Path, name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a module that can be imported until the test ends."""
    (folder / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def test_tells_once_when_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody who waits is told once, with the executed module, and not again at a reload."""
    name = write_module(tmp_path, "autolog_waited_for", "value = 1", monkeypatch)
    told: list[object] = []
    when_imported(name, lambda module: told.append(module.value))
    when_imported(name, told.append)
    assert not is_imported(name)
    module = importlib.import_module(name)
    importlib.reload(module)
    assert told == [1, module]
    assert is_imported(name)


def test_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module has the loader that Python itself gives it, in both places."""
    name = write_module(tmp_path, "autolog_traced", "", monkeypatch)
    when_imported(name, lambda module: None)
    module = importlib.import_module(name)
    assert type(module.__loader__) is SourceFileLoader
    assert module.__spec__ is not None
    assert module.__spec__.loader is module.__loader__


def test_looking_is_not_importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that only asks whether a module is there gets its spec, and nobody is told."""
    name = write_module(tmp_path, "autolog_looked_for", "", monkeypatch)
    told: list[object] = []
    when_imported(name, told.append)
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    assert spec.loader.is_package(name) is False  # type: ignore[attr-defined]
    assert not told


def test_a_failing_module_fails_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a module raises goes to its importer; nobody is told until an import succeeds."""
    name = write_module(tmp_path, "autolog_failing", "raise LookupError('no')", monkeypatch)
    told: list[object] = []
    when_imported(name, told.append)
    with pytest.raises(LookupError, match="no"):
        importlib.import_module(name)
    assert not told
    (tmp_path / f"{name}.py").write_text("value = 'a longer source'")
    importlib.invalidate_caches()
    assert [importlib.import_module(name)] == told


def test_what_is_not_there_is_not_found() -> None:
    """Waiting for a module that does not exist changes nothing."""
    when_imported("autolog_does_not_exist", lambda module: None)
    with pytest.raises(ModuleNotFoundError, match="autolog_does_not_exist"):
        importlib.import_module("autolog_does_not_exist")

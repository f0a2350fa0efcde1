"""Deleting runs, removing them for good, and the health of a store."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

import autolog
from autolog.cli import main
from autolog.store.gc import find_garbage
from autolog.store.journals import JournalStore
from autolog_files import LocalFiles


def _run(name: str) -> str:
    with autolog.start_run(run_name=name) as run:
        autolog.log_text("x" * 1000, "a.txt")
        with autolog.start_run(run_name=f"{name}'s child", nested=True):
            autolog.log_text("y" * 2000, "b.txt")
    return run.run_id


@pytest.fixture
def runs(store: Path) -> dict[str, str]:
    """The ids of three finished runs, each with a child, by their names."""
    autolog.enable(backend=store, silent=True)
    return {name: _run(name) for name in ("one", "two", "three")}


def _reader(store: Path) -> JournalStore:
    return JournalStore(str(store), LocalFiles(store))


def _folders(store: Path) -> set[str]:
    return {path.name for path in store.iterdir()}


def test_a_deleted_run_is_passed_over_and_gc_removes_it(
    store: Path, runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """`delete` marks; `gc` says what goes, removes it with its children, and nothing else."""
    assert main(["delete", runs["two"][:16], "--store", str(store)]) == 0
    assert {run.run_name for run in _reader(store).runs() if not run.parent_run_id} == {"one", "three"}
    assert _folders(store) == set(runs.values())
    assert main(["gc", "--yes", "--store", str(store)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"two +FINISHED .* deleted +2 +\d\.\d kB\nremoved 2 runs, \d\.\d kB\n\Z", said)
    assert _folders(store) == {runs["one"], runs["three"]}
    assert main(["gc", "--yes", "--store", str(store)]) == 0
    assert capsys.readouterr().out.startswith("nothing to remove in ")


def test_a_deleted_child_loses_its_files_only(
    store: Path, runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its facts share a journal with its parent, which stays as it was; a second `gc` has nothing left to do."""
    (child,) = _reader(store).children(runs["one"])
    autolog.delete_run(child.run_id)
    assert main(["gc", "--yes", "--store", str(store)]) == 0
    assert "removed 1 run, 2.0 kB" in capsys.readouterr().out
    assert not (store / runs["one"] / "files" / child.run_id).exists()
    assert _reader(store).run(runs["one"]).artifact_path("a.txt").stat().st_size == 1000
    assert main(["gc", "--yes", "--store", str(store)]) == 0
    assert capsys.readouterr().out.startswith("nothing to remove in ")


def test_gc_looks_only_or_asks(store: Path, runs: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run removes nothing; where nobody can be asked, neither does a real one without --yes."""
    autolog.delete_run(runs["one"])
    assert main(["gc", "--dry-run", "--store", str(store)]) == 0
    assert capsys.readouterr().out.endswith("nothing was removed\n")
    assert main(["gc", "--store", str(store)]) == 2
    assert "--yes" in capsys.readouterr().err
    assert _folders(store) == set(runs.values())


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_gc_does_what_it_is_told(answer: str, code: int, store: Path, runs: dict[str, str]) -> None:
    """On a terminal it asks, and only `y` removes."""
    autolog.delete_run(runs["one"])
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "autolog", "gc", "--store", str(store)]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        os.write(ours, f"{answer}\n".encode())
        said, _ = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code
    assert b"Remove 2 runs, " in said
    assert (b"autolog: nothing was removed" in said, runs["one"] in _folders(store)) == (code == 1, code == 1)


def test_old_runs_go_when_asked_and_young_ones_stay(
    store: Path, runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A date and a length of time both name a moment; without one, nothing is old."""
    end = _reader(store).run(runs["one"]).end_time
    assert end is not None
    assert main(["gc", "--yes", "--older-than", "1h", "--store", str(store)]) == 0
    assert main(["gc", "--yes", "--older-than", "2020-01-31", "--store", str(store)]) == 0
    assert _folders(store) == set(runs.values())
    garbage = find_garbage(_reader(store), datetime.fromtimestamp(end.timestamp() + 1e-6, timezone.utc))
    assert [(each.run.run_name, each.runs, each.reason) for each in garbage] == [("one", 2, "old")]
    assert main(["gc", "--yes", "--older-than", "2999-01-31", "--store", str(store)]) == 0
    assert _folders(store) == set()


def test_a_tree_is_as_old_as_its_youngest_run(store: Path, runs: dict[str, str]) -> None:
    """A child that was resumed later keeps its parent from being old."""
    before = datetime.now(timezone.utc)
    assert {each.tree for each in find_garbage(_reader(store), before)} == set(runs.values())
    with autolog.start_run(run_id=_reader(store).children(runs["one"])[0].run_id):
        pass
    assert {each.tree for each in find_garbage(_reader(store), before)} == {runs["two"], runs["three"]}


def test_gc_never_touches_a_run_that_goes_on(store: Path, runs: dict[str, str]) -> None:
    """Neither where it was deleted, nor where only a child of an old run is still going on."""
    with autolog.start_run() as going:
        autolog.delete_run(going.run_id)
        with autolog.start_run(run_id=_reader(store).children(runs["one"])[0].run_id, nested=True):
            assert main(["gc", "--yes", "--older-than", "0h", "--store", str(store)]) == 0
            assert _folders(store) == {going.run_id, runs["one"]}
    assert main(["gc", "--yes", "--older-than", "0h", "--store", str(store)]) == 0
    assert _folders(store) == set()


def test_gc_never_touches_what_is_no_run(store: Path, runs: dict[str, str], tmp_path: Path) -> None:
    """Folders without a journal, files, and what a link leads to outside of the store all stay."""
    (store / "notes").mkdir()
    (store / "README").write_text("mine")
    (store / ("a" * 32)).mkdir()
    (store / ("a" * 32) / "precious.txt").write_text("mine")
    outside = tmp_path / "outside"
    (store / runs["one"]).rename(outside)
    (store / runs["one"]).symlink_to(outside)
    assert main(["gc", "--yes", "--older-than", "0h", "--store", str(store)]) == 1
    assert {"notes", "README", "a" * 32} <= _folders(store)
    assert (outside / "files").is_dir()


# ---- doctor


def test_doctor_finds_all_well(store: Path, runs: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """It lists what is installed, each setting with where it was set, and how the store is."""
    autolog.delete_run(runs["two"])
    assert main(["doctor", "--store", str(store)]) == 0
    lines = [re.split(r" {2,}", line.strip()) for line in capsys.readouterr().out.splitlines()]
    assert ["plugin", "sklearn", "loaded", sys.modules["sklearn"].__version__] in [line[:4] for line in lines]
    assert ["silent", "True", "enable(silent=...)"] in lines
    assert ["experiment", "default", "default"] in lines
    assert ["folder", str(store)] in lines
    assert ["runs", "2, and 2 children; 2 deleted"] in lines
    assert ["unreadable pieces", "none"] in lines
    assert ["All is well"] in lines


@pytest.mark.autolog_swallows
def test_doctor_fails_where_something_is_broken(
    store: Path,
    runs: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A plugin that cannot be loaded and a damaged journal are each named, and the exit code says so."""
    autolog.disable()
    installed = tmp_path / "installed" / "acme-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[autolog.plugins]\njson = acme_absent\n")
    monkeypatch.syspath_prepend(installed.parent)
    monkeypatch.setattr(autolog.session, "_session", None)
    (journal,) = (store / runs["one"]).glob("*.jsonl")
    data = journal.read_bytes()
    journal.write_bytes(data[:200] + b"#" + data[201:])
    assert main(["doctor", "--store", str(store)]) == 1
    said = capsys.readouterr()
    broken = said.out.partition("\nBroken\n")[2]
    assert "plugin json: ModuleNotFoundError: No module named 'acme_absent'" in broken
    assert f"store: 1 unreadable pieces in the journals of run {runs['one']}" in broken
    assert broken.count("\n") == 2
    assert said.err == ""


def test_doctor_tells_of_a_killed_process(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its run is lost, its ring has no end, and neither is broken."""
    autolog.enable(backend=store, silent=True)
    child = os.fork()
    if child == 0:
        with autolog.start_run():
            for step in range(1000):
                autolog.log_metric("a", step, step=step)
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert main(["doctor", "--store", str(store)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"lost runs +1 \(in [0-9a-f]{8}\)", said)
    assert re.search(r"journals without end +1 \(in [0-9a-f]{8}\)", said)


def test_doctor_before_the_first_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A store that does not exist yet is well, one that cannot be made is broken."""
    assert main(["doctor", "--store", str(tmp_path / "new")]) == 0
    assert "no, it is made at the first run" in capsys.readouterr().out
    (tmp_path / "file").write_text("")
    assert main(["doctor", "--store", str(tmp_path / "file" / "new")]) == 1
    assert f"store: {tmp_path / 'file'} cannot be written to" in capsys.readouterr().out

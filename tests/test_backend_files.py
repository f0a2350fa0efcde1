"""The local backend: which folder a path or URI means, what is read from it, and what is not."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

import autolog
from autolog import session
from autolog.exceptions import RunNotFoundError, UsageError
from autolog.hookspecs import Batch
from autolog_files import FolderBackend, LocalFiles


def record(place: object) -> str:
    """Record a run with a file into a place, and give its id."""
    autolog.enable(backend=place, silent=True)
    with autolog.start_run() as run:
        autolog.log_text("text", "a b/ü.txt")
    return run.run_id


@pytest.mark.parametrize(
    ("place", "folder"),
    [
        ("plain", "plain"),
        ("with space/größe", "with space/größe"),
        ("~/mine", "home/mine"),
        ("file:relative", "relative"),
        ("file://{cwd}/with%20space", "with space"),
        ("file:{cwd}/gr%C3%B6%C3%9Fe", "größe"),
        ("file://localhost{cwd}/local", "local"),
        ("FILE:{cwd}/upper", "upper"),
    ],
)
def test_a_place_means_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, folder: str) -> None:
    """Paths and file: URIs, with ~, spaces and Unicode, name the folder that is written to and read back."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    uri = place.format(cwd=tmp_path)
    run_id = record(uri)
    (tmp_path / "elsewhere").mkdir()
    found = autolog.get_run(run_id, store=uri)
    assert found.run_id == run_id
    assert (tmp_path / folder / run_id).is_dir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert autolog.get_run(run_id).artifact_path("a b/ü.txt").read_text() == "text"


def test_another_hosts_folder_is_refused() -> None:
    """A file: URI with a host says what to do instead."""
    with pytest.raises(UsageError, match="mount"):
        autolog.enable(backend="file://server/share")


def test_a_missing_folder_has_no_runs(tmp_path: Path) -> None:
    """Reading where nothing was recorded finds nothing, makes nothing, and an unknown run is an error."""
    assert autolog.search_runs(store=tmp_path / "none", output_format="list") == []
    with pytest.raises(RunNotFoundError, match="none"):
        autolog.get_run("0" * 32, store=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_missing_file_is_named(store: Path) -> None:
    """Where only the journal was copied, the artifact's absence is an error that says what to copy."""
    run_id = record(store)
    shutil.rmtree(store / run_id / "files")
    with pytest.raises(RunNotFoundError, match="copy the run's whole folder"):
        autolog.get_run(run_id).artifact_path("a b/ü.txt")


def test_links_out_of_a_runs_folder_are_refused(store: Path, tmp_path: Path) -> None:
    """Neither a file nor a removal follows a link, or a name, out of the folder."""
    run_id = record(store)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("s")
    (store / run_id / "files" / "link").symlink_to(tmp_path / "outside")
    files = LocalFiles(store)
    for bad in ("files/link/secret", "../outside/secret", "/etc/passwd"):
        with pytest.raises(UsageError):
            files.local(run_id, bad)
        with pytest.raises(UsageError):
            files.remove(run_id, bad)
    assert (tmp_path / "outside" / "secret").exists()


def test_only_run_folders_are_looked_at(store: Path) -> None:
    """Other files and folders beside the runs are passed over."""
    run_id = record(store)
    (store / "notes").mkdir()
    (store / ("f" * 32)).write_text("a file")
    assert LocalFiles(store).trees() == [run_id]
    assert LocalFiles(store).sizes("../runs") == {}
    assert [run.run_id for run in autolog.search_runs(output_format="list")] == [run_id]


def test_an_artifact_of_the_same_size_replaces_the_old_one(store: Path, tmp_path: Path) -> None:
    """A copy is known by its digest, not by its size."""
    autolog.enable(backend=[store, tmp_path / "copy"], silent=True)
    with autolog.start_run() as run:
        autolog.log_text("old", "a.txt")
        deadline = time.monotonic() + 30
        copy = tmp_path / "copy" / run.run_id / "files" / run.run_id / "a.txt"
        while not copy.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        autolog.log_text("new", "a.txt")
    session.get().end()
    assert copy.read_text() == "new"


def test_what_cannot_be_copied_into_a_folder_is_said(store: Path, tmp_path: Path) -> None:
    """A name that leads out of the folder is refused, and a folder that cannot be made is tried again later."""
    run_id = record(store)
    folder = store / run_id
    (journal,) = folder.glob("*.jsonl")
    source = folder / "files" / run_id / "a b" / "ü.txt"
    batch = Batch(run_id, journal.stem, 0, journal.read_bytes(), (), {"../../out": source}, folder, {})
    with pytest.raises(UsageError):
        FolderBackend(tmp_path / "copy").deliver(batch)
    (tmp_path / "full").write_text("no folder")
    assert FolderBackend(tmp_path / "full").deliver(replace(batch, files={})).state == "retry"

"""Files kept with a run: what each `log_*` writes, and which names it refuses."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autolog
from autolog.exceptions import ModelError, UntrustedModelError, UsageError
from autolog.recording.runs import ActiveRun


@pytest.fixture
def run(store: Path) -> ActiveRun:
    autolog.enable(backend=store, silent=True)
    return autolog.start_run()


def read(run: ActiveRun, path: str) -> bytes:
    return autolog.get_run(run.run_id).artifact_path(path).read_bytes()


class Figure:
    """What matplotlib's figures and plotly's have in common with it: nothing else is asked of one."""

    def savefig(self, stream: io.BytesIO, format: str, **options: Any) -> None:
        stream.write(f"{format} {options}".encode())


class Plot:
    def to_html(self, **options: Any) -> str:
        return f"<html {options}>"

    def to_image(self, format: str, **options: Any) -> bytes:
        return format.encode()


def test_files_and_folders_are_copied(run: ActiveRun, tmp_path: Path) -> None:
    """A file, a folder with its name, and a folder's content come back byte for byte, with size and digest."""
    folder = tmp_path / "größe mit leer"
    (folder / "deep").mkdir(parents=True)
    (folder / "a b.bin").write_bytes(bytes(range(256)))
    (folder / "deep" / "ü.txt").write_text("ü", "utf-8")
    autolog.log_artifact(folder / "a b.bin")
    autolog.log_artifact(str(folder / "a b.bin"), "in/side")
    autolog.log_artifact(folder)
    autolog.log_artifacts(folder, "x")
    (folder / "a b.bin").write_bytes(b"changed later")
    found = autolog.get_run(run.run_id).artifacts
    assert set(found) == {
        "a b.bin",
        "in/side/a b.bin",
        *(f"{below}/{name}" for below in ("größe mit leer", "x") for name in ("a b.bin", "deep/ü.txt")),
    }
    for name in ("a b.bin", "x/a b.bin"):
        assert read(run, name) == bytes(range(256))
        assert found[name]["size"] == 256
        assert found[name]["sha256"] == hashlib.sha256(bytes(range(256))).hexdigest()


def test_texts_dicts_figures_and_tables_are_files(run: ActiveRun) -> None:
    """Each is written in the format that its path names."""
    autolog.log_text("zwölf\n\ud800", "notes/a.txt")
    autolog.log_dict({"a": [1, None, 0.5]}, "d.json")
    autolog.log_figure(Figure(), "f.svg", save_kwargs={"dpi": 100})
    autolog.log_figure(Figure(), "noend")
    autolog.log_figure(Plot(), "p.html", save_kwargs={"x": 1})
    autolog.log_figure(Plot(), "p.webp")
    autolog.log_table({"a": [1, 2], "b": ["x", None]}, "t.json")
    assert read(run, "notes/a.txt").decode("utf-8", "surrogatepass") == "zwölf\n\ud800"
    assert json.loads(read(run, "d.json")) == {"a": [1, None, 0.5]}
    assert read(run, "f.svg") == b"svg {'dpi': 100}"
    assert read(run, "noend") == b"png {}"
    assert (read(run, "p.html"), read(run, "p.webp")) == (b"<html {'x': 1}>", b"webp")
    assert json.loads(read(run, "t.json")) == {"columns": ["a", "b"], "data": [[1, "x"], [2, None]]}


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_are_tables_in_three_formats(run: ActiveRun, library: str) -> None:
    """A DataFrame of either library is written as JSON, CSV and Parquet, and read by it again."""
    frames = pytest.importorskip(library)
    pytest.importorskip("pyarrow")
    frame = frames.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    for end in ("json", "csv", "parquet"):
        autolog.log_table(frame, f"t.{end}")
    assert json.loads(read(run, "t.json")) == {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}
    for again in (frames.read_csv, frames.read_parquet):
        end = again.__name__.removeprefix("read_")
        assert again(io.BytesIO(read(run, f"t.{end}"))).equals(frame)


def test_a_name_that_is_logged_again_has_the_later_file(run: ActiveRun) -> None:
    """However the name is spelled, it is one artifact."""
    for text, name in (("one", "a/b.txt"), ("two", "./a//b.txt")):
        autolog.log_text(text, name)
    assert list(autolog.get_run(run.run_id).artifacts) == ["a/b.txt"]
    assert read(run, "a/b.txt") == b"two"


@pytest.mark.parametrize("name", ["", ".", "/a", "../a", "a/../../b", "\\a", "..\\a", "C:\\a", "a\0b", "nul", None, 5])
def test_a_name_that_leads_out_is_refused(run: ActiveRun, store: Path, name: Any) -> None:
    """Empty, absolute, upward, Windows' and NUL names are UsageErrors by every door, and nothing is written."""
    doors: list[Callable[[], None]] = [
        lambda: autolog.log_text("x", name),
        lambda: autolog.log_dict({}, name),
        lambda: autolog.log_figure(Figure(), name),
        lambda: autolog.log_table({"a": [1]}, name),
    ]
    for door in doors:
        with pytest.raises(UsageError):
            door()
    assert autolog.get_run(run.run_id).artifacts == {}
    assert not (store / run.run_id / "files").exists()


def test_what_cannot_be_kept_is_refused(run: ActiveRun, tmp_path: Path) -> None:
    """Missing files, folders that are none, and things of the wrong kind are errors that say so."""
    (tmp_path / "file").write_text("x")
    wrong: list[Callable[[], None]] = [
        lambda: autolog.log_artifact(tmp_path / "none"),
        lambda: autolog.log_artifact("a\0b"),
        lambda: autolog.log_artifact(None),
        lambda: autolog.log_artifact(tmp_path / "file", "../up"),
        lambda: autolog.log_artifacts(tmp_path / "file"),
        lambda: autolog.log_text(b"x", "a.txt"),
        lambda: autolog.log_dict({"a": object()}, "d.json"),
        lambda: autolog.log_figure(object(), "f.png"),
        lambda: autolog.log_image(object(), "i.png"),
        lambda: autolog.log_image(object()),
        lambda: autolog.log_table(3, "t.json"),
        lambda: autolog.log_table({"a": [1, 2], "b": [1]}, "t.json"),
        lambda: autolog.log_table({"a": 1}, "t.json"),
        lambda: autolog.log_table({"a": [1]}, "t.csv"),
        lambda: autolog.log_table({"a": [1]}, "t.xml"),
    ]
    for each in wrong:
        with pytest.raises(UsageError):
            each()
    with pytest.raises(ModelError, match="object"):
        autolog.log_model(object())
    assert autolog.get_run(run.run_id).artifacts == {}


@pytest.mark.parametrize("name", ["x" * 300, "a/" + "y" * 256, "/".join(["z" * 200] * 30), "\ud800"])
def test_a_name_that_the_file_system_cannot_take_is_refused(run: ActiveRun, name: str) -> None:
    """Too long, or no text that can be encoded: a UsageError by every door, and the longest that fits is kept."""
    linear = pytest.importorskip("sklearn.linear_model")
    doors: list[Callable[[], None]] = [
        lambda: autolog.log_text("x", name),
        lambda: autolog.log_figure(Figure(), name),
        lambda: autolog.log_artifact(__file__, name),
        lambda: autolog.log_model(linear.LinearRegression(), name),
    ]
    for door in doors:
        with pytest.raises(UsageError):
            door()
    with pytest.raises(UsageError):
        autolog.log_artifact("x" * 5000)
    assert autolog.get_run(run.run_id).artifacts == {}
    autolog.log_text("x", "n" * 255)
    assert list(autolog.get_run(run.run_id).artifacts) == ["n" * 255]


FULL = """
import resource, sys, autolog
from sklearn.linear_model import LinearRegression
autolog.enable("sklearn", backend=sys.argv[1], silent=True)
model = LinearRegression()
model.weights = list(range(100_000))
with autolog.start_run(run_id=None) as run:
    print(run.run_id)
    open("big", "wb").write(bytes(100_000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
    autolog.log_artifact("big")
    autolog.log_artifacts(".")
    autolog.log_text("x" * 100_000, "a.txt")
    autolog.log_dict({"a": "x" * 100_000}, "a.json")
    autolog.log_table({"a": list(range(100_000))}, "t.json")
    autolog.log_model(model)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


def test_a_disk_that_takes_no_more_costs_the_record(store: Path, tmp_path: Path) -> None:
    """Files and models that do not fit are notes on the run; nothing is raised, and nothing half-written is left."""
    pytest.importorskip("sklearn")
    folder = tmp_path / "work"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(store)], cwd=folder, capture_output=True, text=True, check=True
    )
    found = autolog.get_run(done.stdout.strip(), store=store)
    assert {note.split(":")[0] for note in found.notes} == {"runs.file failed", "model 'model' could not be kept"}
    assert (list(found.artifacts), list(found.models)) == ([], [])
    assert not list(store.rglob("*.part"))


@pytest.mark.parametrize("secret", [None, "hunter2"])
def test_a_model_that_holds_what_was_redacted_is_noted(run: ActiveRun, secret: str | None) -> None:
    """The pickle has its params as they are, so the run says for which of them that matters."""
    base = pytest.importorskip("sklearn.linear_model")
    autolog.log_params({"C": 1.0, "api_key": secret, "url": f"https://u:{secret}@h" if secret else "x"})
    autolog.log_model(base.LinearRegression(), "best")
    expected = ["model 'best' may hold in clear what was taken out of the params api_key, url"] if secret else []
    assert list(autolog.get_run(run.run_id).notes) == expected


def test_a_link_out_of_the_runs_folder_is_not_followed(run: ActiveRun, store: Path, tmp_path: Path) -> None:
    """Neither writing nor reading leaves the folder by a symbolic link that somebody put there."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("s")
    autolog.log_text("x", "a/secret")
    folder = store / run.run_id / "files" / run.run_id / "a"
    (folder / "secret").unlink()
    folder.rmdir()
    folder.symlink_to(tmp_path / "outside")
    with pytest.raises(UsageError, match="leads out"):
        autolog.log_text("y", "a/other")
    with pytest.raises(UsageError, match="leads out"):
        read(run, "a/secret")
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["secret"]


@pytest.mark.autolog_swallows
def test_what_the_disk_refuses_costs_the_artifact(run: ActiveRun, store: Path, swallowed: list[str]) -> None:
    """A place that cannot be written to is a note on the run and a line of log, and the program goes on."""
    autolog.log_param("large", "x" * 100_000)
    files = store / run.run_id / "files"
    files.write_text("in the way")
    autolog.log_text("x", "a.txt")
    values = store / run.run_id / "values"
    values.rename(values.with_name("elsewhere"))
    values.write_text("in the way")
    autolog.log_param("other", "y" * 100_000)
    found = autolog.get_run(run.run_id)
    assert found.artifacts == {}
    assert set(found.params) == {"large", "other"}
    assert [note.split(" failed")[0] for note in found.notes[:2]] == ["runs.file", "runs.value"]
    assert found.notes[2:] == ["the whole value of 'other' is missing: its file could not be written"]
    assert len(swallowed) == 2


def test_images_keep_their_pixels(run: ActiveRun) -> None:
    """Arrays of bytes, booleans and floats, and PIL images, are written as PNG with the values they show."""
    numpy = pytest.importorskip("numpy")
    image = pytest.importorskip("PIL.Image")
    autolog.log_image(numpy.array([[0, 255]], dtype="uint8"), "bytes.png")
    autolog.log_image(numpy.array([[False, True]]), "bools.png")
    autolog.log_image(numpy.array([[[0.0], [1.0]]]), key="floats", step=3)
    autolog.log_image(image.new("L", (2, 1)), "pil.jpg")
    for name in ("bytes.png", "bools.png", "images/floats/3.png"):
        assert numpy.asarray(image.open(io.BytesIO(read(run, name)))).ravel().tolist() == [0, 255]
    assert image.open(io.BytesIO(read(run, "pil.jpg"))).format == "JPEG"
    for wrong in (numpy.array([[300]]), numpy.array([[1.5]]), numpy.array([[numpy.nan]]), numpy.zeros(3)):
        with pytest.raises(UsageError):
            autolog.log_image(wrong, "wrong.png")


def test_a_real_figure_is_a_picture(run: ActiveRun) -> None:
    """matplotlib's own figure is written as PNG."""
    figures = pytest.importorskip("matplotlib.figure")
    autolog.log_figure(figures.Figure(), "f.png")
    assert read(run, "f.png").startswith(b"\x89PNG")


LINEAR = "sklearn.linear_model._base.LinearRegression"


class Custom:
    """A class of the user's inside a model, which loading would run."""


@pytest.mark.parametrize(("extra", "needed"), [(None, [LINEAR]), (Custom(), [LINEAR, f"{Custom.__module__}.Custom"])])
def test_a_model_is_loaded_where_it_is_trusted(run: ActiveRun, extra: Any, needed: list[str]) -> None:
    """`load_model` needs the types' names, or True; an error names those that are missing, and unknown models."""
    linear = pytest.importorskip("sklearn.linear_model")
    with autolog.paused():
        model = linear.LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    model.extra = extra
    autolog.log_model(model, "best")
    uri = f"runs:/{run.run_id}/best"
    for trusted in (needed, True):
        again = autolog.load_model(uri, trusted=trusted)
        assert (again.predict([[2.0]])[0], type(again.extra)) == (pytest.approx(4.0), type(extra))
    for text in ("sklearn.*", b"sklearn.*", 1):
        with pytest.raises(UsageError, match="list"):
            autolog.load_model(uri, trusted=text)  # type: ignore[arg-type]
    for missing in (None, needed[1:], ["other.Type"]):
        with pytest.raises(UntrustedModelError, match=needed[0]):
            autolog.load_model(uri, trusted=missing)
    with pytest.raises(UsageError, match="best"):
        autolog.load_model(f"runs:/{run.run_id}/none")

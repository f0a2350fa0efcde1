"""Models that a library writes to a path or into a folder: within the room there is, quietly, and back."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from autolog.exceptions import ModelTooLarge, RefusedError
from autolog.hookspecs import SavedModel
from autolog.models.by_path import check_room, unpacked, write_file, write_folder
from autolog.models.files import write_model

FILES = {"config.json": b"{}", "weights/one.bin": b"1" * 300}


def write_all(folder: Path) -> None:
    """Write files, one of them in a folder of its own."""
    for name, content in FILES.items():
        Path(folder, name).parent.mkdir(exist_ok=True)
        Path(folder, name).write_bytes(content)


def saved(tmp_path: Path, write: object, room: int = 10_000) -> Path:
    """The file that a model was written to."""

    def save(stream: object) -> SavedModel:
        write(stream)  # type: ignore[operator]
        return SavedModel("made-up", "made.Up", {})

    written = write_model(tmp_path / "model", save, room)
    assert written is not None
    return written.path


def test_a_file_comes_through_as_it_was_written(tmp_path: Path) -> None:
    """The library sees the name that it goes by, and nothing is left where it wrote."""
    seen: list[Path] = []

    def write(path: Path) -> None:
        seen.append(path)
        path.write_bytes(b"model")

    path = saved(tmp_path, lambda stream: write_file(stream, "model.special", write))
    assert path.read_bytes() == b"model"
    assert (seen[0].name, seen[0].parent.exists()) == ("model.special", False)


def test_a_folder_comes_back(tmp_path: Path) -> None:
    """With all that is in it, for as long as somebody reads it."""
    path = saved(tmp_path, lambda stream: write_folder(stream, write_all))
    with unpacked(path) as folder:
        found = {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}
    assert found == FILES
    assert not folder.exists()


@pytest.mark.parametrize(
    "write",
    [
        lambda stream: check_room(stream, 300),
        lambda stream: write_file(stream, "model", lambda path: path.write_bytes(b"1" * 300)),
        lambda stream: write_folder(stream, write_all),
    ],
)
def test_what_is_too_large_is_refused(tmp_path: Path, write: object) -> None:
    """And leaves nothing behind."""
    with pytest.raises(ModelTooLarge, match="max_model_mb"):
        saved(tmp_path, write, room=200)
    assert list(tmp_path.iterdir()) == []


def test_a_library_may_refuse(tmp_path: Path) -> None:
    """What it raises is a note for the run."""

    def refuse(path: Path) -> None:
        raise NotImplementedError("not this one")

    with pytest.raises(RefusedError, match="no model: NotImplementedError: not this one"):
        saved(tmp_path, lambda stream: write_file(stream, "model", refuse))


def test_warnings_of_the_library_stay_there(tmp_path: Path) -> None:
    """They come of a saving that the user has not asked for; a filter of the user's does not make them errors."""

    def warn(path: Path) -> None:
        warnings.warn("old", stacklevel=1)
        path.write_bytes(b"model")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        saved(tmp_path, lambda stream: write_file(stream, "model", warn))
    assert caught == []

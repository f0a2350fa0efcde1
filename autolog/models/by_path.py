"""Models of libraries that write to a path, or into a folder, and to nothing else: on their way through a stream."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from autolog.exceptions import ModelTooLarge
from autolog.guard import quietly, refusable
from autolog.scratch import scratch

if TYPE_CHECKING:
    from autolog.hookspecs import ModelStream

__all__ = ["check_room", "unpacked", "write_file", "write_folder"]


def check_room(stream: ModelStream, nbytes: float) -> None:
    """Make sure that a model fits, before a library writes all of it.

    Args:
        stream: takes it.
        nbytes: the bytes that its numbers take.

    Raises:
        ModelTooLarge: it does not.
    """
    if nbytes > stream.room:
        raise ModelTooLarge(f"the model is larger than {stream.room:,} bytes; raise max_model_mb to save it")


def write_file(stream: ModelStream, name: str, write: Callable[[Path], object]) -> None:
    """Have a library write a model to a path, and copy that to the stream.

    Args:
        stream: takes the model.
        name: of the file, where the library goes by its suffix.
        write: writes, given the path.

    Raises:
        ModelTooLarge: the file is larger than the stream takes.
        RefusedError: the library cannot write it.
    """
    with scratch() as folder:
        path = folder / name
        refusable("no model", quietly, write, path)
        check_room(stream, path.stat().st_size)
        with path.open("rb") as file:
            shutil.copyfileobj(file, stream)


def write_folder(stream: ModelStream, write: Callable[[Path], object]) -> None:
    """Have a library write a model into a folder, and pack that into the stream as a zip file, uncompressed.

    Args:
        stream: takes the model.
        write: writes, given the folder.

    Raises:
        ModelTooLarge: the files are larger than the stream takes.
        RefusedError: the library cannot write it.
    """
    with scratch() as folder:
        refusable("no model", quietly, write, folder)
        write_file(stream, "model.zip", lambda path: _pack(folder, path))


def _pack(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for each in sorted(folder.rglob("*")):
            packed.write(each, each.relative_to(folder))


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give the folder that `write_folder` packed, for as long as the body of the `with` lasts."""
    with scratch() as folder:
        with zipfile.ZipFile(path) as packed:
            packed.extractall(folder)
        yield folder

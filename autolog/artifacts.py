"""Files kept with a run: artifacts of many kinds, by MLflow's names and argument names, and models."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autolog import guard, session
from autolog.exceptions import ModelError, UsageError
from autolog.fluent import target
from autolog.paths import checked

__all__ = [
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_model",
    "log_table",
    "log_text",
]


def log_artifact(
    local_path: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Keep a copy of a local file, or of all files below a local folder.

    Args:
        local_path: the file or folder.
        artifact_path: the folder among the artifacts to put it in.
        run_id: of another run than the active one.

    Raises:
        UsageError: there is no such file, or `artifact_path` leads out of the run's folder.
    """
    source = _local(local_path)
    if source.is_dir():
        log_artifacts(source, _below(artifact_path, source.resolve().name), run_id)
    elif source.is_file():
        target(run_id).add_file(_below(artifact_path, source.name), source)
    else:
        raise UsageError(f"there is no file {os.fspath(local_path)!r} to keep")


def log_artifacts(
    local_dir: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Keep copies of all files below a local folder.

    Args:
        local_dir: the folder; its own name is left out.
        artifact_path: the folder among the artifacts to put them in.
        run_id: of another run than the active one.

    Raises:
        UsageError: there is no such folder, or `artifact_path` leads out of the run's folder.
    """
    folder = _local(local_dir)
    if not folder.is_dir():
        raise UsageError(f"there is no folder {os.fspath(local_dir)!r} to keep")
    run = target(run_id)
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        run.add_file(_below(artifact_path, file.relative_to(folder).as_posix()), file)


def _local(path: str | os.PathLike[str]) -> Path:
    try:
        found = Path(path)
        found.exists()
    except (TypeError, ValueError, OSError) as error:  # ValueError: a NUL in it, before Python 3.13; OSError: too long
        raise UsageError(f"{path!r} is no path that can be read: {error}") from None
    return found


def _below(folder: str | None, name: str) -> str:
    return name if folder is None or folder == "" else f"{checked(folder)}/{name}"


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a text as an artifact.

    Args:
        text: it.
        artifact_file: the path among the artifacts, e.g. "notes/readme.txt".
        run_id: of another run than the active one.

    Raises:
        UsageError: it is no text, or the path leads out of the run's folder.
    """
    if not isinstance(text, str):
        raise UsageError(f"log_text takes a str, not a {type(text).__name__}")
    target(run_id).add_file(artifact_file, text.encode("utf-8", "surrogatepass"))


def log_dict(dictionary: Mapping[str, Any], artifact_file: str, run_id: str | None = None) -> None:
    """Keep a mapping or a list as a JSON artifact.

    Args:
        dictionary: it.
        artifact_file: the path among the artifacts; JSON is YAML as well, should it end so.
        run_id: of another run than the active one.

    Raises:
        UsageError: it holds what JSON has no form for, or the path leads out of the run's folder.
    """
    import json

    try:
        text = json.dumps(dictionary, indent=2)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{artifact_file!r} cannot be written as JSON: {error}") from None
    log_text(text, artifact_file, run_id)


def log_figure(
    figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None, run_id: str | None = None
) -> None:
    """Keep a matplotlib or plotly figure, in the format of the path's suffix.

    Args:
        figure: it; a figure with `savefig`, or one with `to_html` and `to_image`.
        artifact_file: the path among the artifacts.
        save_kwargs: handed to the figure's own saving.
        run_id: of another run than the active one.

    Raises:
        UsageError: it is no figure, or the path leads out of the run's folder.
    """
    run, suffix = target(run_id), _suffix(artifact_file) or "png"
    options = dict(save_kwargs or {})
    if hasattr(figure, "savefig"):
        stream = io.BytesIO()
        figure.savefig(stream, format=options.pop("format", suffix), **options)
        run.add_file(artifact_file, stream.getvalue())
    elif suffix == "html" and hasattr(figure, "to_html"):
        run.add_file(artifact_file, figure.to_html(**options).encode("utf-8"))
    elif hasattr(figure, "to_image"):
        run.add_file(artifact_file, figure.to_image(format=suffix, **options))
    else:
        raise UsageError(f"{type(figure).__name__} is neither a matplotlib nor a plotly figure")


def _suffix(artifact_file: str) -> str:
    return Path(checked(artifact_file)).suffix.lstrip(".").lower()


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
) -> None:
    """Keep an image as PNG, or in the format of the path's suffix.

    Args:
        image: a PIL image, or an array of (height, width[, channels]), of uint8, bool, or floats in 0 to 1.
        artifact_file: the path among the artifacts; or else
        key: a name, for a series of images in "images/", together with
        step: the place in the series, and
        timestamp: milliseconds since the epoch.

    Raises:
        UsageError: it is no image, or not exactly one of path and key is given.
    """
    if (artifact_file is None) == (key is None):
        raise UsageError("give log_image either an artifact_file or a key")
    name = artifact_file or f"images/{key}/{step or 0}{'' if timestamp is None else f'-{timestamp}'}.png"
    stream, suffix = io.BytesIO(), _suffix(name) or "png"
    _as_image(image).save(stream, format={"jpg": "jpeg"}.get(suffix, suffix).upper())
    target().add_file(name, stream.getvalue())


def _as_image(image: Any) -> Any:
    """Give a PIL image; Pillow is needed only where an array is logged."""
    if hasattr(image, "save") and hasattr(image, "size"):
        return image
    try:
        from PIL import Image  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise UsageError("log_image needs Pillow for an array; pip install pillow") from None
    if not hasattr(image, "dtype") or image.dtype.kind not in "fbiu" or image.ndim not in (2, 3):
        raise UsageError(f"a {type(image).__name__} is neither a PIL image nor an array of (height, width[, channels])")
    largest = 255 if image.dtype.kind in "iu" else 1
    if not ((image >= 0) & (image <= largest)).all():
        raise UsageError(f"the values of an image of {image.dtype} lie in 0 to {largest}, not beyond")
    pixels = (image * (255 // largest)).astype("uint8")
    return Image.fromarray(pixels.squeeze(-1) if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels)


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a table as JSON of columns and rows, as MLflow does, or as CSV or Parquet where the path says so.

    A table of that path that is there already is replaced.

    Args:
        data: a pandas or polars DataFrame, an array or list of rows, or a mapping of columns.
        artifact_file: the path among the artifacts, ending in .json, .csv or .parquet.
        run_id: of another run than the active one.

    Raises:
        UsageError: it is no table, or the path ends otherwise.
    """
    from autolog.tables import table_bytes

    target(run_id).add_file(artifact_file, table_bytes(data, f".{_suffix(artifact_file)}"))


def log_model(model: Any, name: str = "model", run_id: str | None = None) -> None:
    """Save a model of a framework that a plugin knows.

    Args:
        model: it.
        name: the path among the artifacts.
        run_id: of another run than the active one.

    Raises:
        ModelError: no plugin knows the model, or it is larger than `max_model_mb`.
        RefusedError: it cannot be pickled.
        UsageError: the name leads out of the run's folder, or is none that the file system takes.
    """
    from autolog.models.of_runs import save_to_run

    run = target(run_id)
    try:
        known = save_to_run(run, model, name, session.get().hooks)
    except OSError as error:  # the disk's: it costs the record
        missing = f"model {name!r} could not be kept: {guard.describe(error)}"
        run.note(missing)
        guard.logger.warning("autolog: %s", missing)
        return
    if not known:
        raise ModelError(f"no plugin knows how to save a {type(model).__module__}.{type(model).__qualname__}")

"""Which run a model comes from that a training goes on with: known by the model itself, or by the file it lies in."""

from __future__ import annotations

import os
import re
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from autolog.capture.identity import ByIdentity
from autolog.capture.predictions import model_run, remember_model

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["belongs_to", "link", "name_origin", "origin_of", "remember_file", "remember_loaded"]

_MOST: Final = 1_000
_STORED: Final = re.compile(r"(.*)[/\\]files[/\\]([0-9a-f]{32})[/\\]")  # a model's file among those of its run

_loaded = ByIdentity()
_wholes = ByIdentity()
_files: dict[tuple[int, ...], str] = {}


def remember_loaded(model: object, run_id: str) -> None:
    """Note which run a model was read back from; one that cannot be referred to weakly is passed over."""
    try:
        _loaded[model] = run_id
    except TypeError:
        return


def name_origin(model: object, run: ActiveRun) -> None:
    """Name the run that a training goes on with, where there is one.

    Args:
        model: what the training begins from, or the path of its file.
        run: of the training.
    """
    origin = origin_of(model)
    if origin not in (None, run.run_id):
        run.set_tags({"continued_from": origin})


def link(model: object, run: ActiveRun) -> None:
    """Name the run that a training goes on with, and remember whose the model is from now on."""
    name_origin(model, run)
    remember_model(model, run)


def belongs_to(part: object, model: object) -> None:
    """Note that one object, such as a booster, is the model that another, such as an estimator, stands for."""
    _wholes[part] = weakref.ref(model)


def remember_file(path: Any, model: object) -> None:
    """Note that the user's program has written a model to a file, as it is now.

    Args:
        path: of the file; what is no path is passed over.
        model: it.
    """
    run = model_run(model)
    if run is not None and isinstance(path, (str, os.PathLike)):
        _files[_identity(_place(path))] = run.run_id
        for oldest in list(_files)[:-_MOST]:
            del _files[oldest]


def origin_of(model: object) -> str | None:
    """Give the id of the run that trained a model, or that trained what a file holds; None where it is not known.

    Args:
        model: a model, or the path of a file.
    """
    if isinstance(model, (str, os.PathLike)):
        return _origin_of_file(_place(model))
    run, loaded, whole = model_run(model), _loaded.get(model), _wholes.get(model)
    if run is not None or whole is None:
        return loaded if run is None else run.run_id
    return loaded or origin_of(whole())


def _place(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.expanduser(path))  # noqa: PTH111  (a Path of the user's may be any)


def _origin_of_file(path: Path) -> str | None:
    if not path.is_file():
        return None
    stored = _STORED.match(str(path.resolve()))
    if stored is not None and any(Path(stored[1]).glob("*.jsonl")):
        return stored[2]
    return _files.get(_identity(path))


def _identity(path: Path) -> tuple[int, ...]:
    """Tell a file from what may be written under its name later."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size

"""Estimators in skops' format, which is read without running code but that of types it knows or is told to trust."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autolog.exceptions import MissingRequirementError, ModelError, ModelTooLarge
from autolog.guard import describe
from autolog.hookspecs import SavedModel
from autolog.models import pickles
from autolog.models.files import module_versions

if TYPE_CHECKING:
    from autolog.hookspecs import ModelStream

__all__ = ["dump", "load"]


def dump(model: object, stream: ModelStream) -> SavedModel:
    """Write an estimator as skops does; one that skops cannot write is pickled, with a note that says why.

    skops builds its file in memory, so a model whose pickle is too large is refused before skops sees it.

    Args:
        model: it.
        stream: where to.

    Raises:
        ModelTooLarge: the stream takes no model of this size.
    """
    measured = pickles.dump(model, _Measure(stream.room))
    try:
        data = _written(model)
    except Exception as error:  # noqa: BLE001 - skops raises whatever it finds in the model
        saved = pickles.dump(model, stream)
        return replace(saved, notes=(*saved.notes, f"pickled, since skops cannot save it: {describe(error)}"))
    stream.write(data)
    modules = {**measured.modules, **module_versions(["skops"])}
    return SavedModel("skops", measured.model_class, modules, runs_code=True)


class _Measure:
    """A stream that counts, and keeps nothing."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        nbytes = memoryview(data).nbytes
        self.room -= nbytes
        if self.room < 0:
            raise ModelTooLarge("the model is too large to be saved; raise max_model_mb")
        return nbytes


def _written(model: object) -> bytes:
    """Give skops' file, unless it names what no other process can import.

    Raises:
        ModelError: it does; skops itself writes such a name without a word.
    """
    skops: Any = _skops()
    data: bytes = skops.dumps(model)
    types = skops.get_untrusted_types(data=data)
    nowhere = [name for name in types if name.startswith("__main__.") or "<" in name]
    if nowhere:
        raise ModelError(f"it would name {', '.join(nowhere)}, which is in no module")
    return data


def load(path: Path, trusted: bool | Sequence[str] | None) -> Any:
    """Read a model in skops' format.

    Args:
        path: the file.
        trusted: True, or the full names of the types, or `"package.*"`, that may be made beside those skops knows.

    Raises:
        UntrustedModelError: the file names others; it says what to pass. Nothing was made.
        MissingRequirementError: skops, or a module that the model needs, is not installed here.
        ModelError: the file is none of skops', or an object in it cannot be rebuilt here.
    """
    skops: Any = _skops()
    with pickles.reading(path, "a model of skops"):
        data = path.read_bytes()  # once, so that what is checked is what is loaded
        types = skops.get_untrusted_types(data=data)
        if types and trusted is not True:
            pickles.check_trust(path, types, trusted)
            for name in types:  # their modules are admitted by now
                pickles.check_made(name, _named(name), trusted or ())
        return skops.loads(data, trusted=types)


def _named(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _skops() -> Any:
    try:
        return importlib.import_module("skops.io")
    except ImportError as error:
        raise MissingRequirementError("skops is not installed: pip install 'autolog-ml[skops]'") from error

"""Models, tokenizers and processors: the folder that `save_pretrained` writes, in a zip file."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path
from typing import Any

import transformers
from transformers.utils import PushToHubMixin, logging

from autolog.exceptions import ModelError
from autolog.hookspecs import ModelStream, SavedModel
from autolog.models.by_path import check_room, unpacked, write_folder
from autolog.models.files import module_versions
from autolog.values import type_name

__all__ = ["load", "save"]


def save(model: Any, stream: ModelStream) -> SavedModel | None:
    """Write what is transformers' own, or derives from it.

    Raises:
        ModelTooLarge: the stream takes no model of this size.
        RefusedError: the library cannot write it.
    """
    if not isinstance(model, PushToHubMixin):
        return None
    sizes = (each.numel() * each.element_size() for each in getattr(model, "parameters", list)())
    check_room(stream, sum(sizes))
    write_folder(stream, partial(_save, model))
    needed = module_versions(["transformers", type(model).__module__])
    return SavedModel("pretrained", type_name(model), needed, suffix="zip")


def _save(model: Any, folder: Path) -> None:
    """Have a shallow copy write itself, as a model writes into its configuration what it is; without a progress bar."""
    copied = copy.copy(model)
    vars(copied).update({name: copy.deepcopy(value) for name, value in vars(model).items() if name.endswith("config")})
    is_shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        copied.save_pretrained(folder)
    finally:
        if is_shown:
            logging.enable_progress_bar()


def load(path: Path, saved: SavedModel) -> Any:
    """Read what was saved of one of transformers' own classes.

    Raises:
        ModelError: it is of another class.
    """
    kind: Any = getattr(transformers, saved.model_class.rpartition(".")[2], None)
    if not hasattr(kind, "from_pretrained"):
        raise ModelError(f"{saved.model_class} is no class of transformers'; unzip {path} and use its from_pretrained")
    with unpacked(path) as folder:
        return kind.from_pretrained(folder, local_files_only=True)

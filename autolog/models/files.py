"""A trained model's file: written once with its size and digest, checked before it is read back."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from autolog.exceptions import DamagedModelError, MissingRequirementError, ModelError, ModelTooLarge
from autolog.guard import logger
from autolog.hookspecs import SavedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from autolog.hookspecs import ModelStream
    from autolog.values import JSON

__all__ = ["ModelTooLarge", "Trust", "WrittenModel", "check_digest", "load", "module_versions", "write_model"]

Trust: TypeAlias = "bool | Sequence[str] | None"

_block_bytes = 1 << 16
_main_modules = frozenset({"__main__", "__mp_main__"})


@dataclass(frozen=True)
class WrittenModel:
    """A model as it lies in its file.

    Args:
        path: of the file.
        saved: what its plugin told of it.
        size: the file's, in bytes.
        sha256: the file's digest, hexadecimal.
        seconds: what saving took.
    """

    path: Path
    saved: SavedModel
    size: int
    sha256: str
    seconds: float

    def as_facts(self) -> dict[str, JSON]:
        """Give the same as JSON, for an event; `load` takes it."""
        saved = self.saved
        told = {name: getattr(saved, name) for name in ("format", "model_class", "runs_code")}
        more = {"modules": dict(saved.modules), "notes": list(saved.notes), "state": dict(saved.state)}
        return {**told, **more, "size": self.size, "sha256": self.sha256, "seconds": self.seconds}


def told_of(facts: Mapping[str, JSON]) -> SavedModel:
    """Give what was told of a model when it was written."""
    modules, notes, state = facts["modules"], tuple(facts.get("notes", ())), facts.get("state") or {}
    runs_code = bool(facts.get("runs_code", True))
    return SavedModel(facts["format"], str(facts.get("model_class")), modules, notes, state=state, runs_code=runs_code)


def write_model(path: Path, save: Callable[[ModelStream], SavedModel | None], max_bytes: int) -> WrittenModel | None:
    """Let `save` write a model, and put the file in its place once it is whole.

    Whatever fails passes through, and nothing is left behind; a file that was there stays as it was. Memory stays
    bounded: what `save` writes goes to a file beside it at once.

    Args:
        path: the file to be, without the suffix that its format has; its folder exists.
        save: writes to the stream and tells how, or gives None where it does not know the model.
        max_bytes: how large the file may grow.

    Returns:
        What was written, or None where `save` gave None.

    Raises:
        ModelTooLarge: as soon as the file would grow beyond `max_bytes`, even where `save` keeps that to itself.
    """
    began = time.perf_counter()
    part = path.with_name(f"{path.name}.{os.urandom(4).hex()}.part")
    try:
        with part.open("xb", buffering=_block_bytes) as file:
            stream = _HashingStream(file, max_bytes)
            saved = save(stream)
            stream.check_size()
        if saved is None:
            return None
        final = path.with_name(f"{path.name}.{saved.suffix or saved.format}")
        part.replace(final)
        return stream.describe(final, saved, time.perf_counter() - began)
    finally:
        part.unlink(missing_ok=True)


class _HashingStream:
    """The `ModelStream` over a file; counts and hashes what passes."""

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        nbytes = memoryview(data).nbytes  # pickle passes its own kind of buffer, which has no length
        self._size += nbytes
        self.check_size()
        self._digest.update(data)
        self._file.write(data)
        return nbytes

    @property
    def room(self) -> int:
        return self._max_bytes - self._size

    def check_size(self) -> None:
        """Refuse what is too large; asked once more at the end, since a writer may have swallowed the refusal."""
        if self._size > self._max_bytes:
            raise ModelTooLarge(f"the model is larger than {self._max_bytes:,} bytes; raise max_model_mb to save it")

    def describe(self, path: Path, saved: SavedModel, seconds: float) -> WrittenModel:
        return WrittenModel(path, saved, self._size, self._digest.hexdigest(), seconds)


def load(
    path: Path, facts: Mapping[str, JSON], trusted: Trust, load_with: Callable[[Path, SavedModel, Trust], Any]
) -> Any:
    """Read a model back, once its bytes and its requirements have been checked.

    Args:
        path: the file.
        facts: what `WrittenModel.as_facts` gave when it was written.
        trusted: True, or the full names of the types whose code may run; handed on to `load_with`.
        load_with: reads the file, given `(path, saved, trusted)`.

    Raises:
        DamagedModelError: the bytes are not those that were recorded.
        MissingRequirementError: a module that the model needs is not installed here.
    """
    check_digest(path, facts["sha256"])
    for name, version in facts["modules"].items():
        _check_requirement(path, name, version)
    return load_with(path, told_of(facts), trusted)


def check_digest(path: Path, sha256: str) -> None:
    """Make sure that a file's bytes are those recorded.

    Raises:
        DamagedModelError: they are not; it names both digests.
        ModelError: the file cannot be read.
    """
    found = _digest_of(path)
    if found != sha256:
        raise DamagedModelError(
            f"{path} is not the model that was recorded: its SHA-256 is {found}, recorded was {sha256}; "
            "fetch it again from where the run was written"
        )


def _digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_block_bytes * 16):
                digest.update(block)
    except OSError as error:
        raise ModelError(f"the model's file {path} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _check_requirement(path: Path, name: str, recorded: str) -> None:
    """Refuse an absent module, warn of another version; a module without a version is only looked for."""
    wanted = f"{name}=={recorded}" if recorded else name
    if not _is_available(name):
        raise MissingRequirementError(f"{path} needs the module {wanted}, which is not installed here; install it")
    here = _version(name) if recorded else ""
    if here != recorded:
        logger.warning("autolog: %s was saved with %s, here is %s", path, wanted, here or "an unknown version")


def _is_available(name: str) -> bool:
    return sys.modules.get(name) is not None or importlib.util.find_spec(name.partition(".")[0]) is not None


def module_versions(names: Iterable[str]) -> dict[str, str]:
    """Give the exact versions of modules that are loaded, by their top-level names; "" where a module has none.

    The standard library and `__main__` are left out: neither is something to install.

    Args:
        names: module names, dotted or not.
    """
    top = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - _main_modules
    return {name: _version(name) for name in sorted(top) if name in sys.modules}


def _version(name: str) -> str:
    """Ask the module first, as it is what runs; through `__dict__`, since a module's `__getattr__` may warn."""
    version = getattr(sys.modules.get(name), "__dict__", {}).get("__version__")
    return version if isinstance(version, str) else _distribution_version(name)


@functools.cache
def _distribution_version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        owners = _owners().get(name, ()) if _may_be_installed(name) else ()
    versions = {owner.version for owner in owners}
    return versions.pop() if len(versions) == 1 else ""


def _may_be_installed(name: str) -> bool:
    """Spare a user's own modules, which belong to no distribution, the search through all distributions."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is None or "-packages" in file


@functools.cache
def _owners() -> Mapping[str, Sequence[metadata.Distribution]]:
    """Map top-level modules to their distributions; this reads the list of files of every one of them.

    `metadata.packages_distributions` does so too, but on Python 3.10 misses those without a `top_level.txt`.
    """
    owners: dict[str, list[metadata.Distribution]] = {}
    for distribution in metadata.distributions():
        declared = (distribution.read_text("top_level.txt") or "").split()
        for name in declared or {file.parts[0].partition(".")[0] for file in distribution.files or ()}:
            owners.setdefault(name, []).append(distribution)
    return owners

"""The store over journals: a folder of run folders, wherever it lies, read while others write."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from autolog.exceptions import JournalError, RunNotFoundError
from autolog.guard import logger
from autolog.paths import checked
from autolog.store.base import Files
from autolog.store.run import Run
from autolog.store.tree import Tree
from autolog.values import LargeValue, revive

__all__ = ["JournalStore"]

_NEWER: Final = "was written by a newer autolog; upgrade this one to read it"


class JournalStore:
    """A `Store` that folds journals; it keeps what it folded, and reads only what was appended since.

    Args:
        uri: what the store was opened as.
        files: where the run folders lie.
    """

    def __init__(self, uri: str, files: Files) -> None:
        self.uri = uri
        self.files = files
        self._trees: dict[str, Tree] = {}
        self._passed_over: set[str] = set()

    def runs(self, *, deleted: bool = False) -> list[Run]:
        """Give all runs, in no order; with `deleted` the deleted ones instead."""
        trees = {name: self._read(name) for name in self.files.trees()}
        for name, tree in trees.items():
            if tree.is_newer:
                self._pass_over(name)
        return [run for tree in trees.values() if not tree.is_newer for run in tree.runs(self, is_deleted=deleted)]

    def run(self, run_id: str) -> Run:
        """Give one run, also a deleted one.

        Raises:
            RunNotFoundError: there is none of that id.
            JournalError: a newer version of autolog wrote it.
        """
        run = self._read(self.tree(run_id)).run(run_id, self)
        if run is None:
            raise self._missing(run_id)
        return run

    def children(self, run_id: str) -> list[Run]:
        """Give a run's children, oldest first."""
        runs = self._read(self.tree(run_id)).runs(self, is_deleted=False)
        own = [run for run in runs if run.parent_run_id == run_id]
        return sorted(own, key=lambda run: (run.start_time is None, run.start_time, run.run_id))

    def changes(self, tree: str) -> list[Run]:
        """Give those runs below a top-level one, itself included, of which there is something new to read."""
        followed = self._trees.setdefault(tree, Tree(self.files, tree))
        found = (followed.run(run_id, self) for run_id in followed.refresh(self.files.sizes(tree)))
        return [run for run in found if run is not None]

    def file(self, run_id: str, path: str) -> Path:
        """Give a local file with the bytes of an artifact or a model of a run."""
        return self.files.local(self.tree(run_id), f"files/{run_id}/{checked(path)}")

    def value(self, run_id: str, value: LargeValue) -> Any:
        """Give a value that is kept in a file of its own.

        Raises:
            RunNotFoundError: the file is missing or cannot be read, or is not the one that was recorded.
        """
        path = self.files.local(self.tree(run_id), f"values/{checked(value.file)}")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise RunNotFoundError(f"{path}, a value of run {run_id}, cannot be read: {error}") from error
        if hashlib.sha256(data).hexdigest() != value.sha256:
            raise RunNotFoundError(f"the file {value.file} of run {run_id} is not the one that was recorded")
        return revive(json.loads(data))

    def tree(self, run_id: str) -> str:
        """Give the id of the top-level run that a run belongs to.

        Raises:
            RunNotFoundError: there is none of that id.
        """
        if self.files.sizes(run_id) and run_id in self._read(run_id):
            return self._understood(run_id)
        for name in self.files.trees():
            if run_id in self._read(name):
                return self._understood(name)
        raise self._missing(run_id)

    def latest(self, run_id: str) -> int:
        """Give the time of the last event in a run's tree, in microseconds since the epoch; errors as for `tree`."""
        return self._read(self.tree(run_id)).latest

    def remove(self, run_id: str) -> None:
        """Remove a run's files for good; of a top-level run everything, its children included."""
        tree = self.tree(run_id)
        self.files.remove(tree, None if tree == run_id else f"files/{run_id}")
        self._trees.pop(tree, None)

    def _missing(self, run_id: str) -> RunNotFoundError:
        return RunNotFoundError(
            f"no run {run_id!r} in {self.uri}; `autolog runs --store {self.uri}` lists those it has"
        )

    def _read(self, name: str) -> Tree:
        tree = self._trees.setdefault(name, Tree(self.files, name))
        tree.refresh(self.files.sizes(name))
        return tree

    def _understood(self, name: str) -> str:
        if self._trees[name].is_newer:
            raise JournalError(f"{self.uri}/{name} {_NEWER}")
        return name

    def _pass_over(self, name: str) -> None:
        """Say of a folder that it is not read, once."""
        if name not in self._passed_over:
            self._passed_over.add(name)
            logger.warning("autolog: %s/%s %s; it is passed over", self.uri, name, _NEWER)

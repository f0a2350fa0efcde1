"""Writes what is known of the process to each top-level run, gathered off the training thread."""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

from autolog import guard
from autolog.recording.environment import Environment, gather, top_level_modules, with_packages
from autolog.recording.runs import ActiveRun

__all__ = ["ProcessFacts"]

_PATIENCE: Final = 2.0  # seconds that the end of the process waits for facts that are still being gathered
_LAST_PATIENCE: Final = 0.5  # seconds more, after git has been stopped, for what is known without it
_FORK_PATIENCE: Final = 0.25  # seconds that a fork waits: a process that forks had better have no thread
_NOTHING: Final = Environment({"missing": ["environment.gather failed"]}, None, "")


class ProcessFacts:
    """Gathers at the first run, and the packages at one that follows on further imports, on a thread that then ends."""

    def __init__(self) -> None:
        self._environment: Environment | None = None
        self._loaded, self._modules = 0, set[str]()  # how many modules of any kind, and those of packages, were known
        self._waiting: list[ActiveRun] = []
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before_fork)

    def add(self, run: ActiveRun) -> None:
        """Write the facts to a run, now or as soon as they are known."""
        with self._lock:
            environment = self._environment
            if environment is None or self._thread is not None or self._lacks_packages():
                self._waiting.append(run)
                self._start()
                return
        _write(environment, run)

    def _lacks_packages(self) -> bool:
        if self._loaded == len(sys.modules):
            return False
        self._loaded = len(sys.modules)
        return not top_level_modules() <= self._modules

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._gather, name="autolog-environment", daemon=True)
            self._thread.start()

    def _gather(self) -> None:
        while waiting := self._next():
            modules, known = top_level_modules(), self._environment
            found = guard.call("environment.gather", None, self._found, known) or known or _NOTHING
            with self._lock:
                self._environment, self._modules = found, modules
            for run in waiting:
                guard.call("environment.write", run, _write, found, run)

    def _next(self) -> list[ActiveRun]:
        """Give the runs to gather for; one that begins later may follow on imports that this gathering misses."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            if not waiting:
                self._thread = None
            return waiting

    def _found(self, known: Environment | None) -> Environment:
        return gather(self._ending) if known is None else with_packages(known)

    def finish(self) -> None:
        """Wait for facts that are still being gathered, but not long, and for git no longer than that."""
        thread = self._thread
        if thread is not None:
            thread.join(_PATIENCE)
            self._ending.set()
            thread.join(_LAST_PATIENCE)

    def _before_fork(self) -> None:
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_FORK_PATIENCE)

    def forked(self) -> None:
        """In a forked child: keep what is known, and leave the parent's runs to the parent."""
        self._lock, self._ending = threading.Lock(), threading.Event()
        self._thread, self._waiting = None, []


def _write(environment: Environment, run: ActiveRun) -> None:
    run.log_facts("environment", environment.facts)
    if environment.diff:
        run.add_file("environment/changes.diff", environment.diff)

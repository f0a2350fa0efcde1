"""Writes what is known of the process to each top-level run, gathered once and off the training thread."""

from __future__ import annotations

import os
import threading
from typing import Final

from autolog import guard
from autolog.recording.environment import Environment, gather
from autolog.recording.runs import ActiveRun

__all__ = ["ProcessFacts"]

_PATIENCE: Final = 2.0  # seconds that the end of the process waits for facts that are still being gathered
_LAST_PATIENCE: Final = 0.5  # seconds more, after git has been stopped, for what is known without it
_FORK_PATIENCE: Final = 0.25  # seconds that a fork waits: a process that forks had better have no thread
_NOTHING: Final = Environment({"missing": ["environment.gather failed"]}, None, "")


class ProcessFacts:
    """Gathers at the first run, on a thread that ends with the gathering."""

    def __init__(self) -> None:
        self._environment: Environment | None = None
        self._waiting: list[ActiveRun] = []
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before_fork)

    def add(self, run: ActiveRun) -> None:
        """Write the facts to a run, now or as soon as they are known."""
        with self._lock:
            if self._environment is None:
                self._waiting.append(run)
                self._start()
                return
        _write(self._environment, run)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._gather, name="autolog-environment", daemon=True)
            self._thread.start()

    def _gather(self) -> None:
        found = guard.call("environment.gather", None, gather, self._ending) or _NOTHING
        with self._lock:
            self._environment = found
            waiting, self._waiting = self._waiting, []
        for run in waiting:
            guard.call("environment.write", run, _write, found, run)

    def finish(self) -> None:
        """Wait for facts that are still being gathered, but not long, and for git no longer than that."""
        if self._thread is not None:
            self._thread.join(_PATIENCE)
            self._ending.set()
            self._thread.join(_LAST_PATIENCE)

    def _before_fork(self) -> None:
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_FORK_PATIENCE)

    def forked(self) -> None:
        """In a forked child: keep what is known, and leave the parent's runs to the parent."""
        self._lock, self._ending = threading.Lock(), threading.Event()
        self._thread, self._waiting = None, []


def _write(environment: Environment, run: ActiveRun) -> None:
    run.log_facts("environment", environment.facts)
    if environment.diff:
        run.add_file("environment/changes.diff", environment.diff)

"""Daemon threads that a fork finds stopped, and that are started again when there is work."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Final

__all__ = ["Background"]

_PATIENCE: Final = 0.5  # seconds that stopping waits: a disk or a destination may hang

_all: list[weakref.ref[Background]] = []
_held = False  # during a fork, whatever other threads ask for meanwhile


class Background:
    """One thread of ours.

    Args:
        name: the thread's.
        work: called as `work(stop)` on the thread; returns soon after the event `stop` has been set.
    """

    def __init__(self, name: str, work: Callable[[threading.Event], None]) -> None:
        self._name = name
        self._work = work
        self.reset()
        _all.append(weakref.ref(self, _all.remove))

    def reset(self) -> None:
        """Be as new; in a forked child too, which has none of the parent's threads but may have their locks."""
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._wanted = False

    def start(self) -> None:
        """Have the thread run; during a fork, once that is over."""
        if self._thread is None:
            with self._starting:
                self._wanted = _held
                if self._thread is None and not _held:
                    self._begin()

    def _begin(self) -> None:
        self._stop = threading.Event()  # its own: an earlier thread may still be on its way out
        thread = threading.Thread(target=self._work, args=(self._stop,), name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending: what waits is done at its exit
            return
        self._thread = thread

    def wake(self) -> None:
        """Have the thread run, and look at once for what waits."""
        self.start()
        self._wake.set()

    def sleep(self, seconds: float | None) -> None:
        """On the thread: wait that long, or until somebody wakes it."""
        self._wake.wait(seconds)
        self._wake.clear()

    def stop(self) -> bool:
        """End the thread, without waiting long for it; True where there was one."""
        with self._starting:
            thread, self._thread = self._thread, None
            self._stop.set()
        if thread is not None and thread is not threading.current_thread():
            self._wake.set()
            thread.join(_PATIENCE)
        return thread is not None

    def hold(self) -> None:
        """End the thread for the time of a fork."""
        self._wanted = self.stop() or self._wanted

    def release(self) -> None:
        """Go on where the fork interrupted, or where a start was asked for meanwhile."""
        if self._wanted:
            self.start()


def _living() -> list[Background]:
    return [found for found in (reference() for reference in list(_all)) if found is not None]


def _before_fork() -> None:
    global _held
    _held = True
    for each in _living():
        each.hold()


def _after_fork() -> None:
    global _held
    _held = False
    for each in _living():
        each.release()


def _in_child() -> None:
    global _held
    _held = False
    for each in _living():
        each.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)

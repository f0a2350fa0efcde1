"""Daemon threads that a fork finds stopped, or away, and that go on afterwards when there is work."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Final

__all__ = ["Background", "away"]

_PATIENCE: Final = 2.0  # seconds that stopping waits: a disk may hang, and an import may take that long
_GRACE: Final = 0.05  # … and for one that is away, once: most are back by then, and Python warns of forks with threads
_GLANCE: Final = 0.001  # seconds between two looks at where a thread is

_all: list[weakref.ref[Background]] = []
_held = False  # during a fork, whatever other threads ask for meanwhile
_forking = threading.RLock()  # held during a fork: who is away comes back after it
_here = threading.local()


@contextlib.contextmanager
def away() -> Iterator[None]:
    """Wait for a network, or for what else takes its time, on a thread of ours: a fork does not wait for that.

    Nothing may be held meanwhile that a child needs, such as the lock of a module that is being imported.
    """
    thread: Background | None = getattr(_here, "thread", None)
    if thread is None:
        yield
        return
    thread.is_away = thread.is_missed = True
    try:
        yield
    finally:
        with _forking:
            thread.is_away = False


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
        self.is_away = False
        self.is_missed = False
        """A fork has not waited yet for it to come back."""

    def start(self) -> None:
        """Have the thread run; during a fork, once that is over."""
        if self._thread is None:
            with self._starting:
                self._wanted = _held
                if self._thread is None and not _held:
                    self._begin()

    def _begin(self) -> None:
        self._stop = threading.Event()  # its own: an earlier thread may still be on its way out
        thread = threading.Thread(target=self._live, args=(self._stop,), name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending: what waits is done at its exit
            return
        self._thread = thread

    def _live(self, stop: threading.Event) -> None:
        _here.thread = self
        self._work(stop)

    def wake(self) -> None:
        """Have the thread run, and look at once for what waits."""
        self.start()
        self._wake.set()

    def sleep(self, seconds: float | None) -> None:
        """On the thread: wait that long, or until somebody wakes it."""
        self._wake.wait(seconds)
        self._wake.clear()

    def stop(self) -> None:
        """End the thread, without waiting long for it."""
        thread = self.dismiss()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_PATIENCE)

    def dismiss(self) -> threading.Thread | None:
        """Have the thread end, without waiting for it at all."""
        with self._starting:
            thread, self._thread = self._thread, None
            self._interrupt()
        return thread

    def _interrupt(self) -> None:
        self._stop.set()
        self._wake.set()

    def _interrupted(self) -> threading.Thread | None:
        """Have the thread end, and give it; None where there is none, or it is the one that asks."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return None
        self._interrupt()
        return thread

    def expect(self, deadline: float) -> None:
        """Have the thread end for the time of a fork, and wait for that while it may come back from where it is.

        Args:
            deadline: until when, on `time.monotonic`'s clock.
        """
        thread = self._interrupted()
        if thread is None:
            return
        if self.is_missed or not self.is_away:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.is_missed = False

    def hold(self, deadline: float) -> None:
        """Have no thread for the time of a fork; one that is away does not come back meanwhile, and goes on afterwards.

        Args:
            deadline: until when it is waited for.
        """
        thread = self._interrupted()
        if thread is None:
            return
        while thread.is_alive() and not self.is_away and time.monotonic() < deadline:
            thread.join(_GLANCE)
        if self.is_away:
            self._stop.clear()
        else:
            self._thread, self._wanted = None, True

    def release(self) -> None:
        """Go on where the fork interrupted, or where a start was asked for meanwhile."""
        if self._wanted:
            self.start()


def _living() -> list[Background]:
    return [found for found in (reference() for reference in list(_all)) if found is not None]


def _before_fork() -> None:
    global _held
    began = time.monotonic()
    for each in _living():
        each.expect(began + _GRACE)
    _forking.acquire()
    _held = True
    for each in _living():
        each.hold(began + _PATIENCE)


def _after_fork() -> None:
    global _held
    _held = False
    _forking.release()
    for each in _living():
        each.release()


def _in_child() -> None:
    global _held, _forking
    _held, _forking = False, threading.RLock()
    for each in _living():
        each.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)

"""Work that nobody waits for, such as a chart of a prediction: done in order on a thread of ours.

What is handed over must be nobody else's any more: a copy of what the user may change next. The work touches nothing
that is the process's. Whoever reads runs back in this process waits for it, and so does the process's end, for a while.
A worker process, which may be ended as soon as its task is done, does it at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, Final, NamedTuple

from autolog import guard, session
from autolog.background import Background
from autolog.journal import process

__all__ = ["do", "finish", "wait"]

_MOMENT: Final = 0.05  # seconds
_MOST: Final = 256  # pieces that wait; more of them is more than a thread can keep up with


class _Piece(NamedTuple):
    run: guard.Notes
    what: str
    work: Callable[..., object]
    given: tuple[Any, ...]


def do(key: Hashable, run: guard.Notes, what: str, work: Callable[..., object], *given: Any) -> None:
    """Have `work(*given)` done soon, instead of what waits under the same key; whatever it raises is noted.

    Args:
        key: names what the work makes: of two that wait, only the later is needed.
        run: takes the notes.
        what: it makes, for the note where there is too much to do.
        work: does it.
        given: the arguments; nobody changes them any more.
    """
    if len(_waiting) >= _MOST and key not in _waiting:
        run.note(f"no {what}: too many were still waiting to be made")
        return
    _waiting[key] = _Piece(run, what, work, given)
    if session.get().is_worker:
        _next()
    else:
        _thread.wake()


def wait(seconds: float) -> None:
    """Do what waits, together with the thread, and then wait for that; not longer than so many seconds."""
    deadline = time.monotonic() + seconds
    while _waiting and time.monotonic() < deadline:
        _next()
    if _working.acquire(timeout=max(0.0, deadline - time.monotonic())):
        _working.release()


def finish(seconds: float) -> None:
    """Wait, and note what is not done then: the process ends."""
    wait(seconds)
    while _waiting:
        piece = _taken()
        if piece is not None:
            piece.run.note(f"no {piece.what}: the process ended before it was made")


def _work(stop: threading.Event) -> None:
    """Do what waits, a moment later: whoever handed it over would else wait for the interpreter, which this takes."""
    while not stop.wait(_MOMENT):
        while _waiting and not stop.is_set():
            _next()
        _thread.sleep(None)


def _next() -> None:
    with _working:
        piece = _taken()
        if piece is not None:
            guard.call("afterwards.work", piece.run, piece.work, *piece.given)


def _taken() -> _Piece | None:
    """Take the piece that has waited longest; another thread may be taking it."""
    try:
        return _waiting.pop(next(iter(_waiting)))
    except (StopIteration, KeyError, RuntimeError):  # RuntimeError: a piece has just been added
        return None


def _forked() -> None:
    """Leave the parent's work to the parent."""
    global _working
    _working = threading.Lock()
    _waiting.clear()


_waiting: dict[Hashable, _Piece] = {}
_working = threading.Lock()
_thread = Background("autolog-afterwards", _work)
process.on_fork(_forked)

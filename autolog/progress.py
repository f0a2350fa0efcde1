"""The line on a terminal that says how far a search is: read from the store, as any other process could."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from autolog import console, guard, session
from autolog.background import Background
from autolog.lazy import lazy
from autolog.text import counted, duration, number, value_text, visible

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun
    from autolog.store.base import Store
    from autolog.store.run import Run

__all__ = ["Progress", "Tally"]

_FIRST: Final = 1.0  # seconds that pass without a line
_EVERY: Final = 0.5  # seconds between two lines at least
_SHARE: Final = 0.01  # of a processor's time that the lines may take
_VALUE: Final = 16  # characters of a param

_one = threading.Lock()  # held by who shows a line: the outermost search, and of several in threads the first


class Progress:
    """Shows, for the body of a `with`, how many child runs of a run have ended and which of them is the best.

    Nothing is shown where stderr is no terminal, in a worker process, when silent, nor within the first second.

    Args:
        run: the run; for None, and for one that records nothing, nothing is shown.
        scores: metrics that say how good a child is, the greater the better; the first of them that it has counts.
    """

    def __init__(self, run: ActiveRun | None, scores: Sequence[str] = ()) -> None:
        self._run = run
        self._tally = Tally("" if run is None else run.run_id, scores)
        self._line: Background | None = None

    def expect(self, children: int) -> None:
        """Say that there will be so many child runs more."""
        self._tally.expected += children

    def __enter__(self) -> Progress:
        if self._run is not None and self._run.records:
            guard.call("progress.begin", self._run, self._begin, self._run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        line, self._line = self._line, None
        if line is not None:
            try:
                line.stop()
            finally:
                _one.release()

    def _begin(self, run: ActiveRun) -> None:
        terminal = None if run.settings.silent else console.terminal()
        if terminal is not None and not _is_worker() and _one.acquire(blocking=False):
            self._line = Background("autolog-progress", _Line(terminal, run, self._tally).show)
            self._line.start()


def _is_worker() -> bool:
    from multiprocessing import parent_process  # late: it takes a while to import

    return parent_process() is not None


class _Line:
    """The line of one run; all of this is done on a thread, which a fork ends and begins again.

    Args:
        terminal: the number of the file.
        run: the run.
        tally: what is known of it.
    """

    def __init__(self, terminal: int, run: ActiveRun, tally: Tally) -> None:
        self._terminal = terminal
        self._run = run
        self._tally = tally
        self._pause = _FIRST

    def show(self, stop: threading.Event) -> None:
        """Keep the line true until the event is set, and then take it away."""
        guard.call("progress.show", self._run, self._show, stop)

    def _show(self, stop: threading.Event) -> None:
        try:
            while not stop.wait(self._pause):
                began = time.thread_time()
                self._tally.add(self._changes())
                if not stop.is_set():
                    console.stand(self._terminal, f"{self._run.run_name}: {self._tally.text()}")
                self._pause = max(_EVERY, (time.thread_time() - began) / _SHARE)
        finally:
            console.erase(self._terminal)

    def _changes(self) -> Iterable[Run]:
        from autolog.store.journals import JournalStore  # by searches that take long enough

        return self._store.changes(self._run.tree) if isinstance(self._store, JournalStore) else ()

    @lazy
    def _store(self) -> Store:
        return session.get().new_store(str(self._run.folder.parent))


class Tally:
    """What is known of the child runs of a run, told of them as they change.

    Args:
        run_id: the run's.
        scores: metrics that say how good a child is; the first of them that it has counts.
    """

    def __init__(self, run_id: str, scores: Sequence[str]) -> None:
        self.expected = 0
        self._run_id = run_id
        self._scores = scores
        self._began = time.monotonic()
        self._splits: dict[str, int] = {}
        self._ended: dict[str, str] = {}
        self._best: tuple[float, Run] | None = None

    def add(self, runs: Iterable[Run]) -> None:
        """Take in runs as they are now; those that are neither the run nor its children are passed over."""
        for run in runs:
            if self._run_id in (run.run_id, run.parent_run_id):
                self._splits[run.run_id] = len(run.splits)
            if run.parent_run_id == self._run_id and run.status != "RUNNING":
                self._ended[run.run_id] = run.status
                self._compare(run)

    def _compare(self, child: Run) -> None:
        score = next((child.metrics[name] for name in self._scores if name in child.metrics), math.nan)
        if score > (-math.inf if self._best is None else self._best[0]):
            self._best = score, child

    def text(self) -> str:
        """Say it in a line, the most telling first: its end may be cut off."""
        return ", ".join(self._parts(time.monotonic() - self._began))

    def _parts(self, seconds: float) -> Iterator[str]:
        ended, failed = len(self._ended), list(self._ended.values()).count("FAILED")
        yield f"{ended} of {self.expected}" if self.expected else counted(sum(self._splits.values()), "split")
        if failed:
            yield f"{failed} failed"
        yield duration(seconds)
        if 0 < ended < self.expected:
            yield f"about {duration(seconds / ended * (self.expected - ended))} left"
        if self._best is not None:
            score, child = self._best
            yield " ".join([f"best {number(score)}:", *(_brief(*param) for param in child.params.items())])


def _brief(name: str, value: Any) -> str:
    text = number(value) if isinstance(value, float) else value_text(value)
    return f"{visible(name)}={text if len(text) <= _VALUE else f'{text[: _VALUE - 2]}..'}"

"""A courier: the thread that serves one destination with the runs of this process."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from autolog import guard
from autolog.background import Background
from autolog.delivery.batches import is_gone, is_run, journals
from autolog.delivery.cursors import Cursors, public_uri
from autolog.delivery.route import LaterError, Route, is_complete, remaining, unless_gone
from autolog.exceptions import AutologError
from autolog.hookspecs import Backend, Batch
from autolog.text import visible

__all__ = ["Courier", "end_all", "left_behind", "wait_before"]

_PAUSE: Final = 1.0  # seconds between two looks at the journals
_FIRST_WAIT = 1.0  # seconds until the second try; each further one waits twice as long
_LONGEST_WAIT: Final = 60.0
_AWAY: Final = 3  # tries in a row that failed: the end of the program makes one more, and does not wait


def wait_before(tries: int, named: float | None) -> float:
    """Give how long to wait before trying again: twice as long each time, with jitter.

    Args:
        tries: that failed so far.
        named: the seconds that the destination named, before which it is not to be.
    """
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(tries - 1, 10))
    return max(longest * random.Random().uniform(0.5, 1.0), named or 0.0)  # noqa: S311


class _Gate:
    """Lets batches pass until it is closed; those of runs that go on at a distance from each other.

    Args:
        pause: the distance, in seconds.
        batch_bytes: a batch that is as large has more behind it, which need not wait.
    """

    def __init__(self, pause: float, batch_bytes: int) -> None:
        self._pause = pause
        self._batch_bytes = batch_bytes
        self._next = 0.0
        self.hurries = False
        self.stop = threading.Event()

    def opens(self, *, ended: bool) -> bool:
        """Say whether a batch may be handed over now."""
        return not self.stop.is_set() and (self.hurries or ended or time.monotonic() >= self._next)

    def passed(self, batch: Batch, *, ended: bool) -> None:
        """Take notice of one that was handed over."""
        if not ended and len(batch.lines) < self._batch_bytes:
            self._next = time.monotonic() + self._pause


class Courier:
    """Serves one destination.

    Args:
        uri: it.
        backend: opened for it.
    """

    def __init__(self, uri: str, backend: Backend) -> None:
        self.uri = public_uri(uri)
        self._backend = backend
        self._gate = _Gate(backend.pause, backend.batch_bytes)
        self._routes: dict[Path, Route] = {}
        self._searched: set[Path] = set()
        self._tries = 0
        self._not_before = 0.0
        self._busy = threading.Lock()
        self._thread = Background("autolog-delivery", self._run)

    def follow(self, folder: Path) -> None:
        """Deliver a top-level run from now on; its cursor file says so, should this process be killed."""
        route = self._routes.get(folder)
        if route is None:
            route = self._routes[folder] = Route(folder, self.uri, self._backend)
            route.cursors.begin()
        route.hasten()
        self._thread.wake()

    def _run(self, stop: threading.Event) -> None:
        self._gate.stop = stop
        while not stop.is_set():
            with self._busy:
                guard.call("delivery.round", None, self._round)
            self._thread.sleep(_PAUSE)

    def _round(self) -> None:
        """Hand over all that there is, run by run: what waits longest comes first, and what failed before last."""
        self._adopt()
        due = [each for each in list(self._routes.values()) if each.not_before <= time.monotonic()]
        for route in sorted(due, key=lambda each: (each.tries, each.served)):
            if time.monotonic() >= self._not_before and not self._gate.stop.is_set():
                guard.call("delivery.route", None, self._advance, route)

    def _advance(self, route: Route) -> None:
        try:
            if guard.refusable("a run cannot be handed over", route.advance, self._gate):
                self._tries = 0
        except LaterError as error:
            self._back_off(route, error, error.after)
        except (AutologError, OSError) as error:  # of the disk with the journals, or what is in them
            self._back_off(route, error, None)

    def _back_off(self, route: Route, error: Exception, named: float | None) -> None:
        """Leave the destination alone for a while, and this run for longer: it may be the only one that is refused."""
        if not self._tries and str(error):
            guard.logger.warning("autolog: %s takes nothing now, and is tried again: %s", self.uri, visible(str(error)))
        route.tries += 1
        self._tries += 1
        route.not_before = time.monotonic() + wait_before(route.tries, named)
        self._not_before = time.monotonic() + wait_before(self._tries, named)

    def _adopt(self) -> None:
        """Follow what processes that are gone left undelivered beside the runs followed here; once a place."""
        for root in {folder.parent for folder in list(self._routes)} - self._searched:
            self._searched.add(root)
            for folder in left_behind(root, self.uri):
                self._routes.setdefault(folder, Route(folder, self.uri, self._backend))

    # ---- the end

    def begin_end(self, deadline: float) -> threading.Thread:
        """Begin to deliver what is left, and then to let go of the destination.

        Args:
            deadline: when to give up, on `time.monotonic`'s clock.

        Returns:
            The thread that does it, to be waited for.
        """
        self._thread.dismiss()  # it may be in the middle of a request
        last = threading.Thread(target=self._finish, args=(deadline,), name="autolog-delivery", daemon=True)
        try:
            last.start()
        except RuntimeError:  # the interpreter starts no more threads
            self._finish(deadline)
        return last

    def catch_up(self, timeout: float) -> None:
        """Wait until all that was written is handed over, unless the destination is away.

        Args:
            timeout: in seconds.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and not self._tries and self._lags():
            for route in list(self._routes.values()):
                if not route.tries:
                    route.hasten()
            self._thread.wake()
            time.sleep(0.02)

    def _lags(self) -> bool:
        return any(remaining(Cursors(each, self.uri).load()) for each in list(self._routes) if each.is_dir())

    def left(self) -> int:
        """Say how many runs are not delivered whole."""
        return sum(each.folder.is_dir() and not each.is_complete for each in list(self._routes.values()))

    def _finish(self, deadline: float) -> None:
        if not self._busy.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return
        self._gate.stop, self._gate.hurries = threading.Event(), True
        self._backend.hurries = True
        self._not_before = 0.0
        for route in self._routes.values():
            route.hasten()
        was_away = self._tries >= _AWAY
        while not guard.call("delivery.last", None, self._last_round) and not was_away and time.monotonic() < deadline:
            time.sleep(min(0.1, max(0.0, deadline - time.monotonic())))
        guard.call("delivery.close", None, guard.contained, self._backend.close)

    def _last_round(self) -> bool:
        """Hand over all that there is; what is left alone for now counts as waiting."""
        self._round()
        return all(not each.folder.is_dir() or each.is_complete for each in self._routes.values())


def end_all(couriers: Sequence[Courier], timeout: float) -> dict[str, int]:
    """Deliver what is left, to all destinations at once.

    Args:
        couriers: theirs.
        timeout: the seconds after which what is still left stays where it is.

    Returns:
        How many runs are left, by destination.
    """
    deadline = time.monotonic() + timeout
    threads = [each.begin_end(deadline) for each in couriers]
    for thread in threads:
        if thread.ident is not None:  # else it could not be started
            thread.join(max(0.0, deadline - time.monotonic()))
    return {each.uri: each.left() for each in couriers}


def left_behind(root: Path, uri: str) -> list[Path]:
    """Give the runs that somebody began to deliver and nobody who lives will deliver whole.

    Args:
        root: the folder of run folders.
        uri: the destination's, without secrets.
    """
    name = Cursors(root, uri).path.relative_to(root)
    folders = filter(is_run, (path.parents[1] for path in root.glob(f"*/{name}")))
    return [folder for folder in folders if unless_gone(folder, False, partial(_is_left, folder, uri))]


def _is_left(folder: Path, uri: str) -> bool:
    return all(map(is_gone, journals(folder))) and not is_complete(Cursors(folder, uri).load())

"""The way of one top-level run to one destination: what is handed over next, and what the destination makes of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

from autolog import guard
from autolog.delivery.batches import batches, is_gone, journals, look
from autolog.delivery.cursors import Cursors
from autolog.delivery.lease import lease
from autolog.exceptions import AutologError
from autolog.hookspecs import Backend, Batch, Delivery
from autolog.journal.recovery import recover
from autolog.text import visible

__all__ = ["Gate", "LaterError", "Route", "is_complete", "is_over", "remaining", "unless_gone"]

T = TypeVar("T")

_LONGEST_REST: Final = 60.0  # seconds between two looks at a run that nothing has come to for long


class LaterError(AutologError):
    """The destination cannot take what it was handed now.

    Args:
        said: what it said.
    """

    def __init__(self, said: Delivery) -> None:
        super().__init__(said.reason)
        self.after = said.after


class Gate(Protocol):
    """Says when the next batch may be handed over."""

    hurries: bool
    """Nothing is waited for that might still come: the process ends."""

    def opens(self, *, ended: bool) -> bool:
        """Say whether it may be now, of a run that has ended or goes on."""

    def passed(self, batch: Batch, *, ended: bool) -> None:
        """Take notice that one was handed over."""


class Route:
    """What is known of one top-level run on its way to one destination.

    Args:
        folder: the run's.
        uri: the destination's, without secrets.
        backend: opened for it.
    """

    def __init__(self, folder: Path, uri: str, backend: Backend) -> None:
        self.folder = folder
        self.cursors = Cursors(folder, uri)
        self.tries = 0
        self.served = 0.0  # when something of it was handed over last
        self.not_before = 0.0
        self._rest = 0.5
        self._patient_until = 0.0
        self._known: tuple[int, dict[str, str]] = 0, {}  # when the folder changed, and its journals then, by writer
        self._looked: dict[str, int] = {}  # how far each journal holds only what can wait, by writer
        self._backend = backend

    def hasten(self) -> None:
        """Have all that there is handed over when this is looked at next, and that soon."""
        self.not_before = self._patient_until = 0.0

    def advance(self, gate: Gate) -> bool:
        """Hand over all that there is; False where something has to wait, which nothing has of a run that has gone.

        Raises:
            LaterError: the destination cannot take it now.
        """
        if not gate.hurries and self._can_wait():
            return False
        return unless_gone(self.folder, True, partial(self._advance, gate))

    def _advance(self, gate: Gate) -> bool:
        with lease(self.cursors.lock) as held:
            if not held:
                return False
            before = dict(self.cursors.load().delivered)
            is_through = self._hand_over(gate)
            has_come = before != self.cursors.delivered
            if is_through and (gate.hurries or not has_come):
                self._settle()
        if has_come:
            self.served = time.monotonic()
            self._patient_until = self.served + self._backend.patience
            self._looked = dict(self.cursors.delivered)
        self._wait_for_more(has_come=has_come or not is_through)
        return is_through

    def _can_wait(self) -> bool:
        """Say whether nothing has come but what the destination is patient with; reading it is felt in the training."""
        if time.monotonic() >= self._patient_until or self.cursors.ended:
            return False
        try:
            return all(self._holds_little(writer, journal) for writer, journal in self._journals().items())
        except OSError:
            return False  # the folder may be gone, which is seen to elsewhere

    def _journals(self) -> dict[str, str]:
        """Give the paths of the journals by writer; the folder is read again where something came to it."""
        changed = self.folder.stat().st_mtime_ns
        if self._known[0] != changed:
            self._known = changed, {each.stem: str(each) for each in journals(self.folder)}
        return self._known[1]

    def _holds_little(self, writer: str, journal: str) -> bool:
        backend = self._backend
        end = look(journal, self._looked.get(writer, 0), backend.patient, backend.batch_bytes)
        if end is None:
            return False
        self._looked[writer] = end
        return end - self.cursors.delivered.get(writer, 0) < backend.batch_bytes

    def _wait_for_more(self, *, has_come: bool) -> None:
        """Look less often at a run of which nothing comes any more."""
        self._rest = 0.5 if has_come else min(_LONGEST_REST, self._rest * 1.5)
        self.not_before = time.monotonic() + (0.0 if has_come else self._rest - 0.5)

    def _hand_over(self, gate: Gate) -> bool:
        for ring in self.folder.glob("*.ring"):
            if is_gone(ring.with_suffix(".jsonl")):
                recover(self.folder, ring.stem)
        cursors, size = self.cursors, self._backend.batch_bytes
        for journal in journals(self.folder):
            there = journal.stat().st_size
            if there > cursors.delivered.get(journal.stem, 0) and not gate.opens(ended=cursors.ended):
                return False  # before what is there is read
            until = math.inf if gate.hurries else there  # a writer is not chased without a rest
            for batch in batches(self.folder, journal, cursors.delivered, size, until):
                if not gate.opens(ended=cursors.ended):
                    return False
                self._take_answer(
                    batch, guard.call("delivery.deliver", None, guard.contained, self._backend.deliver, batch)
                )
                self._moved(batch)
                gate.passed(batch, ended=cursors.ended)
        return True

    def _moved(self, batch: Batch) -> None:
        self.cursors.delivered[batch.writer] = batch.end
        for event in batch.events:
            if event.run == batch.tree and event.kind in ("started", "finished"):
                self.cursors.ended = event.kind == "finished"
        self.cursors.save()

    def _settle(self) -> None:
        """Say to the destination that this is all, where it is."""
        cursors = self.cursors
        if cursors.is_settled or not is_over(cursors):
            return
        folder = self.folder
        self._take_answer(
            None, guard.call("delivery.settle", None, guard.contained, self._backend.settle, folder.name, folder)
        )
        cursors.settled = dict(cursors.delivered)
        cursors.save()

    def _take_answer(self, batch: Batch | None, said: Delivery | None) -> None:
        """Keep aside what the destination refuses for good, with the reason; the rest goes on."""
        said = said or Delivery("retry")  # its code failed, which was reported
        if said.state == "retry":
            raise LaterError(said)
        refused = [said.reason] if said.state == "refused" else []
        place = {} if batch is None else {"writer": batch.writer, "offset": batch.offset, "size": len(batch.lines)}
        for reason in (*refused, *said.aside):
            told = (self.cursors.uri, self.folder.name, visible(reason))
            guard.logger.warning("autolog: %s refuses a part of run %s: %s", *told)
            self.cursors.keep_aside({**place, "reason": reason})
        self.tries = 0

    @property
    def is_complete(self) -> bool:
        """Say whether the destination has all that there is now."""
        return is_complete(self.cursors.load())


def unless_gone(folder: Path, otherwise: T, answer: Callable[[], T]) -> T:
    """Give an answer about a run, or do something with it.

    Args:
        folder: the run's. At any moment the user may delete it, or another process that has seen all have all of it.
        otherwise: what is given where it is there no more.
        answer: gives the answer.
    """
    try:
        return answer()
    except (FileNotFoundError, NotADirectoryError):
        if folder.is_dir():
            raise
        return otherwise


def is_complete(cursors: Cursors) -> bool:
    """Say whether a destination has all that there is now of a run, which may be nothing."""
    return unless_gone(
        cursors.folder, True, lambda: not _lacks(cursors) and (cursors.is_settled or not is_over(cursors))
    )


def remaining(cursors: Cursors) -> int:
    """Give how many bytes of journals a destination lacks of a run; none of one that is there no more."""
    return unless_gone(cursors.folder, 0, lambda: _lacks(cursors))


def _lacks(cursors: Cursors) -> int:
    return sum(max(0, _end(each) - cursors.delivered.get(each.stem, 0)) for each in journals(cursors.folder))


def is_over(cursors: Cursors) -> bool:
    """Say whether a run has ended, or nobody is left to write its end."""
    return cursors.ended or all(map(is_gone, journals(cursors.folder)))


def _end(journal: Path) -> int:
    """Give where a journal ends, as far as it is handed over: what is still being written is not."""
    size = journal.stat().st_size
    if is_gone(journal):
        return size
    with journal.open("rb") as file:
        for start in range(size - 4096, -4096, -4096):
            file.seek(max(0, start))
            found = file.read(4096 if start >= 0 else start + 4096).rfind(b"\n")
            if found >= 0:
                return max(0, start) + found + 1
    return 0

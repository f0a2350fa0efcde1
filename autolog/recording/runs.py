"""A run being written: facts become events of the journal."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
import os
import shutil
import time
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from autolog import clock, guard
from autolog.console import say
from autolog.exceptions import UsageError
from autolog.journal import points, process
from autolog.journal.points import Columns
from autolog.journal.writer import PointStream
from autolog.paths import checked, inside
from autolog.recording import checks, context, files
from autolog.recording.context import Context
from autolog.recording.decorating import decorated
from autolog.recording.endings import error_facts, status_of
from autolog.recording.redaction.texts import redact_name, redact_text
from autolog.recording.redaction.values import redact
from autolog.values import JSON, encode, is_cut, nesting_limit, to_bytes

if TYPE_CHECKING:
    from autolog.journal.writer import Journal, PointLog
    from autolog.settings.table import Settings

__all__ = ["ActiveRun"]

P = ParamSpec("P")
T = TypeVar("T")

_LARGE: Final = 64 << 10  # bytes; a larger value goes to a file of its own
_PREVIEW: Final = 1024  # characters of it that stay in the journal


class ActiveRun:
    """A run that facts are added to; also a context manager that ends it, and a decorator.

    Args:
        folder: the folder of run folders, or None for a run that records nothing. A child is kept with its parent.
        settings: redaction, excluded params and the like.
        run_name: what people read.
        experiment: the experiment's name.
        parent: the run that it is a child of.
        run_id: of a run that exists; None for a new one.
        tree: the top-level run of `run_id`.
        parent_run_id: the parent of `run_id`.
        session: that this is part of; None for a new one.
        after: what is added to `run_id` counts as no earlier than this, in microseconds since the epoch.
    """

    def __init__(
        self,
        folder: Path | None,
        settings: Settings,
        run_name: str | None,
        experiment: str,
        *,
        parent: ActiveRun | None = None,
        run_id: str | None = None,
        tree: str | None = None,
        parent_run_id: str | None = None,
        session: str | None = None,
        after: int = 0,
    ) -> None:
        self.run_id = run_id or clock.new_id(32)
        self.run_name = run_name
        self.experiment = experiment
        self.parent_run_id = parent.run_id if parent is not None else parent_run_id
        self.begin_again: Callable[[], ActiveRun] | None = None
        self.settings = settings
        self._resumes = run_id is not None
        self._after = after
        self._clock = functools.partial(_later, after * 1000) if after else clock.now
        self.tree: str = parent.tree if parent is not None else tree or self.run_id
        self._folder: Path | None = folder if parent is None or folder is None else parent._folder  # noqa: SLF001
        self._tree_folder: Path = parent._tree_folder if parent is not None else Path(folder or "", self.tree)  # noqa: SLF001
        self._session = session or clock.new_id(8)
        self._process = os.getpid()
        self._started = time.perf_counter()
        self._log: PointLog | None = None
        self._numbers: dict[str, int] = {}
        self._counts: dict[Hashable, int] = {}
        self.redacted: set[str] = set()  # the params that something was taken out of
        self._fits = itertools.count().__next__
        self._outer: Context | None = None
        self._before_end: list[weakref.WeakMethod[Callable[[BaseException | None], None]]] = []
        self.ended = False
        self.candidate_of: tuple[ActiveRun, int] | None = None
        self._child_ids: dict[int, str] = {}  # those that were asked for: each split of a candidate asks
        self.begun: set[int] = set()  # of its candidates, those whose beginning this process has written
        self.splits: set[tuple[int, int]] = set()  # of its candidates, the splits that this process has written

    # ---- events

    @property
    def records(self) -> bool:
        """Say whether anything is written: not in a paused context, nor while autolog is off."""
        return self._folder is not None

    @property
    def folder(self) -> Path:
        """The folder of the top-level run that this one belongs to.

        Raises:
            UsageError: this run records nothing.
        """
        if self._folder is None:
            raise UsageError("this run records nothing: autolog is paused here, or off")
        return self._tree_folder

    @property
    def _journal(self) -> Journal:
        return process.journal(self._tree_folder, self.tree, self._after)

    def _write(self, kind: str, data: Mapping[str, JSON]) -> None:
        if self._folder is not None:
            self._journal.write(self.run_id, kind, data)

    def _clean(self, values: Mapping[str, Any], redacted: set[str] | None = None) -> dict[str, JSON]:
        """The one way of values into the journal: typed, without secrets, and large ones in files of their own."""
        if self._folder is None:
            return {}
        extra = self.settings.redact
        cleaned = {}
        for name, value in checks.named(values):
            encoded = encode(value)
            without = redact(name, encoded, extra)
            if redacted is not None and without is not encoded:
                redacted.add(name)
            cleaned[redact_name(name, extra)] = self._spill(name, without)
        return cleaned

    def _spill(self, name: str, value: JSON) -> JSON:
        """Keep a value over 64 KiB in a file; the line gets its digest and a preview. What is missing is noted."""
        if type(value) in (int, float, bool) or value is None or (type(value) is str and len(value) < _LARGE // 6):
            return value
        if is_cut(value):
            self.note(f"{name!r} is cut where it is nested over {nesting_limit} levels deep, or lies inside itself")
        data = to_bytes(value)
        if len(data) <= _LARGE:
            return value
        digest = hashlib.sha256(data).hexdigest()
        path = self.folder / "values" / f"{digest}.json"
        if guard.call("runs.value", self, files.write, path, data) is None:
            self.note(f"the whole value of {name!r} is missing: its file could not be written")
        preview = value if isinstance(value, str) else data.decode("ascii")
        return {"$file": path.name, "sha256": digest, "size": len(data), "preview": preview[:_PREVIEW]}

    # ---- facts

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add params; a value of any type, which it keeps."""
        kept = self._kept(params)
        if kept:
            self._write("params", {"params": kept})

    def _kept(self, params: Mapping[str, Any]) -> dict[str, JSON]:
        globs = self.settings.exclude_params
        return self._clean(
            {key: value for key, value in checks.named(params) if not checks.matches(key, globs)}, self.redacted
        )

    def log_metric(self, key: str, value: float, step: int | None = None, timestamp: int | None = None) -> None:
        """Add a point to a series.

        Args:
            key: the metric's name, any text.
            value: a number.
            step: a whole number, 0 where not given.
            timestamp: milliseconds since the epoch; now where not given.

        Raises:
            UsageError: the value is no number, the step no whole number of 64 bits, or the key no text.
        """
        try:
            number = self._numbers[key]
        except KeyError:
            self.log_metrics({key: value}, step, timestamp)
            return
        except TypeError:
            raise UsageError(f"a name must be a str, not {type(key).__name__}: {key!r}") from None
        now = self._clock() if timestamp is None else checks.nanoseconds(timestamp)
        try:
            self._log.write(number, 0 if step is None else step, value, now)  # type: ignore[union-attr]
        except checks.UNFIT:
            self.log_metrics({key: value}, step, timestamp)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None, timestamp: int | None = None) -> None:
        """Add a point to each of several series; arguments and errors as for `log_metric`."""
        now = self._clock() if timestamp is None else checks.nanoseconds(timestamp)
        whole = checks.step(step)
        extra = self.settings.redact
        values = {redact_name(name, extra): checks.number(name, value) for name, value in checks.named(metrics)}
        if self._folder is None or not values:
            return
        journal = self._journal
        columns = {key: Columns([whole], [value], [now // 1000]) for key, value in values.items()}
        if not journal.write_points(self.run_id, columns):
            self._log_to_ring(journal, whole, values, now)

    def log_series(self, series: Mapping[str, Sequence[float]], steps: Sequence[int] | None = None) -> None:
        """Add whole series at once, in one event; their points all have the time of this call.

        Args:
            series: the values of each, by name.
            steps: of the values, one for each; counted from 0 where not given.

        Raises:
            UsageError: a value is no number, a step no whole number of 64 bits, or there is not a step for each value.
        """
        now, extra = self._clock() // 1000, self.settings.redact
        given = ((name, checks.columns(name, values, steps, now)) for name, values in checks.named(series))
        filled = {redact_name(name, extra): columns for name, columns in given if columns.values}
        if filled:
            self._write("points", {"series": {name: points.encode(columns) for name, columns in filled.items()}})

    def stream(self) -> PointStream:
        """Give a way for the points of a loop, which `log_metric` would be felt in; see `Journal.stream`."""
        return self._journal.stream() if self._folder is not None else PointStream(deque(maxlen=0))

    def series_name(self, key: str) -> str:
        """Give the name that a series has in the journal."""
        return redact_name(key, self.settings.redact)

    def _log_to_ring(self, journal: Journal, step: int, values: Mapping[str, float], now: int) -> None:
        if self._log is None or not self._numbers:
            self._log = journal.point_log(self.run_id)
            self._numbers = self._log.numbers
        for key, value in values.items():
            number = self._numbers.get(key)
            self._log.write(self._log.add(key) if number is None else number, step, value, now)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Add tags; a later value of a name replaces the earlier."""
        self._write("tags", {"tags": self._clean(tags)})

    def delete_tag(self, key: str) -> None:
        """Take a tag away."""
        self._write("tags", {"tags": {}, "removed": [*self._clean({key: None})]})

    def note(self, text: str) -> None:
        """Say in a line what is missing from the record, and why."""
        self._write("note", self._clean({"text": redact_text(text)}))

    def log_facts(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Add facts of a kind that has no method of its own.

        Args:
            kind: dataset, signature, model, environment, split or deleted.
            facts: what `docs/journal.md` says of that kind.
        """
        self._write(kind, self._clean(facts))

    def log_split(self, split: int, metrics: Mapping[str, float], facts: Mapping[str, Any]) -> None:
        """Add a finished split of a search; there are many of them, and in numbers there are no secrets to be sought.

        Args:
            split: its number.
            metrics: by name.
            facts: what else `docs/journal.md` says of it.
        """
        extra = self.settings.redact
        numbers: dict[str, JSON] = {}
        said: dict[str, JSON] = {}
        for name, value in metrics.items():
            number = float(value)
            numbers[redact_name(name, extra)] = number if math.isfinite(number) else encode(number)
        for name, fact in facts.items():
            if fact is None or type(fact) is int:
                said[name] = fact
            else:
                said.update(self._clean({name: fact}))
        self._write("split", {"split": split, "metrics": numbers, **said})

    # ---- files

    def path(self, artifact: str) -> Path:
        """Give the local path of an artifact of this run, its folder made.

        Raises:
            UsageError: the name would lead out of the run's folder.
        """
        found = inside(self._files, artifact)
        found.parent.mkdir(parents=True, exist_ok=True)
        return found

    @property
    def _files(self) -> Path:
        return self.folder / "files" / self.run_id

    def add_file(self, artifact: str, source: Path | bytes) -> None:
        """Keep a copy of a file, or bytes, as an artifact. What the disk refuses is noted.

        Raises:
            UsageError: the name would lead out of the run's folder, or is none that the file system takes.
        """
        name = checked(artifact)
        if self._folder is not None:
            guard.call("runs.file", self, self._keep, name, self._found(name), source)

    def _found(self, name: str) -> Path | OSError:
        try:
            return inside(self._files, name)
        except OSError as error:  # the disk's, which is noted; that the name is none is the caller's to know
            return error

    def _keep(self, artifact: str, target: Path | OSError, source: Path | bytes) -> None:
        if isinstance(target, OSError):
            raise target
        self._write("artifact", {"path": artifact, **files.keep(target, source)})

    # ---- beginning and end

    def next_number(self, key: Hashable) -> int:
        """Count what has no numbers of its own, from 0: the points of a metric computed again and again, trainings."""
        self._counts[key] = number = self._counts.get(key, -1) + 1
        return number

    def expect_points(self, count: int) -> None:
        """Say that so many points are to come: where they are many, they take the way of many from the first on."""
        if self._folder is not None:
            self._journal.expect_points(count)

    def take_first_fit(self) -> bool:
        """True for the first recorded fit inside this run, which goes on the run itself; a further one is a child."""
        return self._process == os.getpid() and self._fits() == 0

    def portable(self) -> dict[str, Any]:
        """Give what `carried` makes a handle on this run from, in another process."""
        names = {"run_name": self.run_name, "experiment": self.experiment, "run_id": self.run_id, "tree": self.tree}
        of = {"parent_run_id": self.parent_run_id, "session": self._session}
        return {**names, **of, "folder": self._folder, "after": self._after}

    @classmethod
    def carried(cls, facts: Mapping[str, Any], settings: Settings) -> ActiveRun:
        """Give a handle on a run of another process; it adds facts, and cannot end the run."""
        run = cls(settings=settings, **facts)
        run._process = 0  # another's
        return run

    def child(self, number: int, run_name: str) -> ActiveRun:
        """Give the child run whose id follows from this session and a number, in whichever process; write nothing."""
        run_id = self._child_ids.get(number)
        if run_id is None:
            digits = hashlib.sha256(f"{self.run_id}/{self._session}/{number}".encode()).hexdigest()
            run_id = self._child_ids[number] = digits[:32]
        run = ActiveRun(
            self._folder,
            self.settings,
            run_name,
            self.experiment,
            parent=self,
            run_id=run_id,
            session=self._session,
            after=self._after,
        )
        run.candidate_of = self, number
        return run

    def begin_candidate(self, splits: int | None, tags: Mapping[str, Any], params: Mapping[str, Any]) -> None:
        """Write the beginning of a run that ends with its last split; who writes it again says nothing new.

        Args:
            splits: how many there will be; None where that is not known, and then it ends with its parent.
            tags: to begin with.
            params: that make it this candidate.
        """
        number = None if self.candidate_of is None else self.candidate_of[1]
        names = {"run_name": self.run_name, "experiment": self.experiment, "parent": self.parent_run_id}
        facts = self._clean({**names, "number": number, "splits": splits})
        self._write("candidate", {**facts, "tags": self._clean(tags), "params": self._kept(params)})

    def begin(self, tags: Mapping[str, Any] | None = None) -> ActiveRun:
        """Write the start of a session."""
        names = {"run_name": self.run_name, "experiment": self.experiment, "parent": self.parent_run_id}
        self._write("started", {**self._clean({**names, "session": self._session}), "tags": self._clean(tags or {})})
        return self

    def enter(self) -> ActiveRun:
        """Make this the run of the context, until it ends."""
        self._outer = context.current.get()
        if self.records:
            context.explicit[self.run_id] = self
        context.current.set(Context(run=self, paused=not self.records))
        return self

    def before_end(self, then: Callable[[BaseException | None], None]) -> None:
        """Have a method called before the end of this session is written, unless its object is gone by then.

        Args:
            then: a bound method; given the error that the run ends with, or None.
        """
        self._before_end.append(weakref.WeakMethod(then))

    def _tell_of_end(self, error: BaseException | None) -> None:
        while self._before_end:  # to which those who are told may add
            then = self._before_end.pop(0)()
            if then is not None:
                guard.call("runs.before_end", self, then, error)

    def end(self, status: str = "FINISHED", error: BaseException | None = None) -> None:
        """Write the end, and go back to the context before it. In a forked child it is the parent's, and stays open."""
        if not self.ended and self._process == os.getpid():
            self._tell_of_end(error)
        self._leave()
        if self.ended or self._process != os.getpid():
            return
        self.ended = True
        if self._folder is not None:
            context.set_last(self)
            facts, extra = self._clean({"status": status, "session": self._session}), self.settings.redact
            self._journal.finish(self.run_id, {**facts, "error": redact("error", error_facts(error, self), extra)})
            self._report(status)

    def _leave(self) -> None:
        outer, self._outer = self._outer, None
        if outer is not None and context.current.get().run is self:
            context.current.set(outer)
        if context.explicit.get(self.run_id) is self and self._process == os.getpid():
            del context.explicit[self.run_id]

    def _report(self, status: str) -> None:
        if self.parent_run_id is None and not self.settings.silent:
            say(f"{self.run_name} {status} in {self.seconds:.3g} s, run {self.run_id}")

    def end_with(self, error: BaseException | None) -> None:
        """Write the end that follows from the exception that ended it, or from None."""
        self.end(status_of(error), error)

    @property
    def seconds(self) -> float:
        """How long this session has been going on."""
        return time.perf_counter() - self._started

    def forked(self) -> None:
        """Forget the parent's way into its ring."""
        self._log, self._numbers = None, {}

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        guard.call("runs.exit", self, self.end_with, error)

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Decorate a function: each call of it is a run of its own. The run begun for decorating is withdrawn.

        Raises:
            UsageError: it was not `start_run` that gave this run, or the run goes on with an earlier one.
        """
        again = self.begin_again
        if again is None or self._resumes:
            self.end()
            raise UsageError("only what autolog.start_run(...) gives, without a run_id, can decorate a function")
        self._withdraw()
        return decorated(function, again)

    def _withdraw(self) -> None:
        """Take the run back, as if it had never begun; whoever still holds it writes nothing any more."""
        self._leave()
        self._write("deleted", {"deleted": True})
        self.ended, folder = True, self._folder
        self._folder = None
        if folder is not None and self.tree == self.run_id:
            process.forget(folder / self.tree)
            shutil.rmtree(folder / self.tree, ignore_errors=True)

    def __repr__(self) -> str:
        return f"<ActiveRun {self.run_id} {self.run_name!r}>"


def _later(after: int) -> int:
    """Give the time, or that one where the clock stands before it."""
    return max(after, clock.now())

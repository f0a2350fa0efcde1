"""Opens runs and ends them with the process: made with the first run, since importing what it needs takes a while."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final, Protocol

from autolog import guard
from autolog.console import say
from autolog.delivery.batches import is_gone, is_own, journals
from autolog.delivery.courier import Courier, end_all
from autolog.delivery.cursors import Cursors, public_uri
from autolog.delivery.spool import sweep
from autolog.exceptions import RunNotFoundError, UsageError
from autolog.journal import children, process
from autolog.recording import afterwards, context
from autolog.recording.environment import script_name
from autolog.recording.process_facts import ProcessFacts
from autolog.recording.ranks import is_follower
from autolog.recording.runs import ActiveRun
from autolog.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from autolog.recording.system.sampler import Sampler
    from autolog.session import Session
    from autolog.settings.table import Settings
    from autolog.store.base import Store

__all__ = ["Open", "Recorder"]


class Open(Protocol):
    """A training that goes on from call to call."""

    @property
    def run(self) -> ActiveRun | None:
        """The run that it is recorded on."""

    def end_with(self, error: BaseException | None) -> None:
        """End it."""


class Training(Open, Protocol):
    """One that no call encloses at all."""

    def settle(self, error: BaseException | None) -> None:
        """Record what is still to be recorded: the run ends, with that error if any."""


_SETTLING: Final = 30.0  # seconds that who reads runs back waits for what is still being made of them
_LAST: Final = 2.0  # seconds that the end of the process waits for it
_of_parents: Final[list[Courier]] = []
"""Couriers that were at work when this process was forked: kept, since letting go of a connection takes its locks."""
_HANDLES: Final = 64  # on runs of other processes, for the tasks that are still to come


class Recorder:
    """The runs of this process.

    Args:
        session: what autolog is set to.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._existing: dict[str, ActiveRun] = {}
        self._carried: dict[str, ActiveRun] = {}
        self._couriers: dict[str, Courier] = {}
        self._script_run: ActiveRun | None = None
        self._sampler: Sampler | None = None
        self.left_open: weakref.WeakSet[Open] = weakref.WeakSet()
        self._facts = ProcessFacts()
        self._inherited: set[Path] = set()
        process.on_fork(self._forked)
        children.at_end(self.end)

    def new_run(
        self,
        run_name: str | None,
        *,
        parent: ActiveRun | None = None,
        tags: Mapping[str, Any] | None = None,
        experiment: str | None = None,
        options: Settings | None = None,
    ) -> ActiveRun:
        """Open a run, named after the script where it has no name of its own.

        A top-level one gets the facts of its environment as soon as they are known.
        """
        paused = context.current.get().paused or is_follower()
        general = options or self._session.resolved.general
        tags = {**(general.extra_tags or {}), **(tags or {})}
        experiment = experiment or (parent.experiment if parent is not None else general.experiment)
        folder = None if paused else self._session.root
        run = ActiveRun(folder, general, run_name or script_name(), experiment, parent=parent).begin(tags)
        if run.records and parent is None:
            guard.call("session.environment", run, self._facts.add, run)
            self._deliver(run)
            self.watch_system(run)
        return run

    def watch_system(self, run: ActiveRun, prefix: str = "") -> None:
        """Have the load of the machine sampled for a run, where that is wanted.

        Args:
            run: it.
            prefix: of the names of its series.
        """
        if run.settings.log_system_metrics:
            from autolog.recording.system.sampler import Sampler  # by who wants it

            self._sampler = self._sampler or Sampler()
            guard.call("session.system", run, self._sampler.watch, run, prefix)

    def _deliver(self, run: ActiveRun) -> None:
        """Have the tree of a run delivered to the destinations that the journal itself is not kept in."""
        guard.call("session.delivery", run, self._follow, run.folder)

    def _follow(self, tree: Path, begun: set[str] | None = None) -> None:
        """Have a tree delivered.

        Args:
            tree: its folder.
            begun: the destinations, without secrets, that may be meant; all where None.
        """
        for uri, folder in self._session.places:
            if folder != tree.parent and (begun is None or public_uri(uri) in begun):
                if uri not in self._couriers:
                    self._couriers[uri] = Courier(uri, self._session.open_backend(uri))
                self._couriers[uri].follow(tree)

    def _take_over(self) -> None:
        """Deliver also what was logged to runs of the parent's, where this process is the last of those who did."""
        for tree in self._inherited.intersection(process.folders()):
            if all(is_own(each) or is_gone(each) for each in journals(tree)):
                self._follow(tree, begun={each.uri for each in Cursors.all_in(tree)})

    def script_run(self) -> ActiveRun:
        """Give the run that takes what is logged outside of all runs; it has the script's name, and ends with it."""
        if self._script_run is None or self._script_run.ended:
            self._script_run = self.new_run(None)
        return self._script_run

    def existing(self, run_id: str) -> ActiveRun:
        """Give a handle that adds facts to a run without opening a session of it; none are added while paused.

        Raises:
            RunNotFoundError: there is no such run in the store that is written to.
        """
        if self._session.root is None or context.current.get().paused:
            return self.silent(run_id)
        found = context.explicit.get(run_id) or self._existing.get(run_id)
        if found is None:
            found = self._existing[run_id] = self._handle(run_id, None)
            found.ended = True
            self._deliver(found)
        return found

    def silent(self, run_id: str | None = None) -> ActiveRun:
        """Give a run that records nothing."""
        return ActiveRun(None, self._session.resolved.general, None, "", run_id=run_id)

    def carried(self, facts: Mapping[str, Any], plugin: str | None) -> ActiveRun:
        """Give a handle on a run of another process, which a recorded call of this plugin is part of, if any."""
        resolved = self._session.resolved
        settings = resolved.general if plugin is None else resolved.of(plugin)
        found = self._carried.get(facts["run_id"])
        if found is None or found.settings != settings:
            found = self._carried[facts["run_id"]] = ActiveRun.carried(facts, settings)
            for old in list(self._carried)[:-_HANDLES]:
                self._carried.pop(old, None)
        return found

    def resume(self, run_id: str, run_name: str | None = None, tags: Mapping[str, Any] | None = None) -> ActiveRun:
        """Open a further session of a run, which may rename it; errors as for `existing`."""
        if self._session.root is None or context.current.get().paused:
            return self.silent(run_id)
        run = self._handle(run_id, run_name).begin(tags)
        self._deliver(run)
        self.watch_system(run)
        return run

    def _handle(self, run_id: str, run_name: str | None) -> ActiveRun:
        store = self._store_of(run_id)
        run = store.run(run_id)
        return ActiveRun(
            self._session.folder,
            self._session.resolved.general,
            run_name or run.run_name,
            run.experiment,
            run_id=run_id,
            tree=store.tree(run_id),
            parent_run_id=run.parent_run_id,
            after=store.latest(run_id) + 1,
        )

    def _store_of(self, run_id: str) -> Store:
        """Give the store to read a run from before it is added to: what waits here may not be elsewhere yet."""
        here = self._session.open_store(str(self._session.folder))
        try:
            here.tree(run_id)
        except RunNotFoundError:
            return self._session.open_store()
        return here

    def mark_deleted(self, run_id: str, store: Store) -> None:
        """Write that a run is deleted into a store that keeps journals."""
        folder = self._session.journal_folder(store.uri)
        if folder is None:
            raise UsageError(f"runs in {store.uri} cannot be deleted from here")
        tree = store.tree(run_id)
        after = store.latest(run_id) + 1
        run = ActiveRun(folder, self._session.resolved.general, None, "", run_id=run_id, tree=tree, after=after)
        run.log_facts("deleted", {"deleted": True})
        if folder == self._session.folder:
            self._deliver(run)

    # ---- the process

    def _forked(self) -> None:
        """Drop the parent's ways into its journal; what runs are active stays known, as parents of what follows."""
        self._script_run = None
        if self._sampler is not None:
            self._sampler.forget()
        self.left_open.clear()
        self._facts.forked()
        _of_parents.extend(self._couriers.values())
        self._couriers.clear()
        for run in (
            *context.explicit.values(),
            context.current.get().run,
            context.last_run(),
            *self._existing.values(),
            *self._carried.values(),
        ):
            if run is not None:
                run.forked()
                if run.records:
                    self._inherited.add(run.folder)

    def flush(self) -> None:
        """Write out all points that wait."""
        process.flush()

    def settle(self) -> None:
        """Wait for what is still being made, and write what waits in memory."""
        afterwards.wait(_SETTLING)
        process.flush()

    def catch_up(self, uri: str) -> None:
        """Wait, not for long, until a destination that is not away has what was written."""
        courier = self._couriers.get(uri)
        if courier is not None:
            courier.catch_up(_SETTLING)

    def end(self, error: BaseException | None) -> None:
        """End what is open, write everything, and deliver what can be; the process ends, with that error if any."""
        if self._sampler is not None:
            guard.call("session.sampler", None, self._sampler.stop)
        guard.call("session.exit", None, self._facts.finish)
        while self.left_open:  # to which the end of one may add
            training = self.left_open.pop()
            guard.call("session.training", training.run, training.end_with, error)
        for run in (*context.explicit.values(), *filter(None, [self._script_run])):
            guard.call("session.end", run, run.end_with, error)
        guard.call("session.afterwards", None, afterwards.finish, _LAST)
        guard.call("session.heir", None, self._take_over)
        guard.call("session.close", None, process.close)
        guard.call("session.deliver", None, self._finish_delivery)

    def _finish_delivery(self) -> None:
        general, folder = self._session.resolved.general, self._session.folder
        for uri, left in end_all(list(self._couriers.values()), general.exit_timeout).items():
            if left and not general.silent:
                kept = f"it is kept in {folder}" if left == 1 else f"they are kept in {folder}"
                say(f"{counted(left, 'run')} not yet delivered to {uri}; {kept}, and `autolog sync` sends what is left")
        self._couriers.clear()
        if not process.has_heirs():
            sweep(folder)

"""Where a plugin stands in the program, and what it can record from there: on a run around it, or on one it opens."""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import partial
from typing import TYPE_CHECKING, Any

from autolog.capture.data import describe
from autolog.hookspecs import DataDescription
from autolog.recording import context
from autolog.values import type_name

if TYPE_CHECKING:
    from autolog.recording.recorder import Open, Training
    from autolog.recording.runs import ActiveRun
    from autolog.session import Session
    from autolog.settings.table import Settings

__all__ = ["Here"]


class Here:
    """A place in the program, as a plugin sees it.

    Args:
        plugin: the plugin.
        session: what autolog is set to.
        owner: the plugin whose options hold here.

    Attributes:
        handed: what the handler of the recorded call around this handed on, in this or another process.
    """

    def __init__(self, plugin: str, session: Session, owner: str | None = None) -> None:
        self.plugin = plugin
        self.run: ActiveRun | None = None
        self._session = session
        self._owner = owner or plugin
        self._resolved = session.resolved
        self._outer = outer = context.current.get()
        self.handed: dict[str, Any] = {} if outer.handed is None else outer.handed

    @property
    def settings(self) -> Settings:
        """The options that hold here."""
        return self._resolved.of(self._owner)

    @property
    def is_part(self) -> bool:
        """Say whether this is part of a recorded call, whose handler says what run there is, if any."""
        return self._outer.inside is not None and self._outer.recorded

    @property
    def is_silent(self) -> bool:
        """Say whether nothing is to be recorded of what happens here: paused, within a call of a plugin that drives
        this one, or in a task of another plugin's call."""
        outer = self._outer
        within = outer.inside is not None and outer.inside in self.silent_inside
        return outer.paused or within or (outer.task is not None and outer.inside is not None)

    @property
    def silent_inside(self) -> Set[str]:
        """The plugins that drive this one: inside their recorded calls it is silent. It grows as they are loaded."""
        return self._session.silent_inside(self.plugin)

    @property
    def enclosing_run(self) -> ActiveRun | None:
        """The run that what happens here is part of."""
        return context.current_run()

    @property
    def task(self) -> int | None:
        """The number of the task that this is in, among those of one call to a pool; None outside of any."""
        return self._outer.task

    @property
    def tasks(self) -> tuple[tuple[int, int], ...]:
        """The tasks that lead here from the run, outermost first: each as the number of a pool and its own."""
        return self._outer.tasks

    def hand_back(self, **facts: Any) -> None:
        """Add to what the handler of the call around this hands on, for the calls that are still to come."""
        self.handed.update(facts)

    @property
    def records(self) -> bool:
        """Say whether what happens here opens runs: the plugin whose options hold was asked for."""
        return self._session.records(self._owner)

    def open_run(
        self, run_name: str | None, training: Training, tags: Mapping[str, Any] | None = None
    ) -> ActiveRun | None:
        """Open a run that no call encloses: it goes on until the training ends it, or the program does.

        In an explicit run, the first such training is recorded on it, a further one on a child of it; what is part of a
        recorded call is recorded on that call's run. Such a run ends as it would have. What is logged outside of all
        runs goes to this one from now on.

        Args:
            run_name: what people read, where the run is a new one; None for the script's name.
            training: what is told before the run ends, and ends it with the process; to be held by the plugin.
            tags: to begin with.

        Returns:
            The run; None where this plugin was not asked for.
        """
        if not self.records:
            return None
        parent = context.current_run()
        is_parents = parent is not None and (self.is_part or parent.take_first_fit())
        self.run = self._run_on(parent, run_name, tags, is_parents=is_parents)
        if not is_parents:
            self._session.recorder.left_open.add(training)
            if parent is not None:
                parent.before_end(training.end_with)
        self.run.before_end(training.settle)
        context.set_last(self.run)
        return self.run

    def _run_on(
        self, parent: ActiveRun | None, run_name: str | None, tags: Mapping[str, Any] | None, *, is_parents: bool
    ) -> ActiveRun:
        """Give the run around this, with further tags, where what happens is that run's; else a new one, its child."""
        if parent is None or not is_parents:
            return self._session.recorder.new_run(run_name, parent=parent, tags=tags, options=self.settings)
        parent.set_tags(tags or {})
        return parent

    def join_run(self, facts: Mapping[str, Any], training: Open, prefix: str) -> ActiveRun:
        """Give a handle on a run that another process records, to add what is this process's own.

        Args:
            facts: what the run's `portable` gave there.
            training: what is told of the end of the process.
            prefix: of the names of the series of this process's machine, where its load is recorded.
        """
        recorder = self._session.recorder
        run = recorder.carried(facts, self._owner)
        recorder.watch_system(run, prefix)
        recorder.left_open.add(training)
        return run

    def describe(self, data: object) -> DataDescription | None:
        """Describe data by the plugin that knows its container."""
        return describe(data, partial(self._session.hooks.describe_data, run=self.run))

    def save_model(self, model: object, run: ActiveRun | None = None, name: str = "model") -> None:
        """Save a model.

        Args:
            model: it.
            run: with this run; that of the call where not given.
            name: what it is called there.

        Raises:
            ModelTooLarge: it is larger than `max_model_mb`.
        """
        from autolog.models.of_runs import save_to_run  # by the first model: it takes a while to import

        run = run or self.run
        if run is not None and not save_to_run(run, model, name, self._session.hooks):
            run.note(f"no plugin knows how to save a {type_name(model)}")

    def flush(self) -> None:
        """Write out all points that wait: what follows may hold the interpreter."""
        self._session.flush()

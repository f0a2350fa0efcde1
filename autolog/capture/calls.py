"""Around a wrapped call: a plugin's handler before and after it, and the run that the call is recorded on.

The outermost recorded call of a context decides; what happens inside it is part of it. So a handler is asked only when
no recorded call is under way, unless it was declared `nested`; such a handler leaves the context as it is unless it
opens a run.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from autolog import guard
from autolog.capture.data import dataset_facts
from autolog.capture.frames import module_of, name_in, outwards, values
from autolog.capture.here import Here
from autolog.capture.signatures import defaults, parameters
from autolog.exceptions import PluginError
from autolog.hookspecs import Arguments, Handler, Nested, Outcome
from autolog.patching import Called, Observation, Observe, Skips, caller
from autolog.recording import context
from autolog.recording.context import Context
from autolog.values import type_name

if TYPE_CHECKING:
    from autolog.recording.recorder import Open
    from autolog.recording.runs import ActiveRun
    from autolog.session import Session

__all__ = ["Call", "observer", "skipping"]

_NEVER: Final = Arguments((), {})  # what stands for a handler that returns before its `yield`


class Call(Here):
    """One call of a wrapped callable, as a handler sees it.

    Args:
        plugin: the plugin whose handler this is.
        called: what is called with what.
        session: what autolog is set to.
    """

    def __init__(self, plugin: str, called: Called, session: Session) -> None:
        owner = None if called.instance is None else session.owner_of(type(called.instance))
        super().__init__(plugin, session, owner)
        self.name = called.name
        self.function = called.wrapped
        self.instance = called.instance
        self.args = called.args
        self.kwargs: Mapping[str, Any] = called.kwargs
        self.at_end: Callable[[ActiveRun, BaseException | None], None] | None = None
        self.handing: dict[str, Any] = {}

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """Give an argument by its position (the instance not counted) or its name."""
        return self.args[position] if position < len(self.args) else self.kwargs.get(name, default)

    def given(self) -> dict[str, Any]:
        """Give all that was given, by the names of the parameters; what has none, or fits none, is left out."""
        return {**dict(zip(parameters(self.function), self.args, strict=False)), **self.kwargs}

    def chosen(self) -> dict[str, Any]:
        """Give what was given and is not the parameter's default, which a function's arguments have filled in."""
        usual = defaults(self.function)
        return {name: value for name, value in self.given().items() if name not in usual or value is not usual[name]}

    def with_argument(self, name: str, value: Any) -> Arguments:
        """Give the arguments with another value for one of them, wherever the caller has put it."""
        names = () if name in self.kwargs else parameters(self.function)[: len(self.args)]
        if name not in names:
            return Arguments(self.args, {**self.kwargs, name: value})
        place = names.index(name)
        return Arguments((*self.args[:place], value, *self.args[place + 1 :]), self.kwargs)

    def owner_of(self, instance: object) -> str | None:
        """Give the plugin that has said it `owns` the class of an object; None where none has."""
        return self._session.owner_of(type(instance))

    def is_setting(self, name: str) -> bool:
        """Say whether an argument of this call is no data, by the plugin that owns the instance's class."""
        return self._session.is_setting(type(self.instance), name)

    def hand_on(self, **facts: Any) -> dict[str, Any]:
        """Tell the `nested` handlers of the calls inside this one something, up to the next one that has a run.

        Args:
            facts: plain values, and functions of modules: they travel with tasks into other processes.

        Returns:
            All that is handed on.
        """
        self.handing.update(facts)
        return self.handing

    def start_run(self, run_name: str, tags: Mapping[str, Any] | None = None) -> ActiveRun | None:
        """Open the run that this call is recorded on; it ends with the call.

        The first recorded call inside an explicit run goes on that run, a further one on a child of it; so does one
        inside another recorded call, where its handler is `nested`.

        Args:
            run_name: what people read, where the run is a new one.
            tags: to begin with.

        Returns:
            The run; None where this plugin was not asked for.
        """
        if not self.records:
            return None
        parent = context.current_run()
        is_outermost = self._outer.inside is None and self._outer.task is None
        is_parents = parent is not None and is_outermost and parent.take_first_fit()
        self.run = self._run_on(parent, run_name, tags, is_parents=is_parents)
        self.at_end = _leave if is_parents else _end
        return self.run

    def start_fit(self, model: object) -> ActiveRun | None:
        """Open the run of a model's training, under the name of the model's class; otherwise as `start_run`."""
        names = {"estimator_name": type(model).__name__, "estimator_class": type_name(model)}
        return self.start_run(type(model).__name__, names)

    def record_on(self, run: ActiveRun) -> None:
        """Have what happens inside this call belong to a run that it neither opens nor ends."""
        self.run = run

    def leave_open(self, training: Open) -> None:
        """Have the run go on after this call, until the plugin or the end of the process ends the training.

        Args:
            training: what ends it; it is forgotten when the plugin no longer holds it.
        """
        self.at_end = _leave
        self._session.recorder.left_open.add(training)

    def variable_name(self, value: object) -> str | None:
        """Give the name that the user's code has for an object, found by identity in the function that made the call.

        Where the framework made it, that is the function that called the framework.
        """
        frames = outwards(None if value is None else caller())
        frame = next((each for each in frames if not self._is_inside(each)), None)
        return None if frame is None else name_in(frame, value)

    def log_dataset(self, data: object, target: object, context: str) -> None:
        """Record what data is, under the user's name for it, unless that is not wanted; this reads the data.

        Args:
            data: the inputs; None where there are none.
            target: what is to be predicted, where that is apart from the inputs.
            context: what the data is used for, e.g. `"train"`; its name where the user has none.
        """
        described = self.describe(data) if self.settings.log_datasets else None
        if described is not None and self.run is not None:
            name = self.variable_name(data) or context
            self.run.log_facts("dataset", dataset_facts(name, described, self.describe(target), context, None))

    def called_through(self) -> list[str]:
        """Name the framework's modules whose functions lie between the user's function and this call, inmost first."""
        return [module_of(frame) for frame in itertools.takewhile(self._is_inside, outwards(caller()))]

    def called_by(self) -> Iterator[object]:
        """Give the objects whose methods called one another down to this call, inmost first, each once in a row."""
        last = None
        for frame in outwards(caller()):
            if frame.f_code.co_argcount and frame.f_code.co_varnames[0] == "self":
                (holder,) = values(frame, ["self"])
                if holder is not None and holder is not last:
                    yield holder
                last = holder

    def _is_inside(self, frame: FrameType) -> bool:
        return module_of(frame).partition(".")[0] == self.plugin


def _end(run: ActiveRun, error: BaseException | None) -> None:
    run.end_with(error)


def _leave(run: ActiveRun, error: BaseException | None) -> None:
    """Go on with a run that others end; metrics computed after the call are its."""
    context.set_last(run)


class _Recording(Observation):
    """A handler under way: its generator stands at the `yield` while the call is made."""

    def __init__(self, call: Call, handler: Handler, nested: bool) -> None:
        self.args, self.kwargs = call.args, dict(call.kwargs)
        self._call = call
        self._handler = handler
        self._nested = nested
        self._steps: Generator[Arguments | None, Outcome, None] | None = None
        self._outer = context.current.get()

    def begin(self) -> bool:
        """Run the handler up to its `yield`; False where there is nothing to record."""
        if not self._nested:  # there are many of those inside a call, and the ring keeps their points safe as well
            self._call.flush()
        said = guard.call("calls.before", None, self._before)
        if said is None and self._call.run is None:
            return False
        if said is None:
            self._call.run.note(f"what {self._call.plugin} records before {self._call.name} is missing")  # type: ignore[union-attr]
        context.current.set(self._inside())
        self._began = time.perf_counter()
        return True

    def _inside(self) -> Context:
        """Give the context of the call: a nested one's own only if it has a run, or something to hand on."""
        outer, call = self._outer, self._call
        if call.run is not None or not self._nested:
            return Context(call.run or outer.run, call.plugin, call.records, outer.paused, handed=call.handing)
        return outer._replace(handed=call.handing) if call.handing else outer

    def _before(self) -> bool | None:
        """Say whether the handler has come to its `yield`, by what it gives there; None where it did not."""
        try:
            steps = self._handler(self._call)
            changed = next(steps, _NEVER)
        except guard.ENDING as error:
            raise guard.would_end(error) from error
        if changed is _NEVER:
            return None
        if changed is not None:
            self.args, self.kwargs = changed.args, dict(changed.kwargs)
        self._steps = steps
        return True

    def done(self, result: Any) -> None:
        """Let the handler record the result, and end the run."""
        self._finish(Outcome(result, None, time.perf_counter() - self._began))

    def failed(self, error: BaseException) -> None:
        """Let the handler record the failure, and end the run."""
        self._finish(Outcome(None, error, time.perf_counter() - self._began))

    def _finish(self, outcome: Outcome) -> None:
        try:
            guard.call("calls.after", self._call.run, self._after, outcome)
        finally:  # Ctrl-C may come right here
            context.current.set(self._outer)
            if self._call.at_end is not None:
                guard.call("calls.end", self._call.run, self.end, outcome.error)

    def _after(self, outcome: Outcome) -> None:
        if self._steps is None:
            return
        try:
            self._steps.send(outcome)
            self._steps.close()
        except StopIteration:
            return
        except guard.ENDING as error:
            raise guard.would_end(error) from error
        raise PluginError(f"the handler of {self._call.name} in plugin {self._call.plugin!r} yields more than once")

    def end(self, error: BaseException | None) -> None:
        """End the run if it was opened for this call, which may not have been made."""
        run, at_end = self._call.run, self._call.at_end
        if run is not None and at_end is not None:
            at_end(run, error)


def skipping(nested: Nested) -> Skips | None:
    """Give what says of a call that no handler is asked: it lies inside a recorded one, or nothing is to be recorded.

    Args:
        nested: whether handlers are asked even then, or for which instances.
    """
    if nested is True:
        return None
    current = context.current

    def skips(instance: Any) -> bool:
        state = current.get()
        if not state.paused and state.inside is None:
            return False
        return not callable(nested) or not guard.call("calls.nested", None, nested, instance)

    return skips


def observer(session: Session, plugin: str, handler: Handler, nested: Nested) -> Observe:
    """Give what patching asks before each call of a callable that a plugin has declared, that is not skipped.

    Args:
        session: what autolog is set to.
        plugin: the plugin's name.
        handler: its handler.
        nested: as for `skipping`.
    """
    current = context.current
    aside = session.silent_inside(plugin)

    def observe(called: Called) -> Observation | None:
        state = current.get()
        within = state.paused or state.inside is not None
        if within and state.inside in aside:
            return None
        recording = _Recording(Call(plugin, called, session), handler, nested is True or (within and bool(nested)))
        try:
            return recording if recording.begin() else None
        except BaseException as error:  # Ctrl-C, or a time limit of the user's; the call is not made
            current.set(state)
            guard.call("calls.unbegun", None, recording.end, error)
            raise

    return observe

"""Switching on and off, runs, and what is logged to them, by MLflow's names and argument names."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from autolog import session
from autolog.exceptions import SettingsError, UsageError
from autolog.recording import context
from autolog.recording.context import Context, Entered

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

T = TypeVar("T")

__all__ = [
    "active_run",
    "delete_tag",
    "disable",
    "enable",
    "end_run",
    "last_run",
    "log_input",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "paused",
    "register",
    "set_experiment",
    "set_tag",
    "set_tags",
    "start_run",
    "target",
]


# ---- switching


def enable(*plugins: str, **options: Any) -> None:
    """Record every `fit` and `train` call of this process from now on.

    Called again it changes what it names and keeps the rest, also after `disable()`. A call that names neither a
    plugin nor an option records all plugins again.

    Args:
        *plugins: the frameworks to record, by their import names; all that are installed where none is named. With
            plugins, options hold for these only: `enable("sklearn", log_models=False)`. Where all are recorded
            already, naming some sets their options and leaves the others on.
        **options: see `docs/settings.md`; each also has an environment variable and a key in pyproject.toml. A relative
            `backend` begins at the working directory of this call.

    Raises:
        SettingsError: an option does not exist, or its value has the wrong type.
        PluginError: a plugin or a backend that was named is not installed.
    """
    session.get().enable(plugins, options)


def disable() -> None:
    """Stop recording calls, and put every original back. The log functions still work."""
    session.get().disable()


def paused() -> Entered:
    """Record nothing in this context for the body of a `with`: no calls, and nothing that is logged."""
    return Entered(Context(run=session.get().recorder.silent(), paused=True))


def register(plugin: Any, name: str | None = None) -> None:
    """Use a module, or any object with hooks, as a plugin without installing it.

    Args:
        plugin: it; see `autolog.hookspecs`.
        name: the name that `enable` knows it by; the module's, or the name of the object's class, where not given.

    Raises:
        PluginError: the name is taken, or it is no plugin: what it has are not hooks of the contract.
    """
    session.get().register(plugin, name)


def set_experiment(experiment_name: str) -> None:
    """Set the experiment of the runs that begin from now on.

    Args:
        experiment_name: its name; there is nothing to create.

    Raises:
        SettingsError: it is no text, or an empty one.
    """
    if not isinstance(experiment_name, str) or not experiment_name.strip():
        raise SettingsError(f"set_experiment's experiment_name must be a name, not {experiment_name!r:.200}")
    session.get().set_general(experiment=experiment_name)


# ---- runs


def start_run(
    *,
    run_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    experiment: str | None = None,
) -> ActiveRun:
    """Begin a run: for the body of a `with`, until `end_run()`, or as a decorator for each call of a function.

    Args:
        run_id: goes on with that run, in a new session.
        run_name: what people read; the script's name where not given.
        nested: begin a child of the active run.
        parent_run_id: begin a child of that run, which need not be active here.
        tags: to begin with.
        description: kept as the tag that MLflow shows as one, `mlflow.note.content`.
        experiment: where it differs from the one set.

    Raises:
        UsageError: a run is active, and `nested` is not set; or an argument has the wrong type.
        RunNotFoundError: there is no run of that id in the store that is written to.
    """
    texts = {"run_id": run_id, "run_name": run_name, "parent_run_id": parent_run_id, "experiment": experiment}
    for name, value in {**texts, "description": description}.items():
        if value is not None and not isinstance(value, str):
            raise UsageError(f"start_run's {name} must be a str, not a {type(value).__name__}: {value!r}")
    if tags is not None and not isinstance(tags, Mapping):
        raise UsageError(f"start_run's tags must be a mapping of names to values, not a {type(tags).__name__}")
    noted = {} if description is None else {"mlflow.note.content": description}
    begin = functools.partial(_begin, nested=nested, tags={**(tags or {}), **noted}, **texts)
    run = begin()
    run.begin_again = begin
    return run


def _begin(
    *,
    run_id: str | None,
    run_name: str | None,
    nested: bool,
    parent_run_id: str | None,
    tags: Mapping[str, Any],
    experiment: str | None,
) -> ActiveRun:
    current, here = session.get(), context.current.get().run
    if here is not None and here.records and not here.ended and not nested:
        raise UsageError(f"run {here.run_id} is active; end it with autolog.end_run(), or pass nested=True")
    if run_id is not None:
        return current.recorder.resume(run_id, run_name, tags).enter()
    parent = active_run() if nested else None
    if parent_run_id is not None:
        parent = current.recorder.existing(parent_run_id)
    return current.recorder.new_run(run_name, parent=parent, tags=tags, experiment=experiment).enter()


def end_run(status: str = "FINISHED") -> None:
    """End the active run, if there is one.

    Args:
        status: FINISHED, FAILED or KILLED.

    Raises:
        UsageError: it is none of these.
    """
    if status not in ("FINISHED", "FAILED", "KILLED"):
        raise UsageError(f"a run ends as FINISHED, FAILED or KILLED, not as {status!r}")
    run = active_run()
    if run is not None:
        run.end(status)


def active_run() -> ActiveRun | None:
    """Give the run that is under way here and takes what is logged, such as a loop's; None outside of all runs."""
    run = last_run()
    return None if run is None or run.ended else run


def last_run() -> ActiveRun | None:
    """Give the active run, or else the one that ended last in this context; None where there was none."""
    return context.current_run() or context.last_run()


def target(run_id: str | None = None) -> ActiveRun:
    """Give the run that a fact goes to: the active one, else the last of the context, else the script's own."""
    if run_id is not None:
        return session.get().recorder.existing(run_id)
    return context.current_run() or context.last_run() or session.get().recorder.script_run()


# ---- facts


def log_param(key: str, value: T, run_id: str | None = None) -> T:
    """Add a param, and give its value back.

    Args:
        key: its name.
        value: of any type; it is kept.
        run_id: of another run than the active one.
    """
    target(run_id).log_params({key: value})
    return value


def log_params(params: Mapping[str, Any], run_id: str | None = None) -> None:
    """Add params; see `log_param`.

    Args:
        params: values by name.
        run_id: of another run than the active one.
    """
    target(run_id).log_params(params)


def log_metric(
    key: str, value: float, step: int | None = None, timestamp: int | None = None, run_id: str | None = None
) -> None:
    """Add a point to a series.

    Args:
        key: the metric's name.
        value: a number.
        step: a whole number; 0 where not given.
        timestamp: milliseconds since the epoch; now where not given.
        run_id: of another run than the active one.

    Raises:
        UsageError: the value is no number, the step no whole number, or the name no text.
    """
    run = context.current.get().run
    if run is None or run_id is not None:
        run = target(run_id)
    run.log_metric(key, value, step, timestamp)


def log_metrics(
    metrics: Mapping[str, float], step: int | None = None, run_id: str | None = None, timestamp: int | None = None
) -> None:
    """Add a point to each of several series; see `log_metric`.

    Args:
        metrics: numbers by name.
        step: of all of them.
        run_id: of another run than the active one.
        timestamp: of all of them.
    """
    target(run_id).log_metrics(metrics, step, timestamp)


def set_tag(key: str, value: Any, run_id: str | None = None) -> None:
    """Add a tag; a later value of a name replaces the earlier.

    Args:
        key: its name.
        value: of any type; it is kept.
        run_id: of another run than the active one.
    """
    target(run_id).set_tags({key: value})


def set_tags(tags: Mapping[str, Any], run_id: str | None = None) -> None:
    """Add tags; see `set_tag`.

    Args:
        tags: values by name.
        run_id: of another run than the active one.
    """
    target(run_id).set_tags(tags)


def delete_tag(key: str, run_id: str | None = None) -> None:
    """Take a tag away.

    Args:
        key: its name; one that the run lacks is passed over.
        run_id: of another run than the active one.
    """
    target(run_id).delete_tag(key)


def log_input(
    dataset: Any, context: str | None = None, tags: Mapping[str, Any] | None = None, name: str | None = None
) -> None:
    """Describe a dataset that the run uses: schema, shape and digest, never its rows.

    Args:
        dataset: a table or an array of a library that a plugin knows, or of plain Python.
        context: what it is used for, e.g. "train" or "eval".
        tags: further facts of it.
        name: what people read.

    Raises:
        UsageError: it is None.
    """
    from autolog.capture.data import dataset_facts, describe

    description = describe(dataset, session.get().hooks.describe_data)
    if description is None:
        raise UsageError(f"a {type(dataset).__name__} cannot be described as a dataset")
    facts = dataset_facts(name or "dataset", description, None, context or "", None)
    target().log_facts("dataset", {**facts, **({"tags": dict(tags)} if tags else {})})

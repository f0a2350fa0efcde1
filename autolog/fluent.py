"""Switching on and off, runs, and what is logged to them, by MLflow's names and argument names."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from autolog import context, session
from autolog.context import Context
from autolog.environment import script_name
from autolog.exceptions import UsageError
from autolog.runs import ActiveRun

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

    Called again it changes what it names and keeps the rest.

    Args:
        *plugins: the frameworks to record, by their import names; all that are installed where none is named. While
            autolog is on, `enable("sklearn", log_models=False)` sets options for the named plugins only.
        **options: see `docs/settings.md`; each also has an environment variable and a key in pyproject.toml.

    Raises:
        SettingsError: an option does not exist, or its value has the wrong type.
        PluginError: a plugin or a backend that was named is not installed.
    """
    session.get().enable(plugins, options)


def disable() -> None:
    """Stop recording calls, and put every original back. The log functions still work."""
    session.get().disable()


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Record nothing in this context for the body of a `with`: no calls, and nothing that is logged."""
    silent = ActiveRun(None, session.get().resolved.general, None, "")
    token = context.current.set(Context(run=silent, paused=True))
    try:
        yield
    finally:
        context.current.reset(token)


def register(plugin: Any, name: str | None = None) -> None:
    """Use a module, or any object with hooks, as a plugin without installing it.

    Args:
        plugin: it; see `autolog.hookspecs`.
        name: the name that `enable` knows it by; its module's name where not given.

    Raises:
        PluginError: the name is taken.
    """
    session.get().register(plugin, name)


def set_experiment(experiment_name: str) -> None:
    """Set the experiment of the runs that begin from now on."""
    session.get().set_general(experiment=experiment_name)


# ---- runs


def start_run(
    *,
    run_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    tags: Mapping[str, Any] | None = None,
    experiment: str | None = None,
) -> ActiveRun:
    """Begin a run: for the body of a `with`, until `end_run()`, or as a decorator for each call of a function.

    Args:
        run_id: goes on with that run, in a new session.
        run_name: what people read; the script's name where not given.
        nested: begin a child of the active run.
        tags: to begin with.
        experiment: where it differs from the one set.

    Raises:
        UsageError: a run is active, and `nested` is not set.
        RunNotFoundError: there is no run of that id in the store that is written to.
    """
    begin = functools.partial(_begin, run_id, run_name, nested, tags, experiment)
    run = begin()
    run.begin_again = begin
    return run


def _begin(
    run_id: str | None, run_name: str | None, nested: bool, tags: Mapping[str, Any] | None, experiment: str | None
) -> ActiveRun:
    current = session.get()
    parent = context.current.get().run
    if parent is not None and not nested and parent.records:
        raise UsageError(f"run {parent.run_id} is active; end it with autolog.end_run(), or pass nested=True")
    if run_id is not None:
        run = current.resume(run_id)
        if tags:
            run.set_tags(tags)
        return run.enter()
    name = run_name or script_name()
    return current.new_run(name, parent=parent if nested else None, tags=tags, experiment=experiment).enter()


def end_run(status: str = "FINISHED") -> None:
    """End the active run, if there is one.

    Args:
        status: FINISHED, FAILED or KILLED.

    Raises:
        UsageError: it is none of these.
    """
    if status not in ("FINISHED", "FAILED", "KILLED"):
        raise UsageError(f"a run ends as FINISHED, FAILED or KILLED, not as {status!r}")
    run = context.current_run()
    if run is not None:
        run.end(status)


def active_run() -> ActiveRun | None:
    """Give the run that what is logged here goes to, None outside of all runs."""
    return context.current_run()


def last_run() -> ActiveRun | None:
    """Give the run that ended last in this context, or the active one."""
    return context.current_run() or context.last_run()


def target(run_id: str | None = None) -> ActiveRun:
    """Give the run that a fact goes to: the active one, else the last of the context, else the script's own."""
    if run_id is not None:
        return session.get().existing(run_id)
    return context.current_run() or context.last_run() or session.get().script_run()


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
    """Add params; see `log_param`."""
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
    """Add a point to each of several series; see `log_metric`."""
    target(run_id).log_metrics(metrics, step, timestamp)


def set_tag(key: str, value: Any, run_id: str | None = None) -> None:
    """Add a tag; a later value of a name replaces the earlier."""
    target(run_id).set_tags({key: value})


def set_tags(tags: Mapping[str, Any], run_id: str | None = None) -> None:
    """Add tags; see `set_tag`."""
    target(run_id).set_tags(tags)


def delete_tag(key: str, run_id: str | None = None) -> None:
    """Take a tag away."""
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
    """
    from autolog.data import dataset_facts, describe

    description = describe(dataset, session.get().hooks.describe_data)
    if description is None:
        raise UsageError(f"a {type(dataset).__name__} cannot be described as a dataset")
    facts = dataset_facts(name or "dataset", description, None, context or "", None)
    target().log_facts("dataset", {**facts, **({"tags": dict(tags)} if tags else {})})

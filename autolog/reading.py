"""Reading runs back: one run, those that a filter finds, and the models they saved."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from autolog import session
from autolog.exceptions import UsageError

if TYPE_CHECKING:
    import pandas
    import polars

    from autolog.store.base import Store
    from autolog.store.run import Run

__all__ = ["delete_run", "get_run", "load_model", "search_runs"]


def get_run(run_id: str, store: Store | str | os.PathLike[str] | None = None) -> Run:
    """Read a run.

    Args:
        run_id: its id.
        store: where to look; the place that is written to where not given.

    Raises:
        RunNotFoundError: there is none of that id.
    """
    return _store(store).run(_checked_id(run_id))


@overload
def search_runs(
    *,
    filter_string: str = ...,
    order_by: Sequence[str] = ...,
    experiment_names: Sequence[str] | None = ...,
    max_results: int | None = ...,
    output_format: Literal["pandas"] = ...,
    store: Store | str | os.PathLike[str] | None = ...,
) -> pandas.DataFrame: ...
@overload
def search_runs(
    *,
    filter_string: str = ...,
    order_by: Sequence[str] = ...,
    experiment_names: Sequence[str] | None = ...,
    max_results: int | None = ...,
    output_format: Literal["list"],
    store: Store | str | os.PathLike[str] | None = ...,
) -> list[Run]: ...
@overload
def search_runs(
    *,
    filter_string: str = ...,
    order_by: Sequence[str] = ...,
    experiment_names: Sequence[str] | None = ...,
    max_results: int | None = ...,
    output_format: Literal["polars"],
    store: Store | str | os.PathLike[str] | None = ...,
) -> polars.DataFrame: ...
def search_runs(
    *,
    filter_string: str = "",
    order_by: Sequence[str] = (),
    experiment_names: Sequence[str] | None = None,
    max_results: int | None = None,
    output_format: Literal["pandas", "list", "polars"] = "pandas",
    store: Store | str | os.PathLike[str] | None = None,
) -> Any:
    """Find runs.

    Args:
        filter_string: e.g. `metrics.auc > 0.9 and params.model = 'rf'`; see `docs/filters.md`.
        order_by: e.g. `["metrics.auc DESC"]`; the newest first where not given.
        experiment_names: the experiments to look in; all where not given.
        max_results: so many at most.
        output_format: a table of pandas or polars, or a list of the runs themselves, which a notebook shows as a table.
        store: where to look; the place that is written to where not given.

    Raises:
        FilterError: the filter or the order cannot be read; it points at the place.
        UsageError: the format does not exist, its library is not installed, or an argument has the wrong type.
    """
    from autolog.store import frames, search
    from autolog.store.runs import Runs

    for name, value in {"order_by": order_by, "experiment_names": experiment_names}.items():
        if isinstance(value, str):
            raise UsageError(f"{name} is a list of texts; write {name}=[{value!r}]")
    if max_results is not None and (type(max_results) is not int or max_results < 0):
        raise UsageError(f"max_results is a whole number, 0 or more, not {max_results!r}")
    if output_format not in ("pandas", "list", "polars"):
        raise UsageError(f"output_format is 'pandas', 'list' or 'polars', not {output_format!r}")
    runs = search.search(_store(store), filter_string, order_by, experiment_names, max_results)
    if output_format == "list":
        return Runs(runs)
    return frames.to_polars(runs) if output_format == "polars" else frames.to_pandas(runs)


def load_model(
    model_uri: str,
    store: Store | str | os.PathLike[str] | None = None,
    trusted: bool | Sequence[str] | None = None,
) -> Any:
    """Load a model that a run has saved.

    Args:
        model_uri: "runs:/<run id>/<name>", the name being "model" for what was recorded by itself.
        store: where to look; the place that is written to where not given.
        trusted: for a format that runs code when it is loaded: True, or a list of the full names of the types that may
            be made.

    Raises:
        UsageError: the URI cannot be read, the run has no such model, or `trusted` is neither a bool nor a list.
        RunNotFoundError: there is no such run.
        ModelError: it is not trusted, damaged, or needs what is not installed.
    """
    from autolog.models.of_runs import load_from_store

    if isinstance(trusted, (str, bytes)) or not (trusted is None or isinstance(trusted, (bool, Collection))):
        raise UsageError(f"trusted is True or a list of types' names, not {trusted!r}; write trusted=[{trusted!r}]")
    if not isinstance(model_uri, str):
        raise UsageError(f"a model's URI must be a str, not a {type(model_uri).__name__}: {model_uri!r}")
    return load_from_store(model_uri, _store(store), trusted, session.get())


def delete_run(run_id: str, store: Store | str | os.PathLike[str] | None = None) -> None:
    """Mark a run and its children as deleted: searches pass over them, and `autolog gc` removes their files.

    Args:
        run_id: its id.
        store: not needed for runs in the place that is written to.

    Raises:
        RunNotFoundError: there is none of that id.
    """
    session.get().recorder.mark_deleted(_checked_id(run_id), _store(store))


def _checked_id(run_id: object) -> str:
    if not isinstance(run_id, str):
        raise UsageError(f"a run's id must be a str, not a {type(run_id).__name__}: {run_id!r}")
    return run_id


def _store(store: Store | str | os.PathLike[str] | None) -> Store:
    session.get().settle()
    return session.get().open_store(store) if store is None or isinstance(store, (str, os.PathLike)) else store

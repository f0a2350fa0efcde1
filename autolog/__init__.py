"""autolog: one line, and every fit and train call of the process is recorded.

    import autolog
    autolog.enable()

See the README for what is captured, and `docs/` for settings, filters, the journal's format and writing plugins.

PYTEST_DONT_REWRITE: `autolog run -m pytest` imports this before pytest starts, which would warn that it comes too late.
"""

from __future__ import annotations

from typing import Final

from autolog.artifacts import (
    log_artifact,
    log_artifacts,
    log_dict,
    log_figure,
    log_image,
    log_model,
    log_table,
    log_text,
)
from autolog.exceptions import AutologError
from autolog.fluent import (
    active_run,
    delete_tag,
    disable,
    enable,
    end_run,
    last_run,
    log_input,
    log_metric,
    log_metrics,
    log_param,
    log_params,
    paused,
    register,
    set_experiment,
    set_tag,
    set_tags,
    start_run,
)
from autolog.hookspecs import hookimpl
from autolog.reading import delete_run, get_run, load_model, search_runs

__all__ = [
    "AutologError",
    "active_run",
    "delete_run",
    "delete_tag",
    "disable",
    "enable",
    "end_run",
    "get_run",
    "hookimpl",
    "last_run",
    "load_model",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_input",
    "log_metric",
    "log_metrics",
    "log_model",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "paused",
    "register",
    "search_runs",
    "set_experiment",
    "set_tag",
    "set_tags",
    "start_run",
]

__version__: Final = "0.1.0"

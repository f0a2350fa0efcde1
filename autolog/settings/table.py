"""The one table of options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from autolog.settings.kinds import COUNT, FLAG, FORMAT, NAME, NAMES, PLACES, SIZE, TAGS, WAIT, Kind, or_none

__all__ = ["OPTIONS", "Option", "Settings"]


def _option(kind: Kind, default: Any, doc: str, *, per_plugin: bool) -> Any:
    """Describe one option on its field, which so is the one place that knows it."""
    about = {"kind": kind, "default": default, "doc": doc, "per_plugin": per_plugin}
    return field(default_factory=lambda: kind.take(default), metadata=about)


@dataclass(frozen=True, slots=True)
class Settings:
    """The value of every option; `docs/settings.md` has them all, from this table."""

    experiment: str = _option(NAME, "default", "The experiment that new runs belong to.", per_plugin=False)
    backend: tuple[str, ...] = _option(
        PLACES,
        "./autolog-runs",
        "Where runs are kept and delivered to. A relative path begins at the working directory.",
        per_plugin=False,
    )
    plugins: tuple[str, ...] = _option(
        NAMES,
        (),
        "The frameworks whose calls are recorded, by import name; none: all. Names given to `enable()` win.",
        per_plugin=False,
    )
    exclude_plugins: tuple[str, ...] = _option(
        NAMES, (), "Patterns such as `torch*`: plugins of which nothing is used.", per_plugin=False
    )
    extra_tags: Mapping[str, Any] = _option(TAGS, {}, "Tags given to every run.", per_plugin=True)
    log_models: bool = _option(FLAG, True, "Save the trained model.", per_plugin=True)
    log_datasets: bool = _option(
        FLAG, True, "Record the name, schema, shape and digest of the data trained on.", per_plugin=True
    )
    log_model_signatures: bool = _option(
        FLAG, True, "Record the columns and types that the model takes and gives.", per_plugin=True
    )
    log_input_examples: bool = _option(
        FLAG, False, "Keep a few rows of the training data with the model.", per_plugin=True
    )
    log_training_metrics: bool | None = _option(
        or_none(FLAG),
        None,
        "Compute metrics on the training data. None: only where every predict on the way is the framework's own code.",
        per_plugin=True,
    )
    log_post_training_metrics: bool = _option(
        FLAG, True, "Add the metrics that are computed from a model's predictions to its run.", per_plugin=True
    )
    log_system_metrics: bool = _option(
        FLAG,
        False,
        "Record the load of processors, memory, disk, network and accelerators every 10 s while a top-level run lasts. "
        "Needs the extra `system`.",
        per_plugin=False,
    )
    log_checkpoints: bool = _option(
        FLAG,
        False,
        "Keep a copy of each file that `torch.save` writes while a loop trains; its path and size are recorded anyhow.",
        per_plugin=True,
    )
    max_tuning_runs: int | None = _option(
        or_none(COUNT),
        None,
        "How many candidates of a search become child runs, the best ones. None: all.",
        per_plugin=True,
    )
    max_model_mb: float = _option(
        SIZE, 200.0, "The size, in megabytes, beyond which a model is not saved.", per_plugin=True
    )
    model_format: str = _option(
        FORMAT,
        "pickle",
        "What models are saved as; what skops cannot save is pickled, with a note.",
        per_plugin=True,
    )
    redact: tuple[str, ...] = _option(
        NAMES, (), "Patterns such as `*_pin`: further names whose values are not written.", per_plugin=False
    )
    exclude_params: tuple[str, ...] = _option(
        NAMES, (), "Patterns such as `verbose*`: params that are not recorded.", per_plugin=True
    )
    silent: bool = _option(FLAG, False, "Write nothing to the console.", per_plugin=False)
    exit_timeout: float = _option(
        WAIT, 10.0, "How many seconds the end of the program may wait for delivery.", per_plugin=False
    )


class Option(NamedTuple):
    """One line of the table.

    Args:
        name: as `enable()` takes it.
        kind: what it takes.
        default: its value where none is set.
        doc: what it does.
        per_plugin: whether it may be set for one plugin.
    """

    name: str
    kind: Kind
    default: Any
    doc: str
    per_plugin: bool

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"AUTOLOG_{self.name.upper()}"


OPTIONS: Mapping[str, Option] = {each.name: Option(each.name, **each.metadata) for each in fields(Settings)}
"""Every option by its name, in the order of the documentation."""

"""A run's models: saved among its files, and loaded from there by URI."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from autolog.capture.origins import remember_loaded
from autolog.exceptions import ModelError, UsageError
from autolog.loading.hooks import Hooks
from autolog.models import files as models
from autolog.recording.runs import ActiveRun
from autolog.store.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from autolog.hookspecs import ModelStream, SavedModel
    from autolog.models.files import Trust
    from autolog.session import Session
    from autolog.store.base import Store

__all__ = ["load_from_store", "save_to_run"]

_URI: Final = re.compile(r"runs:/+([0-9a-f]{32})/(.+)\Z")


def save_to_run(run: ActiveRun, model: object, name: str, hooks: Hooks) -> bool:
    """Save a model as `<name>/model.<suffix>` among a run's files; False where no plugin knows it.

    Args:
        run: the run.
        model: it.
        name: what `runs:/<run id>/<name>` will call it.
        hooks: the plugins' hooks.

    Raises:
        ModelTooLarge: it is larger than `max_model_mb`.
        UsageError: the name would lead out of the run's folder.
    """
    if not run.records:
        return True

    def save(stream: ModelStream) -> SavedModel | None:
        return hooks.save_model(model, stream, run.settings.model_format)

    written = models.write_model(run.path(f"{name}/model"), save, int(run.settings.max_model_mb * 1_000_000))
    if written is None:
        return False
    run.log_facts("model", {"name": name, "path": f"{name}/{written.path.name}", **written.as_facts()})
    if run.redacted:
        run.note(f"model {name!r} may hold in clear what was taken out of the params {', '.join(sorted(run.redacted))}")
    return True


def load_from_store(uri: str, store: Store, trusted: bool | Sequence[str] | None, session: Session) -> Any:
    """Load what `save_to_run` saved; arguments and errors as for `autolog.load_model`."""
    parts = _URI.match(uri)
    if parts is None:
        raise UsageError(f"{uri!r} is no model URI; it reads runs:/<run id of 32 digits>/<name>, e.g. runs:/…/model")
    run = store.run(parts[1])
    facts = {name: run.whole(value) for name, value in _facts(run, parts[2]).items()}
    path = store.file(run.run_id, facts["path"])

    def load_with(path: Path, saved: SavedModel, trusted: Trust) -> Any:
        session.use_plugins(saved.modules)
        return session.hooks.load_model(path, saved, trusted)

    model = models.load(path, facts, trusted, load_with)
    if model is None:
        raise ModelError(f"no installed plugin reads models of the format {facts['format']!r}")
    remember_loaded(model, run.run_id)
    return model


def _facts(run: Run, name: str) -> Any:
    for facts in run.models:
        if facts.get("name") == name:
            return facts
    known = ", ".join(str(facts.get("name")) for facts in run.models) or "none"
    raise UsageError(f"run {run.run_id} has no model {name!r}; it has {known}")

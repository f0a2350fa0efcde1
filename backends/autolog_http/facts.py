"""What a run's record says, in MLflow's words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import autolog
from autolog.store.run import Run
from autolog_http import names, signatures
from autolog_http.names import Limits
from autolog_http.typed import untold, written

__all__ = ["OURS", "TAKEN", "TREE", "WRITTEN", "dataset_input", "milliseconds", "params_of", "tags_of"]

OURS: Final = "autolog.run_id"
TREE: Final = "autolog.tree"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SYSTEM: Final = {
    "mlflow.user": "user",
    "mlflow.source.name": "script",
    "mlflow.source.git.commit": "git_commit",
    "mlflow.source.git.branch": "git_branch",
    "mlflow.source.git.repoURL": "git_remote",
}
_TOLD: Final = ("autolog.typed", "autolog.typed_tags", "autolog.rewritten", "autolog.names", "autolog.state")
TAKEN: Final = frozenset({"mlflow.runName", "mlflow.parentRunId", OURS, TREE, "autolog.version", *_TOLD})
"""Tags by which a server knows a run, and we: one of the user's by such a name is only in the exact record."""
WRITTEN: Final = TAKEN | {*_SYSTEM, "mlflow.source.type", "mlflow.note.content"}
"""What delivering makes tags of, that are none of the run's own."""
_LONGEST_DATASET_NAME: Final = 500
_LONGEST_SOURCE: Final = 65_535
_LONGEST_SCHEMA: Final = 1_048_575


def milliseconds(moment: datetime | None) -> int | None:
    """Give a time as MLflow writes it."""
    exact = _microseconds(moment)
    return None if exact is None else exact // 1000


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)


def params_of(run: Run, limits: Limits) -> dict[str, str]:
    """Give a run's params as texts, those that were given anew as they were first: a server keeps that."""
    return {names.key(name): text for name, text in _param_texts(run, limits).items()}


def _param_texts(run: Run, limits: Limits) -> dict[str, str]:
    first = {name: values[0] for name, values in run.earlier_params.items()}
    return {name: names.cut(str(value), limits.param) for name, value in {**run.params, **first}.items()}


def tags_of(run: Run, tree: str, parent: str | None, limits: Limits) -> dict[str, str]:
    """Give a run's tags: the user's, those by which MLflow knows a run's facts, and those by which we know it again.

    Args:
        run: it.
        tree: the id of the top-level run.
        parent: the server's id of its parent.
        limits: the server's.
    """
    own = {names.key(name): str(value) for name, value in run.tags.items() if name not in TAKEN}
    found = {**dict(_described(run)), **own, **dict(_typed(run, limits)), OURS: run.run_id, TREE: tree}
    found["autolog.version"] = autolog.__version__
    if parent is not None:
        found["mlflow.parentRunId"] = parent
    return {name: names.cut(value, limits.tag) for name, value in found.items()}


def _described(run: Run) -> Iterator[tuple[str, str]]:
    for name, fact in _SYSTEM.items():
        if isinstance(run.environment.get(fact), str):
            yield name, run.environment[fact]
    yield "mlflow.source.type", "LOCAL"
    yield "mlflow.runName", names.cut(run.run_name or run.run_id, names.LONGEST_NAME)
    note = "\n\n".join(_note(run))
    if note:
        yield "mlflow.note.content", note


def _note(run: Run) -> Iterator[str]:
    """Say in MLflow's markdown what ended a run, and what is missing from it."""
    if run.error is not None:
        yield f"**{run.error.get('type')}**: {run.error.get('message')}"
        if run.error.get("traceback"):
            yield f"```\n{run.error['traceback']}\n```"
    yield from (f"- {note}" for note in run.notes)


def _typed(run: Run, limits: Limits) -> Iterator[tuple[str, str]]:
    """Say what MLflow's names, texts, times and statuses do not."""
    told = {
        "autolog.typed": untold(run.params, _param_texts(run, limits)),
        "autolog.typed_tags": {name: value for name, value in run.tags.items() if type(value) is not str},
        "autolog.rewritten": {name: str(run.params[name]) for name in run.earlier_params},
        "autolog.names": {names.key(name): name for name in (*run.params, *run.tags) if names.key(name) != name},
        "autolog.state": _state(run),
    }
    for name, values in told.items():
        text = written(values, limits.tag)
        if text is not None:
            yield name, text


def _state(run: Run) -> dict[str, Any]:
    """Give status and times as they are: MLflow knows no lost runs, and no microseconds."""
    return {
        "status": run.status,
        "started": _microseconds(run.start_time),
        "ended": _microseconds(run.end_time),
    }


def dataset_input(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Give a dataset as an input; what its text is too long for is left out, as the record has it."""
    dataset = {
        "name": names.cut(str(facts.get("name")), _LONGEST_DATASET_NAME),
        "digest": names.clean(str(facts.get("digest")))[:36],
        "source_type": "code",
        "source": _within(_LONGEST_SOURCE, {"tags": {"mlflow.source.name": _plain(facts.get("source"))}}),
        "schema": _within(_LONGEST_SCHEMA, _schema(facts)),
        "profile": json.dumps(_profile(facts)),
    }
    context = names.cut(str(facts.get("context")), 500)
    return {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": context}]}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _within(limit: int, value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= limit else "{}"


def _schema(facts: Mapping[str, Any]) -> dict[str, Any]:
    columns = signatures.columns(facts.get("columns"))
    if columns:
        return {"mlflow_colspec": columns}
    target = facts.get("target")
    tensors = {"features": _tensor(facts), **({"targets": _tensor(target)} if isinstance(target, dict) else {})}
    return {"mlflow_tensorspec": tensors}


def _tensor(facts: Mapping[str, Any]) -> str:
    return json.dumps([signatures.tensor(str(facts.get("dtype")), facts.get("shape"))])


def _profile(facts: Mapping[str, Any]) -> dict[str, Any]:
    shape = facts.get("shape")
    whole = [size for size in shape if type(size) is int] if isinstance(shape, list) else []
    return {"num_rows": whole[0], "num_elements": math.prod(whole)} if whole else {}

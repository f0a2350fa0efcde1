"""What Lightning's own callbacks are set to and have found: early stopping, and checkpoints, which stay in place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from torch import Tensor

from autolog.capture.callbacks import described
from autolog.capture.origins import remember_file

if TYPE_CHECKING:
    from autolog.capture.calls import Call
    from autolog.recording.runs import ActiveRun

__all__ = ["callback_params", "checkpoint_files", "outcome_of"]

_STOPPING: Final = ("monitor", "mode", "patience", "min_delta", "stopping_threshold", "divergence_threshold")
_SAVING: Final = ("monitor", "mode", "save_top_k", "save_last", "save_weights_only", "dirpath")


def callback_params(trainer: Any, package: str) -> dict[str, Any]:
    """Give what callbacks there are, and what those are set to that stop early or save checkpoints.

    Args:
        trainer: it.
        package: Lightning's import name.
    """
    return {
        **described(trainer.callbacks, package),
        **_set_to("early_stopping", trainer.early_stopping_callbacks, _STOPPING),
        **_set_to("checkpoint", trainer.checkpoint_callbacks, _SAVING),
    }


def _set_to(kind: str, callbacks: Iterable[Any], names: Iterable[str]) -> dict[str, Any]:
    found = {f"{kind}{number}.{name}": vars(each).get(name) for number, each in _numbered(callbacks) for name in names}
    deltas = {name: abs(value) for name, value in found.items() if name.endswith(".min_delta") and value is not None}
    return {**found, **deltas}  # Lightning keeps it as a negative number where the metric is to become small


def _numbered(callbacks: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for number, each in enumerate(callbacks, 1):
        yield "" if number == 1 else str(number), each


# ---- what they have found


def outcome_of(trainer: Any) -> tuple[dict[str, float], dict[str, Any]]:
    """Give what early stopping and checkpoints have come to: metrics, and tags."""
    metrics: dict[str, float] = {}
    tags: dict[str, Any] = {}
    for number, each in _numbered(trainer.early_stopping_callbacks):
        metrics |= _stopped(number, each)
        tags[f"early_stopping{number}_reason"] = vars(each).get("stopping_reason_message")
    for number, each in _numbered(trainer.checkpoint_callbacks):
        score = _number(vars(each).get("best_model_score"))
        metrics |= {} if score is None else {f"best_model_score{number}": score}
        tags |= {f"{name}{number}": vars(each).get(name) or None for name in ("best_model_path", "last_model_path")}
    tags["checkpoints"] = [_file(path, score) for path, score in _saved(trainer)] or None
    return metrics, tags


def _stopped(number: str, callback: Any) -> dict[str, float]:
    """Give the best score that early stopping has seen, and the epoch in which it stopped, if it did."""
    found, epoch = {}, callback.stopped_epoch
    score = _number(callback.best_score)
    if score is not None and abs(score) != float("inf"):  # what it begins with
        found[f"best_score{number}"] = score
    if epoch or callback.wait_count >= callback.patience:
        found[f"stopped_epoch{number}"] = epoch
    return found


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (Tensor, int, float)) else None


# ---- files


def _saved(trainer: Any) -> Iterator[tuple[str, float | None]]:
    """Give the path and the score of each checkpoint that there is, once."""
    found: dict[str, float | None] = {}
    for each in trainer.checkpoint_callbacks:
        kept = vars(each)
        found |= {str(path): _number(score) for path, score in kept.get("best_k_models", {}).items()}
        for name in ("best_model_path", "last_model_path"):
            if kept.get(name):
                found.setdefault(str(kept[name]), None)
    yield from found.items()


def _file(path: str, score: float | None) -> dict[str, Any]:
    size = os.stat(path).st_size if os.path.isfile(path) else None  # noqa: PTH113,PTH116  (it may be a URL)
    found = {"path": path, "size": size, "score": score}
    return {name: value for name, value in found.items() if value is not None}


def checkpoint_files(call: Call, run: ActiveRun) -> None:
    """Remember which run the files are of; where it is wanted, keep copies."""
    for path, _ in _saved(call.instance):
        if os.path.isfile(path):  # noqa: PTH113
            remember_file(path, call.instance)
            if call.settings.log_checkpoints:
                run.add_file(f"checkpoints/{Path(path).name}", Path(path))

"""The models that a training trains: found by their parameters, and saved at the end or when they go."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Mapping
from types import FrameType
from typing import TYPE_CHECKING

from torch import Tensor, nn

from autolog import guard
from autolog.exceptions import ModelTooLarge
from autolog_torch import models, modules

if TYPE_CHECKING:
    from autolog.capture.here import Here
    from autolog_torch.training import Training

__all__ = ["Trained"]


class Trained:
    """The models of a training; none of them is kept alive.

    Args:
        training: it.
        here: where it began.
    """

    def __init__(self, training: Training, here: Here) -> None:
        self._training = training
        self._here = here
        self._covered = modules.ParameterSet()
        self._models: dict[str, weakref.ref[nn.Module]] = {}
        self._snapshots: dict[str, models.Snapshot] = {}
        self._gone: set[str] = set()  # those that have been told to go: a weak reference knows it before
        self._saved_at: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._models)

    @property
    def are_gone(self) -> bool:
        """Say whether there were some, and none is left."""
        return bool(self._models) and self._gone == self._models.keys()

    def find(self, trained: list[Tensor], frame: FrameType | None) -> None:
        """Look for the modules that have these parameters, as far as they are not known."""
        missing = [each for each in trained if each not in self._covered]
        if missing:
            self.take_all(modules.find(modules.ParameterSet(missing), frame))

    def take_all(self, found: Mapping[str, nn.Module]) -> None:
        """Take modules as models that are trained, by their names."""
        for name, module in found.items():
            self.take(name, module)

    def take(self, name: str, module: nn.Module) -> None:
        """Take a module as a model that is trained; the first of them is the run's."""
        training, key = self._training, name if self._models else ""
        key = f"{key}_{len(self._models) + 1}" if key in self._models else key
        self._models[key] = weakref.ref(module)
        for known in (training.parameters, self._covered):
            known.add(nn.Module.parameters(module))
        params = modules.model_params(module)
        training.params(**(params if not key else {f"{key}.{name}": value for name, value in params.items()}))
        guard.call("torch.summary", training.run, self._summarise, key, module)
        if self._here.settings.log_models and not self._here.is_part:  # whose handler knows what the model is
            self._keep(key, module)
        weakref.finalize(module, _went, weakref.ref(training), key).atexit = False

    def _summarise(self, key: str, module: nn.Module) -> None:
        name = f"model_summary_{key}.txt" if key else "model_summary.txt"
        self._training.run.add_file(name, modules.summary(module).encode())

    def _keep(self, key: str, module: nn.Module) -> None:
        room = int(self._here.settings.max_model_mb * 1_000_000)
        snapshot = guard.call("torch.snapshot", self._training.run, models.snapshot, module, room)
        if snapshot is not None:
            self._snapshots[key] = snapshot

    def takes_called(self, model: nn.Module) -> bool:
        """Say whether a module that is called is the model; where it was not found it is, if its parameters say so."""
        if not self._models and self._training.trains(nn.Module.parameters(model)):
            self.take("model", model)
        return any(each() is model for each in self._models.values())

    # ---- saving

    def save_all(self) -> None:
        """Save all as they are now."""
        for key in self._snapshots:
            self._save_changed(key)

    def went(self, key: str) -> None:
        """Save a model that is going; its parameters are still there."""
        if key in self._snapshots and not self._training.is_settled:
            self._save_changed(key)
        self._gone.add(key)

    def _save_changed(self, key: str) -> None:
        """Save a model as it is now, unless it is saved already."""
        steps = self._training.all_steps
        if self._saved_at.get(key) == steps or not steps:
            return
        run, snapshot = self._training.run, self._snapshots[key]
        module = self._models[key]()  # held, lest the garbage collector takes it while it is written
        self._saved_at[key] = steps
        guard.call("torch.refresh", run, snapshot.refresh)
        guard.call("torch.model", run, self._save, f"model_{key}" if key else "model", snapshot)
        del module

    def _save(self, name: str, snapshot: models.Snapshot) -> None:
        try:
            self._here.save_model(snapshot, self._training.run, name)
        except ModelTooLarge as error:
            self._training.run.note(str(error))


def _went(
    training: weakref.ref[Training],
    key: str,
    is_finalizing: Callable[[], bool] = sys.is_finalizing,  # held: a module's names go with the interpreter
) -> None:
    found = training()
    if found is not None and not is_finalizing():
        guard.call("torch.gone", found.run, found.model_gone, key)

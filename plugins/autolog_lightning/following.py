"""One call of a trainer while it goes on: what is recorded when its loops begin, when it logs, and when they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from autolog import guard
from autolog_lightning import data, params
from autolog_lightning.callbacks import callback_params, checkpoint_files, outcome_of
from autolog_lightning.optimizers import optimizers_params
from autolog_lightning.points import Points
from autolog_lightning.ranks import is_recorded_here

if TYPE_CHECKING:
    from autolog.capture.calls import Call
    from autolog.recording.runs import ActiveRun
    from autolog_lightning.called import CalledModel
    from autolog_lightning.watching import Then

__all__ = ["Following"]


class Following:
    """Records what a trainer does.

    Args:
        call: of the trainer's method.
        run: what it is recorded on.
    """

    def __init__(self, call: Call, run: ActiveRun) -> None:
        self._call = call
        self._run = run
        self._trainer = call.instance
        self._is_fit = call.name == "fit"
        self._points: Points | None = None
        self._told: dict[str, Any] = {}
        self._await_no_more: Callable[[], None] | None = None  # that a call of the model shows its signature

    def _tell(self, write: Callable[[Mapping[str, Any]], None], facts: Mapping[str, Any]) -> None:
        """Write what is new of some facts: some are known before the loops begin, and may change until then."""
        new = {name: value for name, value in facts.items() if value is not None and not self._is_told(name, value)}
        self._told.update(new)
        if new:
            write(new)

    def _is_told(self, name: str, value: Any) -> bool:
        return name in self._told and params.is_same(self._told[name], value)

    def log_given(self) -> None:
        """Record what is known before anything is set up, which may fail."""
        given = self._call.given().get("datamodule")
        datamodule = self._trainer.datamodule if given is None else given
        module = params.module_in(self._call.argument(0, "model"), self._trainer)
        self._tell(self._run.log_params, params.merged(self._trainer, module, datamodule, {}))

    # ---- the loops

    def begin(self, called: CalledModel) -> Then | None:
        """Record what is known when the loops begin, in the process that they run in.

        Args:
            called: waits for the call of a model.

        Returns:
            What is to be told of their end.
        """
        if not is_recorded_here(self._trainer):
            return None
        self._points = Points(self._run, self._trainer)
        if self._is_fit:
            guard.call("lightning.begin", self._run, self._log_set_up)
            guard.call("lightning.summary", self._run, self._log_summary)
            guard.call("lightning.signature", self._run, self._await_call, called)
        else:
            guard.call("lightning.checkpoint", self._run, self._log_checkpoint)
        return self._ended

    def _log_set_up(self) -> None:
        trainer = self._trainer
        more = {
            **optimizers_params(trainer.optimizers, trainer.lr_scheduler_configs),
            **callback_params(trainer, self._call.plugin),
        }
        self._log_params(more)

    def _log_summary(self) -> None:
        self._run.add_file("model_summary.txt", params.summary(self._trainer.lightning_module).encode())

    def _await_call(self, called: CalledModel) -> None:
        if self._call.settings.log_model_signatures:
            self._await_no_more = called.wait(self._trainer.lightning_module, self._run)

    def _end_await(self) -> None:
        end, self._await_no_more = self._await_no_more, None
        if end is not None:
            end()

    def _log_params(self, more: Mapping[str, Any]) -> None:
        trainer = self._trainer
        found = params.merged(trainer, trainer.lightning_module, trainer.datamodule, more)
        self._tell(self._run.log_params, found)

    def _log_checkpoint(self) -> None:
        """Say which weights are evaluated, where they are not the model's own."""
        path = self._trainer.ckpt_path
        if path is not None:
            self._run.set_tags({f"{self._call.name}_ckpt_path": str(path)})

    def logged(self, connector: Any, metrics: Mapping[str, Any], step: int | None) -> None:
        """Record what the trainer logs, once its loops have begun."""
        if self._points is not None:
            self._points.take(connector, metrics, step)
            if self._await_no_more is not None and self._trainer.training:  # a whole step has been made
                self._end_await()

    def _ended(self, result: object, error: BaseException | None) -> None:
        self._end_await()
        points, self._points = self._points, None
        if points is not None:
            points.finish()
        if self._is_fit:
            guard.call("lightning.ended", self._run, self._log_end)
            if self._call.settings.log_datasets:
                guard.call("lightning.data", self._run, data.log_data, self._call, self._run)

    def _log_end(self) -> None:
        trainer = self._trainer
        done = {"epochs": trainer.current_epoch, "steps": trainer.global_step}
        self._log_params(done | {"batch_size": data.batch_size(trainer)})
        self.log_outcome()

    def log_outcome(self) -> None:
        """Record what callbacks of Lightning's have found, and which files they have written."""
        metrics, tags = outcome_of(self._trainer)
        self._tell(self._run.log_metrics, metrics)
        self._tell(self._run.set_tags, tags)
        checkpoint_files(self._call, self._run)

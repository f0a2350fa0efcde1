"""What a trainer logs, as points: an epoch's under its number, a batch's under the step that Lightning gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from autolog import guard
from autolog.capture.identity import ByIdentity
from autolog_lightning.optimizers import rates
from autolog_lightning.reading import Numbers

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["Points"]

_epochs: Final = ByIdentity()  # that the fit of a run came to


class Points:
    """Logs what a trainer logs; it never raises, and gives up where it has failed once.

    Args:
        run: takes the points.
        trainer: logs.
    """

    def __init__(self, run: ActiveRun, trainer: Any) -> None:
        self._run: ActiveRun = run
        self._trainer = trainer
        self._numbers = Numbers(run)
        self._rates: dict[str, Any] = {}
        self._has_failed = False
        if trainer.training:
            self._guarded("points.rates", self._log_rates, 0)

    def take(self, connector: Any, metrics: Mapping[str, Any], step: int | None) -> None:
        """Log metrics.

        Args:
            connector: Lightning's, that hands them to the loggers.
            metrics: a tensor of one element for each name.
            step: of a batch of an evaluation; None for all else.
        """
        self._guarded("points.take", self._take, connector, metrics, step)

    def finish(self) -> None:
        """Log what still waits to be read; the loops have ended."""
        self._guarded("points.finish", self._numbers.read)
        if self._trainer.state.fn == "fit":
            _epochs[self._run] = int(self._trainer.current_epoch)

    def _guarded(self, site: str, function: Any, *args: Any) -> None:
        if not self._has_failed and guard.call(site, self._run, _done, function, *args) is None:
            self._has_failed = True
            self._run.note("the metrics from here on are missing")

    def _take(self, connector: Any, metrics: Mapping[str, Any], step: int | None) -> None:
        trainer = self._trainer
        is_whole = connector._first_loop_iter is None  # noqa: SLF001  (of an epoch, not of a batch)
        is_training = step is None and (not is_whole or trainer.training)  # which Lightning takes long to say
        if _is_trial(trainer) or (not is_training and trainer.sanity_checking):
            return
        results = _epoch_loop(trainer)._results if is_training else trainer._results  # noqa: SLF001
        values = {**metrics, **dict(_unlogged(results, connector))}
        if values:
            self._numbers.log(self._step(values, step, is_whole), values, may_wait=not (is_whole or trainer.loggers))
        if is_training:
            self._log_rates(1)

    def _step(self, values: dict[str, Any], step: int | None, is_whole: bool) -> int:
        """Give the step of a point; as Lightning has it, a metric called `step` is what the user says that it is."""
        if step is not None:
            return step
        if "step" in values and len(values) > 1:
            return int(values.pop("step"))
        return self._epoch() if is_whole else _batches(self._trainer)

    def _epoch(self) -> int:
        """Give the number of the epoch; that of the step where epochs are not validated once each, at their ends.

        What is computed after a fit, be it by another trainer, comes after its last epoch.
        """
        trainer = self._trainer
        if trainer.state.fn != "fit":
            return max(int(trainer.current_epoch), _epochs.get(self._run) or 0)
        return _batches(trainer) if trainer.validating and _validates_within(trainer) else int(trainer.current_epoch)

    def _log_rates(self, ahead: int) -> None:
        """Log the learning rates that have changed; they hold from the next step on."""
        now = dict(rates(self._trainer.optimizers))
        changed = {name: rate for name, rate in now.items() if self._rates.get(name) != rate}
        if changed:
            self._rates = now
            self._numbers.log(_batches(self._trainer) + ahead, changed, may_wait=True)


def _done(function: Any, *args: Any) -> bool:
    function(*args)
    return True


def _batches(trainer: Any) -> int:
    """Give the step that Lightning has its loggers show: batches after which optimizers stepped, counted once each."""
    return int(_epoch_loop(trainer)._batches_that_stepped)  # noqa: SLF001


def _epoch_loop(trainer: Any) -> Any:
    return trainer.fit_loop.epoch_loop


def _validates_within(trainer: Any) -> bool:
    batches = trainer.val_check_batch
    return trainer.check_val_every_n_epoch is None or batches is None or bool(batches < trainer.num_training_batches)


def _is_trial(trainer: Any) -> bool:
    """Say whether rates or sizes are tried out in the middle of a fit; Lightning takes the loggers away meanwhile."""
    return type(trainer.logger).__name__ == "DummyLogger" and not trainer.fast_dev_run


def _unlogged(results: Any, connector: Any) -> Iterator[tuple[str, Any]]:
    """Give what the user has kept from the loggers, and shows in the progress bar or has callbacks look at."""
    if not results or all(each.meta.logger for each in results.values()):
        return
    found = connector.metrics
    for name, value in found["callback"].items():
        has_other_name = f"{name}_step" in found["callback"] or f"{name}_epoch" in found["callback"]
        if name not in found["log"] and not has_other_name:
            yield name, value

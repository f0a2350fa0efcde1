"""One training: what the signals of a loop mean, recorded on a run."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from torch import Tensor
from torch.optim import Optimizer

from autolog import guard
from autolog.exceptions import PluginError
from autolog_torch import described, modules
from autolog_torch.epochs import Epochs
from autolog_torch.lines import Line, Rates
from autolog_torch.losses import Loss
from autolog_torch.lossseries import LossSeries
from autolog_torch.optimizers import (
    MOST_GROUPS,
    comparable,
    optimizer_params,
    parameters_of,
    scheduler_of,
    scheduler_params,
)
from autolog_torch.passes import Mean, Pass
from autolog_torch.ranks import rank_params
from autolog_torch.reading import Readings
from autolog_torch.series import Series
from autolog_torch.trained import Trained

if TYPE_CHECKING:
    from autolog.capture.here import Here
    from autolog.recording.runs import ActiveRun
    from autolog_torch.beginnings import Beginning
    from autolog_torch.loop import Loop

__all__ = ["Training"]

_MOST_CHECKPOINTS: Final = 100  # files, of which the last state is told
_MOST_PHASES: Final = 16  # optimizers of one line that are told of
_MOST_LINES: Final = 16  # of optimizers; recipes that step in the backward pass have one for each parameter


class Training:
    """A training that is recorded on a run of its own, or on the one around it.

    Args:
        here: where it began.
        loop: that it is recognised in.
        frame: the user's that began it.
        wanted: some of the parameters that are trained.
        beginning: where that is in the program.
        gathers: what begins there after it is part of it, and the models that come and go are not.
    """

    unsettled: ClassVar[set[Training]] = set()
    """Held: a thread that ends lets go of its loop, and what it trained may live on."""

    def __init__(
        self,
        here: Here,
        loop: Loop,
        frame: FrameType | None,
        wanted: Iterable[Tensor],
        beginning: Beginning,
        *,
        gathers: bool,
    ) -> None:
        self.beginning = beginning
        self.gathers = gathers
        self._here = here
        self._loop = loop
        self._readings: Readings = loop.readings
        self.parameters = modules.ParameterSet(wanted)
        found = modules.find(self.parameters, frame)
        self.under = here.enclosing_run
        name = type(next(iter(found.values()))).__name__ if found else None
        run = here.open_run(name, self)
        if run is None:
            raise PluginError("no run was opened, though loops are to be recorded")
        self.run: ActiveRun = run
        self.unsettled.add(self)
        prefix = str(here.handed.get("prefix") or "")  # of a search's split, which is not the candidate's model
        self.series = Series(self.run, prefix)
        self.losses = LossSeries(self.series, self.params)
        self.models = Trained(self, here)
        self.epochs = Epochs()
        self._rates = Rates(self.series, self._readings)
        self._alive: dict[int, weakref.ref[Optimizer]] = {}
        self.is_idle = False  # all of its optimizers are gone
        self.lines: list[Line] = []
        self._noted: set[str] = set()
        self._told: dict[str, Any] = {}
        self.is_settled = False
        self.awaits_call = not gathers
        self.is_waiting = False
        self.checkpoints: dict[str, dict[str, Any]] = {}
        self.params(**described.process_params(), **rank_params())
        if gathers:
            self._note("as many short trainings began here one after another, all that follow are part of this run")
        else:
            self.models.take_all(found)

    # ---- what it is of

    @property
    def steps(self) -> int:
        """The steps of the first line, by which all else is counted."""
        return self.lines[0].steps if self.lines else 0

    @property
    def all_steps(self) -> int:
        """The steps of all lines."""
        return sum(line.steps for line in self.lines)

    def is_over(self, here_run: ActiveRun | None) -> bool:
        """Say whether what comes next belongs to another run: this one has ended, or another is asked for."""
        return self.run.ended or here_run is not self.under

    def trains(self, parameters: Iterable[Tensor]) -> bool:
        """Say whether it has to do with some of these parameters."""
        return any(each in self.parameters for each in parameters)

    def params(self, **params: Any) -> None:
        """Add params that are not known yet, or have changed."""
        new = {name: value for name, value in params.items() if value is not None and self._told.get(name) != value}
        if new:
            self._told.update(new)
            self.run.log_params(new)

    # ---- optimizers

    def joined(self, optimizer: Optimizer, name: str | None) -> Line:
        """Take an optimizer in: as the next phase of a line that trained these parameters, or as a line of its own."""
        mine = parameters_of(optimizer)
        line = next((each for each in self.lines if each.takes(mine)), None)
        if line is None and self._is_next_phase(mine):
            line = self.lines[0]
        if line is None:
            line = self._new_line(name)
        line.parameters.add(mine)
        self.parameters.add(mine)
        line.phases += 1
        self.is_idle = False
        self._alive[id(optimizer)] = weakref.ref(optimizer, partial(_retired, weakref.ref(self), id(optimizer)))
        if len(self.lines) < _MOST_LINES:
            self._tell_of(optimizer, line)
        return line

    def _is_next_phase(self, mine: list[Tensor]) -> bool:
        """Say whether other parts of the one model are trained, now that the first optimizer is gone."""
        if self.gathers:
            return bool(self.lines)
        return len(self.lines) == 1 and not self._alive and len(self.models) == 1 and self.trains(mine)

    def _new_line(self, name: str | None) -> Line:
        if len(self.lines) >= _MOST_LINES:
            return self.lines[-1]
        number = len(self.lines)
        names = {each.name for each in self.lines}
        known = name is None or name in names
        line = Line("" if not number else f"{name or 'optimizer'}{number + 1}" if known else name or "")
        self.lines.append(line)
        return line

    def _tell_of(self, optimizer: Optimizer, line: Line) -> None:
        line.rates = []
        if len(optimizer.param_groups) > MOST_GROUPS:
            self._note(f"of an optimizer's groups the settings and rates of the first {MOST_GROUPS} are recorded")
        settings = optimizer_params(optimizer, "")
        if line.phases > _MOST_PHASES:
            self._note(f"of the optimizers of the same parameters the settings of the first {_MOST_PHASES} are params")
        elif settings != line.settings:
            line.settings = settings
            name = (line.name or "optimizer") + (f".phase{line.phases}" if line.phases > 1 else "")
            self.params(**{f"{name}{key}": value for key, value in settings.items()})

    def _note(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self.run.note(text)

    def retired(self, number: int) -> None:
        """Forget an optimizer that is gone."""
        self._alive.pop(number, None)
        self.is_idle = not self._alive
        self.end_if_gone()

    def end_if_gone(self) -> None:
        """End the run where all optimizers and all models are gone: nothing can train any more."""
        if self.is_gone:
            self.end_with(None)

    # ---- steps

    def stepped(self, line: Line, optimizer: Optimizer, losses: list[Loss], top: Pass | None) -> None:
        """Take a step of an optimizer, and the losses that it followed from.

        Args:
            line: the optimizer's.
            optimizer: it.
            losses: those whose gradients it used.
            top: the pass over a loader in which it was made.
        """
        step = line.steps
        line.steps += 1
        if top is not None:
            if not top.steps:
                self._began(top)
            top.steps += 1
        groups = optimizer.param_groups
        now = [rate if type(rate := group.get("lr")) is float else comparable(rate) for group in groups[:MOST_GROUPS]]
        if line.rates != now:
            line.rates = now
            self._rates_changed(line, optimizer, step)
        if len(losses) == 1 and top is not None and self._readings.is_idle:  # as in most steps
            loss = losses[0]
            name = line.names.get(loss.name)
            mean = top.means.get(name)  # type: ignore[arg-type]
            if mean is not None and loss.divisor is None:
                self.series.add_of_step(name, loss.value, step)  # type: ignore[arg-type]
                mean.add(loss.value, loss.size)
                return
        if losses:
            self._readings.after(partial(self.losses.of_step, line, step, losses, top))

    def _rates_changed(self, line: Line, optimizer: Optimizer, step: int) -> None:
        line.optimizer = weakref.ref(optimizer)
        self.tell_of_scheduler(optimizer, line)
        self._rates.changed(line, step)

    def tell_of_scheduler(self, optimizer: Optimizer, line: Line) -> None:
        """Record what sets the rates of an optimizer."""
        scheduler = scheduler_of(optimizer)
        if scheduler is not None:
            self.params(**scheduler_params(scheduler, line.prefixed("scheduler")))

    def count_left(self, losses: list[Loss], top: Pass) -> None:
        """Count losses that no step has followed yet into the epoch that they were computed in."""
        for loss in losses:
            self.losses.count_left(self._line_of(loss), loss, top)

    def _line_of(self, loss: Loss) -> Line:
        """Give the line whose step a loss waits for."""
        self.lines = self.lines or [Line("")]
        return next((each for each in self.lines if not loss.is_of_others(each.parameters)), self.lines[0])

    @property
    def is_gone(self) -> bool:
        """Say whether nothing is left of what was trained: what is evaluated now is something else."""
        return self.is_idle and self.models.are_gone

    @property
    def has_stepped(self) -> bool:
        """Say whether an optimizer has made a step."""
        return bool(self.lines) and self.lines[0].phases > 0

    def unstepped(self, losses: list[Loss], top: Pass | None) -> None:
        """Take losses that no optimizer's step followed, each as a step."""
        for loss in losses:
            if top is not None and top.number is None:
                self._began(top)
            line = self._line_of(loss)
            self.losses.of_step(line, line.steps, [loss], top)
            line.steps += 1

    # ---- passes

    def _began(self, top: Pass) -> None:
        """Take the first step of a pass over the data that is trained on: an epoch."""
        self._number_of(top)
        settings = {f"train_loader.{name}": value for name, value in top.facts.params.items()}
        self.params(**settings, batch_size=top.facts.batch_size or top.size or None)

    def passed(self, top: Pass) -> None:
        """Take the end of a pass that trained something."""
        if top.number is None:
            self._began(top)
        self._readings.after(partial(self._epoch_over, top, self._number_of(top), top.seconds()))

    def _number_of(self, top: Pass) -> int:
        return self.epochs.number_of(top, sum(line.phases for line in self.lines))

    def _epoch_over(self, top: Pass, number: int, seconds: float) -> None:
        self.epochs.count += 1
        for name, mean in top.means.items():
            for key, value in mean.named(f"{name}_epoch").items():
                self.series.add(key, value, number)
        if seconds > 0 and top.samples:
            self.series.add("samples_per_second", top.samples / seconds, number)
        if seconds > 0:
            self.series.add("data_wait_share", top.waited / seconds, number)
        for line in self.lines:
            self._rates.of_epoch(line, number)
        described.log_peak_memory(self.series, number)
        self.log_dataset(top, "train")

    def log_dataset(self, top: Pass, use: str) -> None:
        """Record what a loader draws from, as far as a pass over it shows."""
        if self._here.settings.log_datasets:
            guard.call("torch.dataset", self.run, described.log_dataset, self._here, self.run, top, use)

    def evaluated(self, split: str, losses: Mapping[Any, Mean], top: Pass | None, around: Pass | None) -> None:
        """Take the losses of an evaluation.

        Its step is the number of the epoch. In the middle of an epoch that the user counts, the names end in `_step`
        and the step is the optimizer's, as it is where there are no epochs.

        Args:
            split: what the data is used for.
            losses: by what computed them, which begins with the name of the loss function.
            top: the pass over a loader, if it was one.
            around: the pass that trains, in the middle of which it was made.
        """
        step, ending = self.steps, "" if around is None or around.epoch is None else "_step"
        if around is None and self.epochs.number is not None:
            step = self.epochs.number
        elif around is None and top is not None and top.epoch is not None:
            step = top.epoch
        for name, mean in _named(split, losses):
            for key, value in mean.named(name).items():
                self.series.add(f"{key}{ending}", value, step)
        if top is not None:
            self.log_dataset(top, split)

    def measured(self, name: str, value: float) -> None:
        """Take a metric that was computed over an evaluation."""
        self.series.add(name, value, self.steps if self.epochs.number is None else self.epochs.number)

    def log_signature(self, facts: Mapping[str, Any]) -> None:
        """Record what the model takes and gives."""
        if self._here.settings.log_model_signatures and not self._here.is_part:
            self.run.log_facts("signature", facts)

    def saved(self, path: Path) -> None:
        """Record a file that was saved while training, by its path and size; where it is wanted keep a copy."""
        if len(self.checkpoints) < _MOST_CHECKPOINTS or str(path) in self.checkpoints:
            where = path.absolute()
            self.checkpoints[str(path)] = {"path": str(where), "size": where.stat().st_size, "step": self.steps}
            self.run.set_tags({"checkpoints": list(self.checkpoints.values())})
        if self._here.settings.log_checkpoints:
            self.run.add_file(f"checkpoints/{path.name}", path)

    # ---- the end

    def settle(self, error: BaseException | None) -> None:
        """Record what is still to be recorded, the model above all: the run ends."""
        if self.is_settled:
            return
        if self._loop.training is self:
            guard.call("torch.close", self.run, self._loop.finish)
        self.is_settled = True
        self.unsettled.discard(self)
        guard.call("torch.finish", self.run, self._readings.finish)
        self.params(epochs=self.epochs.count or None, steps=self.steps or None)
        self.models.save_all()
        self._loop.places.closed(self)

    def model_gone(self, key: str) -> None:
        """Take the going of a model."""
        self.models.went(key)
        self.end_if_gone()

    def end_with(self, error: BaseException | None) -> None:
        """End the run, unless it is another's to end."""
        if self.run is not self.under:
            self.run.end_with(error)
        else:
            self.settle(error)


def _named(split: str, losses: Mapping[Any, Mean]) -> list[tuple[str, Mean]]:
    """Name each: `val_loss` where there is one, else by the loss function, with a number where that is not enough."""
    if len(losses) == 1:
        return [(f"{split}_loss", mean) for mean in losses.values()]
    seen: dict[str, int] = {}
    named = []
    for (function, *_), mean in losses.items():
        seen[function] = number = seen.get(function, 0) + 1
        named.append((f"{split}_{function}" + (f"_{number}" if number > 1 else ""), mean))
    return named


def _retired(
    training: weakref.ref[Training],
    number: int,
    reference: object,
    is_finalizing: Callable[[], bool] = sys.is_finalizing,  # held: a module's names go with the interpreter
) -> None:
    found = training()
    if found is not None and not is_finalizing():
        guard.call("torch.retired", found.run, found.retired, number)

"""What the losses of steps become: a series by step, and means by epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from autolog_torch.losses import Loss, accumulated
from autolog_torch.passes import Mean, Pass

if TYPE_CHECKING:
    from autolog_torch.lines import Line
    from autolog_torch.series import Series

__all__ = ["LossSeries"]


class LossSeries:
    """The losses of a training.

    Args:
        series: where they go.
        params: takes params of the run.
    """

    def __init__(self, series: Series, params: Callable[..., None]) -> None:
        self._series = series
        self._params = params
        self._has_unused = False
        self._functions: dict[str, str] = {}  # what the params of each begin with
        self._of_batches: dict[tuple[Any, ...], str] = {}  # names, by what computed the losses
        self._owners: dict[str, Line] = {}

    def __contains__(self, name: object) -> bool:
        """Say whether a loss that is trained on has this name."""
        return name in self._owners

    def of_step(self, line: Line, step: int, losses: list[Loss], top: Pass | None) -> None:
        """Take the losses of a step, once their values are known.

        Args:
            line: the optimizer's.
            step: the number of the step.
            losses: those whose gradients it used.
            top: the pass in which it was made.
        """
        self._look_for_accumulation(line, losses)
        by_name: dict[str, list[Loss]] = {}
        for loss in losses:
            by_name.setdefault(self._name(line, loss.name), []).append(loss)
        for name, same in by_name.items():
            values = [each.undivided(line.accumulated) for each in same]
            self._series.add_of_step(name, sum(values) / len(values), step)
            for loss, value in zip(same, values, strict=True):
                if top is not None and not loss.is_counted:
                    top.means.setdefault(name, Mean()).add(value, loss.size)

    def _look_for_accumulation(self, line: Line, losses: list[Loss]) -> None:
        found = accumulated(losses)
        if found:
            line.accumulated |= found
            self._params(**{line.prefixed("accumulated_batches"): max(found.values())})

    def count_left(self, line: Line, loss: Loss, top: Pass) -> None:
        """Count a loss that no step has followed yet into the epoch that it was computed in."""
        top.means.setdefault(self._name(line, loss.name), Mean()).add(loss.undivided(line.accumulated), loss.size)

    def of_batch(self, step: int, losses: Mapping[Any, Mean], top: Pass) -> None:
        """Take losses without gradients of a batch that is trained on.

        Args:
            step: the number of steps made until then.
            losses: by what computed them, which begins with the name of the loss function.
            top: the pass that gave the batch.
        """
        for key, mean in losses.items():
            name = self._of_batches.get(key) or self._name_of_batches(key)
            value = mean.named(name)[name]
            self._series.add_of_step(name, value, step)
            top.means.setdefault(name, Mean()).add(value, mean.samples)

    def _name_of_batches(self, key: tuple[Any, ...]) -> str:
        """Name what is computed at a place by its function, with a number where several call it."""
        number = sum(key[0] == other for other, *_ in self._of_batches) + 1
        self._of_batches[key] = name = f"train_batch_{key[0]}" + (f"_{number}" if number > 1 else "")
        return name

    def of_functions(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Record loss functions with their settings, each under a name of its own."""
        for function, given in settings.items():
            number = len(self._functions) + 1
            name = self._functions.setdefault(function, f"loss_function{number}" if number > 1 else "loss_function")
            self._params(**{name: function, **{f"{name}.{key}": value for key, value in given.items()}})

    def note_unused(self) -> None:
        """Say that no step will follow from some losses, which are not even part of an epoch's mean."""
        if not self._has_unused:
            self._has_unused = True
            self._series.run.note("losses from which no step followed are in no series")

    def _name(self, line: Line, name: str) -> str:
        """Give the user's name for a loss; two lines that call theirs alike get series of their own."""
        owner = self._owners.setdefault(name, line)
        line.names[name] = found = name if owner is line else line.prefixed(name)
        return found

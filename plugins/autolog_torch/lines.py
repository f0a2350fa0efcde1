"""The optimizers of a training, and the learning rates that they have."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.optim import Optimizer

from autolog_torch.modules import ParameterSet
from autolog_torch.optimizers import rates

if TYPE_CHECKING:
    from autolog_torch.reading import Readings
    from autolog_torch.series import Series
    from autolog_torch.sites import Site

__all__ = ["Line", "Rates"]


class Line:
    """Optimizers that train the same parameters one after another; several lines step in turn, as in a GAN.

    Args:
        name: what its params and series begin with; "" for the first line.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps = 0
        self.phases = 0
        self.parameters = ParameterSet()
        self.rates: list[Any] = []  # by what can be compared
        self.optimizer: Callable[[], Optimizer | None] = lambda: None  # a weak reference to the latest
        self.settings: dict[str, Any] = {}
        self.accumulated: dict[Site, int] = {}  # over how many backward passes from there gradients are
        self.names: dict[str, str] = {}  # of series, by what the user calls a loss

    def takes(self, parameters: list[Tensor]) -> bool:
        """Say whether an optimizer of these parameters is its next; it is nobody's before the first one."""
        return not self.phases or any(each in self.parameters for each in parameters)

    def prefixed(self, key: str) -> str:
        """Give the name of a series of this line."""
        return f"{self.name}_{key}" if self.name else key


class Rates:
    """The series of learning rates: a point at each change, and one for each epoch.

    Args:
        series: where they go.
        readings: read those that are tensors.
    """

    def __init__(self, series: Series, readings: Readings) -> None:
        self._series = series
        self._readings = readings
        self._latest: dict[str, float] = {}

    def changed(self, line: Line, step: int) -> None:
        """Add the rates of a line from a step on."""
        self._log(line, "", step, self._add_other)

    def of_epoch(self, line: Line, number: int) -> None:
        """Add the rates of a line at the end of an epoch."""
        self._log(line, "_epoch", number, self._series.add)

    def _log(self, line: Line, ending: str, step: int, add: Callable[..., None]) -> None:
        optimizer, name = line.optimizer(), line.prefixed("lr")
        found = [] if optimizer is None else rates(optimizer)
        for number, rate in enumerate(found):
            which = "" if len(found) == 1 else f"_group{number}"
            take = partial(add, f"{name}{which}{ending}", step=step)
            if isinstance(rate, Tensor):
                self._readings.read(rate, take)
            elif rate is not None:
                take(rate)

    def _add_other(self, name: str, rate: float, step: int) -> None:
        """Add a rate where it is another than before: a tensor may be filled with the same again."""
        if self._latest.get(name) != rate:
            self._latest[name] = rate
            self._series.add(name, rate, step)

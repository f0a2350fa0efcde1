"""Samples the load for the runs that are under way: every ten seconds, on a thread that is ours."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from autolog import guard
from autolog.background import Background
from autolog.exceptions import MissingRequirementError
from autolog.recording.system.accelerators import Accelerators
from autolog.recording.system.machine import Machine

if TYPE_CHECKING:
    from autolog.recording.runs import ActiveRun

__all__ = ["Sampler"]

_EVERY: Final = 10.0  # seconds between two samples


class Sampler:
    """Adds samples to the runs that it was told of, until they have ended.

    The series are named as MLflow names them: `system/cpu_utilization_percentage` and the like. Their steps count the
    samples of the run. Network traffic counts from the run's beginning.
    """

    def __init__(self) -> None:
        self._runs: dict[str, _Watched] = {}
        self._machine: Machine | None = None
        self._nvml: Any = None
        self._accelerators: Accelerators | None = None
        self._due = 0.0
        self._thread = Background("autolog-system", self._work)

    def watch(self, run: ActiveRun, prefix: str = "") -> None:
        """Add samples to a run from now on.

        Args:
            run: it.
            prefix: of the series' names.

        Raises:
            MissingRequirementError: psutil is not installed.
        """
        if self._machine is None or not self._runs:
            # imported here, and not on the thread: an import there could hold one of the user's up
            self._machine, self._nvml = Machine(_psutil(), run.folder.parent), _module("pynvml")
            self._due = time.monotonic() + _EVERY
        self._runs[run.run_id] = _Watched(run, prefix, self._machine.transferred())
        self._thread.wake()

    def stop(self) -> None:
        """Sample no more: the process ends."""
        self._runs.clear()
        self._thread.stop()

    def forget(self) -> None:
        """Leave the parent's runs to the parent, in a forked child."""
        self._runs.clear()
        self._accelerators = None

    # ---- on the thread

    def _work(self, stop: threading.Event) -> None:
        while not stop.is_set():
            guard.call("system.sample", None, self._sample_until, stop)
            if not stop.is_set():
                self._thread.sleep(None)

    def _sample_until(self, stop: threading.Event) -> None:
        """Sample until there is no run left, or the event is set. Forks interrupt this, and do not put a sample off."""
        while self._runs and not stop.wait(max(0.0, self._due - time.monotonic())):
            self._due = time.monotonic() + _EVERY
            self._drop_ended()
            if self._runs:
                self._sample()

    def _drop_ended(self) -> None:
        for run_id, watched in list(self._runs.items()):
            if watched.run.ended:
                self._runs.pop(run_id, None)

    def _sample(self) -> None:
        machine = self._machine
        if machine is None:
            return
        # asking the driver for its devices may take a second: not on the user's thread
        self._accelerators = self._accelerators or Accelerators(self._nvml)
        readings, carried = {**machine.read(), **self._accelerators.read()}, machine.transferred()
        for watched in list(self._runs.values()):
            guard.call("system.log", watched.run, watched.log, readings, carried)


class _Watched:
    """A run that gets samples.

    Args:
        run: it.
        prefix: of the series' names.
        carried: what the network had carried when it began.
    """

    def __init__(self, run: ActiveRun, prefix: str, carried: Mapping[str, float]) -> None:
        self.run = run
        self._prefix = prefix
        self._carried = carried
        self._samples = 0

    def log(self, readings: Mapping[str, float], carried: Mapping[str, float]) -> None:
        """Add a sample."""
        since = {name: value - self._carried[name] for name, value in carried.items() if name in self._carried}
        metrics = {f"{self._prefix}system/{name}": value for name, value in {**readings, **since}.items()}
        self.run.log_metrics(metrics, step=self._samples)
        self._samples += 1


def _psutil() -> Any:
    found = _module("psutil")
    if found is None:
        raise MissingRequirementError("psutil is not installed: pip install 'autolog-ml[system]'")
    return found


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None

"""Processors, memory, disk and network of this machine, as far as this process may use them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from autolog.recording.system import cgroups

__all__ = ["Machine"]

_MEGABYTE: Final = 1e6


class _Moment(NamedTuple):
    """What rates are made of: two of these.

    Args:
        time: seconds.
        busy: seconds that processors have been busy.
        processors: how many may be busy at a time.
    """

    time: float
    busy: float
    processors: float


class Machine:
    """Reads the load of this machine, that of processors since the reading before.

    Args:
        psutil: the module.
        folder: on the disk to tell of.
    """

    def __init__(self, psutil: Any, folder: Path) -> None:
        self._psutil = psutil
        self._folder = folder
        self._before = self._moment()

    def read(self) -> dict[str, float]:
        """Give the readings by name."""
        return {**self._processors(), **self._memory(), **self._disk()}

    def transferred(self) -> dict[str, float]:
        """Give what the network has carried since the machine was started."""
        counters = self._psutil.net_io_counters()
        if counters is None:
            return {}
        received, sent = counters.bytes_recv / _MEGABYTE, counters.bytes_sent / _MEGABYTE
        return {"network_receive_megabytes": received, "network_transmit_megabytes": sent}

    def _processors(self) -> dict[str, float]:
        before, now = self._before, self._moment()
        self._before = now
        available = (now.time - before.time) * now.processors
        busy = max(0.0, now.busy - before.busy)  # what the kernel counts as idle is at times corrected
        return {"cpu_utilization_percentage": min(busy / available, 1.0) * 100} if available > 0 else {}  # it ticks

    def _moment(self) -> _Moment:
        """Read the group's processors where it is limited, else those that this process may run on."""
        limit = cgroups.cpu()
        if limit is not None:
            return _Moment(time.monotonic(), limit.used, limit.count)
        times = self._psutil.cpu_times(percpu=True)
        allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(times))
        chosen = [each for number, each in enumerate(times) if number in allowed]
        busy = sum(sum(each) - each.idle - getattr(each, "iowait", 0.0) - _guests(each) for each in chosen)
        return _Moment(time.monotonic(), busy, len(chosen))

    def _memory(self) -> dict[str, float]:
        whole, limit = self._psutil.virtual_memory(), cgroups.memory()
        used, total = whole.total - whole.available, whole.total
        if limit is not None and limit.limit < total:
            used, total = limit.used, limit.limit
        return {
            "system_memory_usage_megabytes": used / _MEGABYTE,
            "system_memory_usage_percentage": used / total * 100,
        }

    def _disk(self) -> dict[str, float]:
        try:
            disk = self._psutil.disk_usage(str(self._folder))
        except OSError:  # the folder is gone
            return {}
        return {
            "disk_usage_megabytes": disk.used / _MEGABYTE,
            "disk_available_megabytes": disk.free / _MEGABYTE,
            "disk_usage_percentage": disk.percent,
        }


def _guests(times: Any) -> float:
    """Give the seconds of virtual machines, which Linux counts among those of users as well."""
    return float(getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0))

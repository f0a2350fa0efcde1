"""NVIDIA's accelerators, by their management library: load, memory and power of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

__all__ = ["Accelerators"]

_MEGABYTE: Final = 1e6
_MILLIWATTS: Final = 1e3


class Accelerators:
    """The accelerators of this machine; none where the library finds no driver.

    Args:
        nvml: the module `pynvml`, or None where it is not installed.
    """

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self._devices: list[Any] = []
        if nvml is not None:
            try:
                nvml.nvmlInit()
                self._devices = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]
            except nvml.NVMLError:
                self._devices = []

    def read(self) -> dict[str, float]:
        """Give the readings by name; what a device does not tell is left out."""
        return {
            f"gpu_{number}_{name}": value
            for number, device in enumerate(self._devices)
            for name, value in self._readings(device)
        }

    def _readings(self, device: Any) -> Iterator[tuple[str, float]]:
        nvml = self._nvml
        memory = self._asked(nvml.nvmlDeviceGetMemoryInfo, device)
        if memory is not None:
            yield "memory_usage_megabytes", memory.used / _MEGABYTE
            yield "memory_usage_percentage", memory.used / memory.total * 100
        rates = self._asked(nvml.nvmlDeviceGetUtilizationRates, device)
        if rates is not None:
            yield "utilization_percentage", rates.gpu
        power = self._asked(nvml.nvmlDeviceGetPowerUsage, device)
        if power is not None:
            yield "power_usage_watts", power / _MILLIWATTS

    def _asked(self, question: Callable[[Any], Any], device: Any) -> Any:
        try:
            return question(device)
        except self._nvml.NVMLError:  # not every device has everything
            return None

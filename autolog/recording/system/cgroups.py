"""What of the machine this process may use, and what is used of it: the control group it runs in, if that has limits.

Version 2 (https://docs.kernel.org/admin-guide/cgroup-v2.html) and version 1. A group is limited by those around it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "Cpu", "Memory", "cpu", "memory"]

ROOT: Final = Path("/sys/fs/cgroup")
_NO_LIMIT: Final = 1 << 60  # version 1 writes a number near 2**63 where there is none


@dataclass(frozen=True)
class Memory:
    """A limit of memory.

    Args:
        limit: bytes.
        used: bytes, without file caches that would be given back.
    """

    limit: int
    used: int


@dataclass(frozen=True)
class Cpu:
    """A limit of processors.

    Args:
        count: how many may be busy at a time; a fraction too.
        used: seconds that they have been busy so far.
    """

    count: float
    used: float


def memory(root: Path = ROOT, own: Path = Path("/proc/self/cgroup")) -> Memory | None:
    """Give the tightest limit of memory, None where there is none.

    Args:
        root: where groups are mounted.
        own: the file that names this process's group.
    """
    found = [_memory(folder) for folder in _groups(root, own, "memory")]
    return min(filter(None, found), key=lambda each: each.limit, default=None)


def cpu(root: Path = ROOT, own: Path = Path("/proc/self/cgroup")) -> Cpu | None:
    """Give the tightest limit of processors, None where there is none; arguments as for `memory`."""
    found = [_cpu(folder) for folder in _groups(root, own, "cpu")]
    return min(filter(None, found), key=lambda each: each.count, default=None)


def _groups(root: Path, own: Path, controller: str) -> Iterator[Path]:
    """Give the folders of this process's group and of those around it, as far as they are seen from here."""
    for line in _text(own).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            yield from _upwards(root, path)
        elif controller in controllers.split(","):
            yield from _upwards(root / controller, path)


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    folder = mount / path.lstrip("/")
    yield from (each for each in (folder, *folder.parents) if each == mount or mount in each.parents)


def _memory(folder: Path) -> Memory | None:
    limit = _number(folder / "memory.max", folder / "memory.limit_in_bytes")
    used = _number(folder / "memory.current", folder / "memory.usage_in_bytes")
    if limit is None or used is None or limit >= _NO_LIMIT:
        return None
    stat = _pairs(folder / "memory.stat")
    caches = stat.get("inactive_file", stat.get("total_inactive_file", 0))
    return Memory(limit, max(0, used - caches))


def _cpu(folder: Path) -> Cpu | None:
    quota, _, period = _text(folder / "cpu.max").strip().partition(" ")
    if not quota:
        quota, period = (_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    if not (quota.isdigit() and period.isdigit()) or int(period) == 0:
        return None
    microseconds = _pairs(folder / "cpu.stat").get("usage_usec")
    if microseconds is None:
        nanoseconds = _number(folder / "cpuacct.usage")
        microseconds = None if nanoseconds is None else nanoseconds // 1000
    return None if microseconds is None else Cpu(int(quota) / int(period), microseconds / 1e6)


# ---- files


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


def _number(*paths: Path) -> int | None:
    texts = (_text(path).strip() for path in paths)
    return next((int(text) for text in texts if text.isdigit()), None)


def _pairs(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in _text(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == len(("name", "value")) and pair[1].isdigit()}

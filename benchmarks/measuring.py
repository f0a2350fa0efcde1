"""What every benchmark uses: figures against their goals, medians, and fresh processes run in turn."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "ENVIRONMENT",
    "Figure",
    "Measure",
    "difference",
    "folder",
    "in_turn",
    "main",
    "median",
    "program",
    "size",
    "timed",
]

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))  # whose servers and proxies serve here too

_LEFT_OUT = ("AUTOLOG", "PYTHONDONTWRITEBYTECODE")  # an installed package has its bytecode
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)},
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}
"""One thread for linear algebra: threads that wait for each other on a busy machine drown what is measured."""


@dataclass(frozen=True)
class Figure:
    """One line of the result.

    Args:
        name: what was measured.
        value: the number.
        unit: of the number and the goals.
        bar: what it must reach, None where there is only something to compare.
        reach: what it had better reach.
        more: what stands behind it, such as the bare call's own time.
        up: a greater number is better.
    """

    name: str
    value: float
    unit: str
    bar: float | None = None
    reach: float | None = None
    more: str = ""
    up: bool = False

    def __str__(self) -> str:
        goals = "" if self.bar is None else f"bar {self.bar:<9,g} reach {self.reach:<11,g} {self._verdict():<6}"
        return f"{self.name:<52}{self.value:>14,.3f} {self.unit:<9} {goals:<40}{self.more}".rstrip()

    def _verdict(self) -> str:
        reached, passed = (self._meets(goal) for goal in (self.reach, self.bar))
        return "reach" if reached else "bar" if passed else "SHORT"

    def _meets(self, goal: float | None) -> bool:
        return goal is not None and (self.value >= goal if self.up else self.value <= goal)


Measure = Callable[[str | None], Iterator[Figure]]
"""Gives figures; is told the interpreter of an environment with MLflow and scikit-learn, or None."""


def main(measure: Measure) -> None:
    """Print a benchmark's figures, each as soon as it is known."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlflow", metavar="PYTHON", help="the interpreter of an environment with MLflow")
    for figure in measure(parser.parse_args().mlflow):
        print(figure, flush=True)


def program(source: str, *arguments: object, python: str | None = None, cwd: str | None = None) -> Any:
    """Run a program in a fresh process and give what it printed on its last line, as JSON."""
    command = [python or sys.executable, "-c", source, *map(str, arguments)]
    done = subprocess.run(command, env=ENVIRONMENT, cwd=cwd, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def in_turn(tasks: Mapping[str, Callable[[], float]], times: int) -> dict[str, list[float]]:
    """Do each task `times` times, one after the other, so that what else the machine does falls on all alike."""
    results: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(times):
        for name, task in tasks.items():
            results[name].append(task())
    return results


def median(values: Iterable[float]) -> float:
    """Give the median."""
    return statistics.median(list(values))


def difference(with_it: Sequence[float], without: Sequence[float]) -> float:
    """Give the median of what one costs more than the other, pair by pair."""
    return median(one - other for one, other in zip(with_it, without, strict=True))


def timed(name: str, work: Callable[[], Any], bar: float | None, more: str = "", times: int = 5) -> Figure:
    """Give the median of the seconds that some work takes; and of the processor's, which on a busy machine differ."""
    taken = [_seconds(work) for _ in range(times)]
    busy = f"{median(used for _, used in taken):.3f} s of it this process's; {more}"
    return Figure(name, median(passed for passed, _ in taken), "s", bar, bar and bar / 2, busy)


def _seconds(work: Callable[[], Any]) -> tuple[float, float]:
    began, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - used


def folder() -> tempfile.TemporaryDirectory[str]:
    """Give a folder that goes away with the `with`."""
    return tempfile.TemporaryDirectory(prefix="autolog-benchmark-", ignore_cleanup_errors=True)


def size(root: str, pattern: str) -> int:
    """Give the bytes in the files below a folder that match a pattern."""
    return sum(path.stat().st_size for path in Path(root).rglob(pattern))

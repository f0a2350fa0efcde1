"""What every benchmark uses: figures against their goals, medians, and fresh processes run in turn."""

from __future__ import annotations

import argparse
import contextlib
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
    "side_by_side",
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


def side_by_side(source: str, *arguments: object, cwd: str, times: int) -> tuple[list[float], list[float]]:
    """Have two processes do the same at once, each on a core of its own, one of them recorded and the other bare.

    Both feel alike what else the machine does. By what one of them, or its core, is slower than the other is left out:
    they do it again with their parts changed, and the mean of the two is taken.

    Args:
        source: of a program that reads `recorded` or `bare`, and gets ready; says so in a line, and reads one; does it,
            prints the seconds it took, and reads a line; and so on until there is nothing more to read.
        arguments: the program's.
        cwd: its working directory.
        times: how often they do it in both parts.

    Returns:
        By how much the recorded one took longer, as a part of the bare one's time, `times` times; and the seconds that
        the bare ones took.
    """
    command = [sys.executable, "-c", source, *map(str, arguments)]
    cores = sorted(os.sched_getaffinity(0))[:2]
    with contextlib.ExitStack() as running:
        one, other = (running.enter_context(_on_core(core, command, cwd)) for core in cores)
        rounds = [(_round(one, other), _round(other, one)) for _ in range(times)]
    added = [((on / off) * (changed_on / changed_off)) ** 0.5 - 1 for (on, off), (changed_on, changed_off) in rounds]
    return added, [off for both in rounds for _, off in both]


def _on_core(core: int, command: list[str], cwd: str) -> subprocess.Popen[str]:
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})  # which the child has from its parent
    try:
        return subprocess.Popen(
            command, env=ENVIRONMENT, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    finally:
        os.sched_setaffinity(0, usual)


def _round(recorded: subprocess.Popen[str], bare: subprocess.Popen[str]) -> tuple[float, float]:
    """Give the seconds that the recorded one takes, and the bare one."""
    both = recorded, bare
    for each, line in zip(both, ("recorded", "bare"), strict=True):
        print(line, file=each.stdin, flush=True)
    _answers(both)
    _go_on(both)
    on, off = map(float, _answers(both))
    _go_on(both)
    return on, off


def _answers(both: Iterable[subprocess.Popen[str]]) -> list[str]:
    return [each.stdout.readline() for each in both if each.stdout is not None]


def _go_on(both: Iterable[subprocess.Popen[str]]) -> None:
    for each in both:
        print(file=each.stdin, flush=True)


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

"""How many points a `kill -9` costs, of those logged more than 0.1 s before it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import ENVIRONMENT, Figure, folder, main

import autolog

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_FREE = """
import itertools, time, autolog
with autolog.start_run() as run:
    for step in itertools.count():
        autolog.log_metric("loss", 0.5, step=step)
        if step % 1000 == 0:
            print(run.run_id, step, time.time_ns(), flush=True)
            time.sleep(0.001)
"""
_HELD = """
import re, time, autolog
with autolog.start_run() as run:
    for step in range(5001):
        autolog.log_metric("loss", 0.5, step=step)
    print(run.run_id, step, time.time_ns(), flush=True)
    re.match(r"(a|aa)+$", "a" * 60 + "b")  # years in one C call, which keeps the interpreter to itself
"""


def _lost(source: str, seconds: float) -> tuple[int, int]:
    """Kill the program, read what it left, and give how many of its points are lost and how many there were."""
    with folder() as here, Path(here, "told").open("w+") as told:
        child = subprocess.Popen([sys.executable, "-c", source], env=ENVIRONMENT, cwd=here, stdout=told)
        time.sleep(seconds)
        os.kill(child.pid, signal.SIGKILL)
        killed = time.time_ns()
        child.wait()
        told.seek(0)
        lines = [line.split() for line in told if line.endswith("\n")]
        early = [(run, int(step)) for run, step, moment in lines if killed - int(moment) > 100_000_000]
        run, last = early[-1]
        kept = {step for step, _, _ in autolog.get_run(run, store=Path(here, "autolog-runs")).history("loss")}
        return len(set(range(last + 1)) - kept), last + 1


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Kill several times at several moments."""
    for name, source in (("the interpreter free", _FREE), ("a C call holding it", _HELD)):
        found = [_lost(source, 1.5 + 0.137 * turn) for turn in range(5)]
        lost, all_points = (sum(column) for column in zip(*found, strict=True))
        yield Figure(f"points lost to kill -9, {name}", lost, "points", 0, 0, f"of {all_points:,}, 5 kills")


if __name__ == "__main__":
    main(measure)

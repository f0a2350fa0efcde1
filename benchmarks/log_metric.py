"""What `log_metric` costs who calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Figure, folder, main, median, program

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_POINTS = 300_000
_AUTOLOG = """
import sys, time, autolog
def nothing(key, value, step=None): pass
def mean(function, points):
    began = time.perf_counter()
    for step in range(points):
        function("loss", 0.5, step=step)
    return (time.perf_counter() - began) / points * 1e6
points = int(sys.argv[1])
autolog.set_experiment("benchmark")
with autolog.start_run():
    mean(autolog.log_metric, 1000)
    print([mean(autolog.log_metric, points), mean(nothing, points)])
"""
_MLFLOW = """
import sys, time, mlflow
mlflow.set_tracking_uri("sqlite:///" + sys.argv[2] + "/mlflow.db")
with mlflow.start_run():
    mlflow.log_metric("loss", 0.5, step=0)
    began = time.perf_counter()
    for step in range(int(sys.argv[1])):
        mlflow.log_metric("loss", 0.5, step=step)
    print((time.perf_counter() - began) / int(sys.argv[1]) * 1e6)
"""


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Take the mean over many points, in fresh processes."""
    with folder() as here:
        found = [program(_AUTOLOG, _POINTS, cwd=here) for _ in range(7)]
        ours, bare = median(mean for mean, _ in found), median(mean for _, mean in found)
        more = f"best {min(mean for mean, _ in found):.2f}; a call that does nothing, with its loop: {bare:.2f} us"
        yield Figure(f"log_metric, mean of {_POINTS:,}", ours, "us", 1.5, 0.8, more)
        if mlflow:
            theirs = program(_MLFLOW, 200, here, python=mlflow, cwd=here)
            yield Figure("the same by MLflow, 200 points into SQLite", theirs, "us", more=f"{theirs / ours:,.0f} times")


if __name__ == "__main__":
    main(measure)

"""What the first `enable()` costs a program that has scikit-learn loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Figure, folder, main, median, program

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_AUTOLOG = """
import time, sklearn.ensemble, sklearn.linear_model, sklearn.metrics, sklearn.pipeline
import autolog
began = time.perf_counter()
autolog.enable(silent=True)
print((time.perf_counter() - began) * 1000)
"""
_MLFLOW = """
import time, sklearn.ensemble, sklearn.linear_model, sklearn.metrics, sklearn.pipeline
import mlflow
began = time.perf_counter()
mlflow.sklearn.autolog(silent=True)
print((time.perf_counter() - began) * 1000)
"""


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Time the call within fresh processes."""
    with folder() as here:
        enabled = [program(_AUTOLOG, cwd=here) for _ in range(11)]
        yield Figure("enable(), scikit-learn loaded", median(enabled), "ms", 40, 15, f"best {min(enabled):.1f} ms")
        if mlflow:
            theirs = median(program(_MLFLOW, python=mlflow, cwd=here) for _ in range(3))
            yield Figure("the same by MLflow", theirs, "ms")


if __name__ == "__main__":
    main(measure)

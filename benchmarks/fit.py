"""What recording adds to a fit of a small pipeline, everything on, the model included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Figure, folder, main, median, program

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_FILES = """
import json, os, time
began = time.perf_counter()
for run in range(60):
    folder = str(run)
    os.mkdir(folder)
    open(folder + "/journal", "x").close()
    for name in ("files", "run", "model"):
        folder += "/" + name
        os.mkdir(folder)
    open(folder + "/model", "x").close()
print((time.perf_counter() - began) / 60 * 1000)
"""
_FIT = """
import json, sys, time
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
import sklearn.metrics
X, y = load_breast_cancer(return_X_y=True)
def fit():
    model = make_pipeline(StandardScaler(), LogisticRegression())
    began = time.perf_counter()
    model.fit(X, y)
    return (time.perf_counter() - began) * 1000
"""
_AUTOLOG = f"""
{_FIT}
import autolog
rounds = []
for _ in range(61):
    autolog.disable()
    bare = fit()
    autolog.enable(silent=True)
    rounds.append((fit(), bare))
print(json.dumps(rounds[1:]))
"""
_MLFLOW = f"""
{_FIT}
import logging, mlflow
mlflow.set_tracking_uri("sqlite:///" + sys.argv[1] + "/mlflow.db")
logging.disable(logging.CRITICAL)
fit()
bare = fit()
mlflow.sklearn.autolog(silent=True)
print(json.dumps([[fit(), bare] for _ in range(5)][1:]))
"""


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Fit with and without autolog in turn, in one process; several of those."""
    with folder() as here:
        rounds = [pair for _ in range(3) for pair in program(_AUTOLOG, cwd=here)]
        ours = median(on - off for on, off in rounds)
        bare, best = median(off for _, off in rounds), min(on for on, _ in rounds) - min(off for _, off in rounds)
        files = program(_FILES, cwd=here)
        yield Figure("fit of a small pipeline, added", ours, "ms", 5, 2, f"bare fit {bare:.1f} ms; best {best:.1f} ms")
        yield Figure("making a run's empty files and folders alone", files, "ms")
        if mlflow:
            theirs = median(on - off for on, off in program(_MLFLOW, here, python=mlflow, cwd=here))
            yield Figure("the same by MLflow, into SQLite", theirs, "ms", more=f"{theirs / ours:,.0f} times")


if __name__ == "__main__":
    main(measure)

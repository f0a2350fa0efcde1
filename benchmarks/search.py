"""What recording adds to a search of 50 candidates in 3 folds, everything on, a child run for each candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Figure, folder, main, median, program

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_SEARCH = """
import json, sys, time
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.preprocessing import scale
X, y = load_breast_cancer(return_X_y=True)
X = scale(X)
def search(jobs):
    grid = GridSearchCV(LogisticRegression(max_iter=300), {"C": np.logspace(-2, 3, 50)}, cv=3, n_jobs=jobs)
    began = time.perf_counter()
    grid.fit(X, y)
    return time.perf_counter() - began
def validate(jobs):
    began = time.perf_counter()
    cross_validate(LogisticRegression(max_iter=300, C=100), X, y, cv=50, n_jobs=jobs)
    return time.perf_counter() - began
"""
_AUTOLOG = f"""
{_SEARCH}
import autolog
call, jobs, times = {{"search": search, "validate": validate}}[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])
rounds = []
for _ in range(times + 1):
    autolog.disable()
    bare = call(jobs)
    autolog.enable(silent=True)
    rounds.append((call(jobs), bare))
print(json.dumps(rounds[1:]))
"""


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Search with and without autolog in turn, in one process; several of those."""
    with folder() as here:
        for name, call, jobs, bar, reach in (
            ("search, 50 candidates x 3 folds, n_jobs=1", "search", 1, 1, 0.5),
            ("the same, n_jobs=2", "search", 2, None, None),
            ("cross_validate, 50 folds", "validate", 1, None, None),
        ):
            rounds = [pair for _ in range(2) for pair in program(_AUTOLOG, call, jobs, 5, cwd=here)]
            added, bare = median(on - off for on, off in rounds), median(off for _, off in rounds)
            best = min(on for on, _ in rounds) - min(off for _, off in rounds)
            more = f"bare {bare * 1000:.0f} ms; best {best * 20:.2f} ms; {added / bare:+.1%}"
            yield Figure(f"{name}, added to each of 50", added * 20, "ms", bar, reach, more)


if __name__ == "__main__":
    main(measure)

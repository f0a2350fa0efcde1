"""A search of 200 candidates to a real MLflow server: requests, time, and what the fit itself takes longer."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Figure, folder, main, median, program, side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_SEARCH = """
import json, sys, time
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
X, y = load_breast_cancer(return_X_y=True)
grid = {"C": [0.001 * 1.05**number for number in range(100)], "fit_intercept": [True, False]}
search = lambda: GridSearchCV(LogisticRegression(max_iter=60), grid)
import warnings; warnings.simplefilter("ignore")
search().fit(X, y)
def fit():
    began = time.perf_counter()
    search().fit(X, y)
    return time.perf_counter() - began
"""
_OURS = (
    _SEARCH
    + """
import autolog
while mode := sys.stdin.readline().strip():
    if mode == "recorded":
        autolog.enable(backend=sys.argv[1], silent=True, exit_timeout=600, experiment=f"ours {time.time()}")
    print("ready", flush=True)
    sys.stdin.readline()
    print(fit(), flush=True)
    sys.stdin.readline()
    if mode == "recorded":
        autolog.disable()
        autolog.session.get().end()  # waits until all is delivered, which the next fit is not to feel
"""
)
_ONCE = (
    _SEARCH
    + """
import autolog
autolog.enable(backend=sys.argv[1], silent=True, exit_timeout=600, experiment=f"once {time.time()}")
began = time.perf_counter()
search().fit(X, y)
autolog.session.get().end()
print(json.dumps(time.perf_counter() - began))
"""
)
_THEIRS = (
    _SEARCH
    + """
import logging, mlflow
logging.disable(logging.WARNING)
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment(f"theirs {time.time()}")
mlflow.sklearn.autolog(max_tuning_runs=200, silent=True, log_models=False)
began = time.perf_counter()
search().fit(X, y)
print(json.dumps(time.perf_counter() - began))
"""
)
_ITEMS = "SELECT (SELECT 2 * count(*) FROM runs) + " + " + ".join(
    f"(SELECT count(*) FROM {kind})" for kind in ("params", "metrics", "tags")
)
"""How many calls would take one item each: a run's beginning and its end, a param, a point of a metric, a tag."""


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Deliver through a proxy that counts, and let MLflow's own autolog do the same."""
    from faulty_proxy import faulty_proxy
    from mlflow_server import environment, running

    with folder() as place, running(Path(place) / "server") as server, faulty_proxy(server) as proxy:
        ours = program(_ONCE, proxy.url, cwd=place)
        requests = sum(proxy.requests.values())
        with contextlib.closing(sqlite3.connect(Path(place) / "server" / "runs.db")) as database:
            items = database.execute(_ITEMS).fetchone()[0]
        theirs = program(_THEIRS, server, python=str(environment()), cwd=place)
        added, bare = side_by_side(_OURS, server, cwd=place, times=10)
    yield Figure("a search of 200, requests", requests, "", items / 10, items / 20, f"{items} items")
    yield Figure(
        "… until all is delivered", ours, "s", theirs, theirs / 2, f"MLflow's autolog, no models: {theirs:.1f} s"
    )
    spread = f"from {min(added):+.1%} to {max(added):+.1%}; bare {median(bare):.2f} s"
    yield Figure("… the fit itself", median(added) * 100, "%", 5, 2, spread)


if __name__ == "__main__":
    main(measure)

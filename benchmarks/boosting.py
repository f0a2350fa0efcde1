"""What recording adds to 300 rounds of boosting, everything on, the model included; and what it adds to a round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Figure, folder, main, median, program

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_TRAINING = """
import json, sys, time
from sklearn.datasets import load_breast_cancer
X, y = load_breast_cancer(return_X_y=True)
library, rounds, sets = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
names = ["train", "a", "b", "c"][:sets]
if library == "xgboost":
    import xgboost
    params = {"objective": "binary:logistic", "eval_metric": "logloss", "nthread": 1}
    matrix = xgboost.DMatrix(X, y)
    others = [xgboost.DMatrix(X, y) for _ in names[1:]]
    def call():
        evals = list(zip([matrix, *others], names))
        return xgboost.train(params, matrix, rounds, evals=evals, verbose_eval=False)
else:
    import lightgbm
    params = {"objective": "binary", "metric": "binary_logloss", "num_threads": 1, "verbosity": -1}
    def call():
        data = lightgbm.Dataset(X, y)
        others = [lightgbm.Dataset(X, y, reference=data) for _ in names[1:]]
        return lightgbm.train(params, data, rounds, valid_sets=[data, *others], valid_names=names)
def train():
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000
"""
_AUTOLOG = f"""
{_TRAINING}
import autolog
options = json.loads(sys.argv[4])
rounds_of = []
for _ in range(21):
    autolog.disable()
    bare = train()
    autolog.enable(silent=True, **options)
    rounds_of.append((train(), bare))
print(json.dumps(rounds_of[1:]))
"""
_MLFLOW = f"""
{_TRAINING}
import logging, mlflow
mlflow.set_tracking_uri("sqlite:///" + sys.argv[4] + "/mlflow.db")
logging.disable(logging.CRITICAL)
train()
bare = train()
getattr(mlflow, library).autolog(silent=True)
print(json.dumps([[train(), bare] for _ in range(4)][1:]))
"""
_ROUNDS = 300


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Train with and without autolog in turn, in one process; several of those."""
    with folder() as here:
        for library in ("xgboost", "lightgbm"):
            pairs = _pairs(here, library, _ROUNDS, 1, "{}")
            added, bare = median(on - off for on, off in pairs), median(off for _, off in pairs)
            best = min(on for on, _ in pairs) - min(off for _, off in pairs)
            more = f"bare {bare:.0f} ms; best {best:.1f} ms"
            yield Figure(f"{library}.train, {_ROUNDS} rounds, added", added, "ms", 10, 5, more)
            yield Figure(f"{library}, added to a round and evaluation set", _a_point(here, library), "us", 10, 3)
            if mlflow:
                theirs = program(_MLFLOW, library, _ROUNDS, 1, here, python=mlflow, cwd=here)
                cost = median(on - off for on, off in theirs)
                yield Figure("the same by MLflow, into SQLite", cost, "ms", more=f"{cost / added:,.0f} times")


def _pairs(here: str, library: str, rounds: int, sets: int, options: str) -> list[tuple[float, float]]:
    return [pair for _ in range(3) for pair in program(_AUTOLOG, library, rounds, sets, options, cwd=here)]


def _a_point(here: str, library: str) -> float:
    """Give what more rounds of more sets add, for each of them; the model is not saved."""
    costs = {}
    for rounds in (_ROUNDS, 3 * _ROUNDS):
        pairs = _pairs(here, library, rounds, 4, '{"log_models": false}')
        costs[rounds] = median(on - off for on, off in pairs)
    return (costs[3 * _ROUNDS] - costs[_ROUNDS]) / (2 * _ROUNDS * 4) * 1000


if __name__ == "__main__":
    main(measure)

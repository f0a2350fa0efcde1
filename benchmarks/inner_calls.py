"""What calls cost that are wrapped and open no run: inside a recorded fit, and on a model whose run is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Figure, folder, main, median, program

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

_COMMON = """
import json, time
import sklearn.metrics
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
import autolog
X, y = load_breast_cancer(return_X_y=True)
def timed(function, *arguments):
    began = time.perf_counter()
    function(*arguments)
    return (time.perf_counter() - began) * 1000
options = dict(silent=True, log_models=False, log_training_metrics=False)
"""
_FOREST = f"""
{_COMMON}
autolog.enable(**options)
forest = RandomForestClassifier(100, random_state=0).fit(X, y)
rounds = []
for _ in range(12):
    autolog.disable()
    off = timed(forest.fit, X, y), timed(forest.predict, X)
    autolog.enable(**options)
    rounds.append((timed(forest.fit, X, y) - off[0], timed(forest.predict, X) - off[1], *off))
print(json.dumps(list(zip(*rounds))))
"""
_PREDICT = f"""
{_COMMON}
autolog.enable(**options)
model = LogisticRegression(max_iter=20000).fit(X, y)
def many():
    for _ in range(50):
        model.predict(X)
rounds = []
for _ in range(40):
    autolog.disable()
    off = timed(many)
    autolog.enable(**options)
    rounds.append((timed(many) - off, off))
print(json.dumps(list(zip(*rounds))))
"""


def measure(mlflow: str | None) -> Iterator[Figure]:
    """Compare with and without autolog in turn; models and training metrics are off, as they are measured elsewhere."""
    with folder() as here:
        fit, predict, bare_fit, bare_predict = program(_FOREST, cwd=here)
        yield Figure("fit of a forest of 100 trees, added", median(fit), "ms", more=f"bare {median(bare_fit):.1f} ms")
        bare = f"bare {median(bare_predict):.1f} ms"
        yield Figure("predict of that forest, added", median(predict), "ms", more=bare)
        added, bare_calls = program(_PREDICT, cwd=here)
        bare = f"bare {median(bare_calls) * 20:.1f} us"
        yield Figure("predict of a known linear model, added", median(added) * 20, "us", more=bare)


if __name__ == "__main__":
    main(measure)

"""Trains in threads, and in tasks of asyncio."""

import asyncio
import warnings
from concurrent.futures import ThreadPoolExecutor

from joblib import Parallel, delayed
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score
from sklearn.tree import DecisionTreeClassifier

X, y = load_iris(return_X_y=True)
_filters = warnings.filters[:]


def train(depth):
    """Give the predictions, the model and its score."""
    model = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(X, y)
    return model.predict(X), model, accuracy_score(y, model.predict(X))


async def all_at_once():
    """Train in tasks that run in threads."""
    return await asyncio.gather(*(asyncio.to_thread(train, depth) for depth in (1, 2)))


with ThreadPoolExecutor(2) as _pool:
    pooled = list(_pool.map(train, [1, 2, 3]))
tasks = asyncio.run(all_at_once())
parallel = Parallel(n_jobs=2, backend="threading")(delayed(train)(depth) for depth in (1, 2))
generated = list(Parallel(n_jobs=2, backend="threading", return_as="generator")(delayed(train)(d) for d in [1, 2]))
warnings.filters[:] = _filters  # scikit-learn's threads race for them, and leave some behind, recorded or not

"""Regresses, with random states that are shared and used up."""

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.ensemble import BaggingRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge, SGDRegressor
from sklearn.metrics import mean_squared_error, r2_score

np.random.seed(0)
state = np.random.RandomState(3)
X, y = load_diabetes(return_X_y=True)
weights = np.linspace(1, 2, len(y))
models = [
    Ridge().fit(X, y, sample_weight=weights),
    RandomForestRegressor(5, random_state=state).fit(X, y),
    BaggingRegressor(Ridge(), n_estimators=3, random_state=state).fit(X, y),
    SGDRegressor(random_state=state, max_iter=2000).fit(X, y),
    RandomForestRegressor(3).fit(X, y),
]
predictions = [model.predict(X) for model in models]
scores = [(mean_squared_error(y, each), r2_score(y_true=y, y_pred=each)) for each in predictions]
left = state.rand(3), np.random.rand(3)

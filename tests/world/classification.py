"""Classifies, and draws random numbers between."""

import random

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

np.random.seed(1)
random.seed(1)
generator = np.random.default_rng(2)
X, y = load_iris(return_X_y=True)
X += generator.normal(scale=0.1, size=X.shape) + np.random.normal(scale=0.1, size=X.shape)
X_train, X_test, y_train, y_test = train_test_split(X, y)
model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X_train, y_train)
drawn = [generator.random(), np.random.rand(), random.random()]
predictions = model.predict(X_test)
probabilities = model.predict_proba(X_test)
scores = [
    accuracy_score(y_test, predictions),
    f1_score(y_test, predictions, average="macro"),
    log_loss(y_test, probabilities),
    model.score(X_test, y_test),
]
drawn += [generator.random(), np.random.rand(), random.random()]
attributes = sorted(vars(model))
print(scores)

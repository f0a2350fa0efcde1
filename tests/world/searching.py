"""Searches and ensembles, in this process and in others."""

import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

np.random.seed(0)
X, y = load_iris(return_X_y=True)
grid = {"max_depth": [1, 3]}
results = []
for jobs in (1, 2):
    search = GridSearchCV(
        DecisionTreeClassifier(random_state=0), grid, scoring=make_scorer(accuracy_score), n_jobs=jobs
    )
    search.fit(X, y)
    results.append((search.best_params_, search.cv_results_["mean_test_score"], search.predict(X), search.score(X, y)))
    results.append(search.best_estimator_)
del search
members = [("tree", DecisionTreeClassifier(random_state=0)), ("bayes", GaussianNB())]
voting = VotingClassifier(members, n_jobs=2).fit(X, y)
stacking = StackingClassifier(members, LogisticRegression(max_iter=500), cv=2).fit(X, y)
validated = cross_val_score(GaussianNB(), X, y, cv=3), cross_val_predict(GaussianNB(), X, y, cv=3)
predictions = voting.predict(X), stacking.predict(X)

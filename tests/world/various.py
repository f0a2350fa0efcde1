"""What else scikit-learn can be asked for."""

import numpy as np
import sklearn
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import get_scorer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

np.random.seed(5)
X = np.random.normal(size=(60, 3))
y = (X[:, 0] > 0).astype(int)
weights = np.arange(1.0, 61)
drawing = DummyClassifier(strategy="stratified").fit(X, y)
drawn = drawing.predict(X), np.random.rand()
talking = GradientBoostingClassifier(n_estimators=2, verbose=0, random_state=0).fit(X, y)
forest = RandomForestClassifier(3, verbose=0, random_state=0, warm_start=True).fit(X, y)
forest.set_params(n_estimators=5).fit(X, y)
spoken = Pipeline([("svc", SVC(verbose=False, probability=False))], verbose=False).fit(X, y)
steps = SGDClassifier(random_state=0)
for start in range(0, 60, 20):
    steps.partial_fit(X[start : start + 20], y[start : start + 20], classes=[0, 1])
unfinished = MLPClassifier((3,), max_iter=3, random_state=0, verbose=True).fit(X, y)
again = LogisticRegression(warm_start=True, max_iter=1).fit(X, y)
again.fit(X, y)
neighbours = KNeighborsClassifier().fit(X, y)
asked = neighbours.predict(X)
queries = neighbours._tree.get_n_calls() if neighbours._tree is not None else 0
frozen = FrozenEstimator(again).fit(X, y).predict(X)
with sklearn.config_context(enable_metadata_routing=True):
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    routed = make_pipeline(scaler, LogisticRegression().set_fit_request(sample_weight=True))
    routed.fit(X, y, sample_weight=weights)
    request = str(routed.get_metadata_routing())
scored = get_scorer("roc_auc")(again, X, y)
weighted = LogisticRegression().fit(X, y, weights).score(X, y, weights)

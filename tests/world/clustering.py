"""Clusters."""

import numpy as np
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

X = np.random.RandomState(0).normal(size=(60, 2)) + np.repeat([[0, 0], [6, 6], [0, 6]], 20, axis=0)
kmeans = KMeans(3, n_init=2, random_state=0)
labels = kmeans.fit_predict(X)
others = [
    DBSCAN(eps=1.5).fit_predict(X),
    AgglomerativeClustering(3).fit(X).labels_,
    LocalOutlierFactor().fit_predict(X),
]
mixture = GaussianMixture(3, random_state=0).fit(X)
neighbours = NearestNeighbors().fit(X).kneighbors(X[:3])
scores = [silhouette_score(X, labels), adjusted_rand_score(labels, others[0]), kmeans.score(X), mixture.score(X)]
distances = kmeans.transform(X)

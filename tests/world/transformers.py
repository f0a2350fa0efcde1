"""Transforms data, also in place."""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

X = np.random.RandomState(0).normal(size=(80, 4))
y = (X[:, 0] > 0).astype(int)
overwritten = X.copy()
in_place = StandardScaler(copy=False).fit_transform(overwritten)
same = np.shares_memory(in_place, overwritten)
inside = X.copy()
overwriting = make_pipeline(StandardScaler(copy=False), LogisticRegression()).fit(inside, y)
table = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": ["x", "y"] * 40})
columns = ColumnTransformer(
    [("numbers", StandardScaler(), make_column_selector(dtype_include="number")), ("words", OneHotEncoder(), ["c"])]
)
mixed = columns.fit_transform(table)
named = StandardScaler().set_output(transform="pandas").fit_transform(table[["a", "b"]])
polar = StandardScaler().set_output(transform="polars").fit_transform(table[["a", "b"]])
polar = polar.to_numpy()
union = FeatureUnion([("pca", PCA(2)), ("best", SelectKBest(k=1))]).fit(X, y).transform(X)
logged = FunctionTransformer(np.log1p).fit_transform(np.abs(X))
words = TfidfVectorizer().fit_transform(["one two", "two three"])
trained = LogisticRegression().fit(named, y).predict(named)

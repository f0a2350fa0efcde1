"""Trains on data in containers of all kinds."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from scipy import sparse
from sklearn.linear_model import LogisticRegression, Ridge

X = np.random.RandomState(0).normal(size=(60, 3))
y = (X[:, 0] > 0).astype(int)
frame = pd.DataFrame(X, columns=["a", "b", "c"], index=pd.date_range("2026-01-01", periods=60))
frame.attrs["source"] = "made up"
polar = pl.DataFrame(X, schema=["a", "b", "c"])
arrow = pa.table({"a": X[:, 0], "b": X[:, 1]})
matrix = sparse.csr_matrix(X)
lists = X.tolist()
fortran = np.asfortranarray(X)
readonly = X.copy()
readonly.flags.writeable = False
strided = np.random.RandomState(0).normal(size=(120, 6))[::2, ::2]
inputs = [X, frame, polar, matrix, lists, fortran, readonly, strided, X.astype("f4"), np.ma.masked_array(X)]
targets = [y, pd.Series(y, index=frame.index, name="target"), pl.Series(y), y.tolist(), y.astype(bool), y.astype(str)]
models = [LogisticRegression().fit(each, y) for each in inputs]
models += [LogisticRegression().fit(X, each) for each in targets]
predictions = [model.predict(each) for model, each in zip(models, inputs, strict=False)]
scores = [model.score(each, y) for model, each in zip(models, inputs, strict=False)]
regressed = Ridge().fit(arrow.to_pandas(), y).predict(arrow.to_pandas())
frame_before, inputs = frame.copy(), [type(each).__name__ for each in inputs]
flags = [str(fortran.flags), str(readonly.flags), matrix.has_sorted_indices, matrix.has_canonical_format]
polar, arrow, targets = polar.to_numpy(), arrow.to_pandas(), [type(each).__name__ for each in targets]

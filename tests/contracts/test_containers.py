"""The plugins that describe data keep what plugins promise."""

from __future__ import annotations

import pytest

from autolog.testing import PluginContract, Run


class Describing(PluginContract):
    """A fit on data of one kind: what is said of the data is the plugin's."""

    kind: str

    def table(self, rows: object) -> object:
        """Give the rows in the framework's container."""
        raise NotImplementedError

    def train(self) -> object:
        import numpy as np
        from sklearn.linear_model import Ridge

        rows = self.table(np.random.default_rng(0).normal(size=(20, 2)))
        model = Ridge().fit(rows, np.arange(20.0))
        return locals()

    def check(self, run: Run) -> None:
        (data,) = run.inputs
        assert data["kind"] == self.kind
        assert data["shape"] == [20, 2]
        assert data["digest"]

    def fail(self) -> object:
        from sklearn.linear_model import Ridge

        return Ridge().fit(self.table(__import__("numpy").zeros((3, 2))), [1.0])


class TestNumpy(Describing):
    """An array."""

    plugin, kind = "numpy", "numpy.ndarray"

    def table(self, rows: object) -> object:
        return rows


class TestPandas(Describing):
    """A DataFrame."""

    plugin, kind = "pandas", "pandas.DataFrame"

    def table(self, rows: object) -> object:
        import pandas as pd

        return pd.DataFrame(rows, columns=["a", "b"])


@pytest.mark.slow
class TestPolars(Describing):
    """A DataFrame of polars'."""

    plugin, kind = "polars", "polars.DataFrame"
    forks = False  # its threads do not survive that

    def table(self, rows: object) -> object:
        import polars as pl

        return pl.DataFrame(rows, schema=["a", "b"])


@pytest.mark.slow
class TestPyarrow(Describing):
    """A Table."""

    plugin, kind = "pyarrow", "pyarrow.Table"

    def table(self, rows: object) -> object:
        import pyarrow as pa

        return pa.table({"a": rows[:, 0], "b": rows[:, 1]})


@pytest.mark.slow
class TestScipy(Describing):
    """A sparse matrix."""

    plugin, kind = "scipy", "scipy.sparse.csr_matrix"

    def table(self, rows: object) -> object:
        import scipy.sparse

        return scipy.sparse.csr_matrix(rows)

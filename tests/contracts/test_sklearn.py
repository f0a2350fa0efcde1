"""The scikit-learn plugin keeps what plugins promise."""

from __future__ import annotations

from autolog.testing import PluginContract, Run


class TestSklearn(PluginContract):
    """A pipeline, and a metric of its predictions."""

    plugin = "sklearn"
    calls = frozenset({"predict", "predict_proba", "predict_log_proba", "decision_function", "transform"})

    def train(self) -> object:
        import numpy as np
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import accuracy_score
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        rows = np.random.default_rng(0).normal(size=(40, 3))
        labels = (rows[:, 0] > 0).astype(int)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(rows, labels)
        predictions = model.predict(rows)
        accuracy = accuracy_score(labels, predictions)
        return locals()

    def check(self, run: Run) -> None:
        assert run.params["logisticregression__C"] == 0.5
        assert run.metrics["accuracy_score_rows"] == run.metrics["training_accuracy"]
        assert run.inputs[0]["digest"]
        assert run.models[0]["format"] == "pickle"

    def fail(self) -> object:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=-1.0).fit([[0.0], [1.0]], [0, 1])


class TestSearch(TestSklearn):
    """A search, whose candidates are children."""

    def train(self) -> object:
        import numpy as np
        from sklearn.linear_model import Ridge
        from sklearn.model_selection import GridSearchCV

        rows = np.random.default_rng(0).normal(size=(40, 3))
        search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2).fit(rows, rows[:, 0])
        best = search.best_params_
        del search  # which has measured times
        return locals()

    def check(self, run: Run) -> None:
        candidates = [each for each in run.children() if each.splits]
        assert [each.params["alpha"] for each in candidates][:2] == [0.1, 1.0]
        assert run.params["best_alpha"] == 0.1

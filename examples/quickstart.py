"""Trains four models and searches for a fifth with autolog on, and then shows what was recorded of them.

python examples/quickstart.py
"""

from __future__ import annotations

import autolog

autolog.enable()

import xgboost  # noqa: E402  (any order works; this one shows it)
from sklearn.datasets import load_breast_cancer, load_diabetes  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.linear_model import LogisticRegression, Ridge  # noqa: E402
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score  # noqa: E402
from sklearn.model_selection import GridSearchCV, train_test_split  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.svm import SVC  # noqa: E402


def classify() -> None:
    """Train two classifiers on the breast-cancer data, and test them the way people do."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    for model in (
        make_pipeline(StandardScaler(), LogisticRegression(C=0.5)),
        RandomForestClassifier(n_estimators=50, random_state=0),
    ):
        model.fit(X_train, y_train)
        accuracy = accuracy_score(y_test, model.predict(X_test))
        auc = roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])
        print(f"{type(model).__name__}: accuracy {accuracy:.3f}, area under the ROC curve {auc:.3f}")


def regress() -> None:
    """Train a regressor on the diabetes data."""
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = Ridge(alpha=0.1).fit(X_train, y_train)
    print(f"Ridge: r2 {r2_score(y_test, model.predict(X_test)):.3f}")


def boost() -> None:
    """Train an XGBoost classifier that stops when its test data says so."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = xgboost.XGBClassifier(n_estimators=200, early_stopping_rounds=5, eval_metric="logloss")
    model.fit(X_train, y_train, eval_set=[(X_test, y_test)], verbose=False)
    print(f"XGBClassifier: log loss {model.best_score:.3f} after {model.best_iteration + 1} rounds")


def search() -> None:
    """Search for the best of eight support vector machines, in two processes."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), SVC())
    grid = GridSearchCV(model, {"svc__C": [0.1, 1, 10, 100], "svc__kernel": ["rbf", "linear"]}, cv=3, n_jobs=2)
    grid.fit(X, y)
    print(f"GridSearchCV: {grid.best_params_}, accuracy {grid.best_score_:.3f}")


def show() -> None:
    """Print what the store holds of the last five runs, and of the candidates of the last."""
    runs = [run for run in autolog.search_runs(output_format="list") if run.parent_run_id is None][:5]
    print(f"\nRecorded, without a line of logging ({len(runs)} runs):")
    for run in reversed(runs):
        print(f"\n{run.run_name}  {run.status}  run {run.run_id}")
        chosen = {
            key: value for key, value in run.params.items() if key.split("__")[-1] in ("C", "alpha", "n_estimators")
        }
        print(f"  params    {len(run.params)}, among them {chosen}")
        for key, value in run.metrics.items():
            points = len(run.history(key))
            print(f"  metric    {key} = {value:.4f}{f', the last of {points} points' if points > 1 else ''}")
        for data in run.inputs:
            print(f"  dataset   {data['name']} {data['shape']} {data['kind']}, digest {data['digest']}")
        for model in run.models:
            print(f"  model     {model['path']}, {model['size']} bytes, needs {model['modules']}")
        for child in run.children():
            print(f"  child     {child.run_name}: {child.params}, mean {child.metrics['mean_test_score']:.4f}")
    best = autolog.search_runs(
        filter_string="metrics.roc_auc_score_X_test > 0.9", order_by=["metrics.roc_auc_score_X_test DESC"]
    )
    print(f"\nThe best classifier was {best.run_name[0]}. Type next:\n")
    print("  autolog runs                                   # the table of all runs")
    print(f"  autolog show {best.run_id[0][:8]}                          # everything about that one")
    print("  autolog show last                              # the search, its candidates best first")
    print("  autolog runs --filter 'metrics.training_r2 > 0.4'")


if __name__ == "__main__":
    classify()
    regress()
    boost()
    search()
    show()

"""Models in MLflow's own format: its client, where there is no autolog, loads them and has them predict the same."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from at_mlflow import deliver
from mlflow_server import mlflow_python

TRAINING = """
import json, sys
import lightgbm, numpy, torch, xgboost
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
import autolog

autolog.enable(backend=sys.argv[1], experiment="models", silent=True, log_input_examples=True)
X, y = load_iris(return_X_y=True, as_frame=True)
names = numpy.array(["a", "b", "c"])[y]
predicted = {}

def recorded(name, fit, predict=None):
    with autolog.start_run(run_name=name):
        model = fit()
    predicted[name] = numpy.asarray((predict or model.predict)(X)).tolist()

def doubled(table):
    return table * 2

recorded("pickle", lambda: LogisticRegression(max_iter=300).fit(X, names))
recorded("own code", lambda: make_pipeline(FunctionTransformer(doubled), LogisticRegression(max_iter=300)).fit(X, y))
recorded("search", lambda: GridSearchCV(LogisticRegression(max_iter=300), {"C": [0.1, 1]}, cv=2).fit(X, y))
recorded("xgboost estimator", lambda: xgboost.XGBClassifier(n_estimators=3).fit(X, y))
recorded("lightgbm labels", lambda: lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, names))
recorded("lightgbm estimator", lambda: lightgbm.LGBMRegressor(n_estimators=3, verbose=-1).fit(X, y))
recorded("lightgbm booster", lambda: lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, y), 3))
matrix = xgboost.DMatrix(X, y)
with autolog.start_run(run_name="xgboost booster"):
    booster = xgboost.train({"objective": "reg:squarederror"}, matrix, 3)
predicted["xgboost booster"] = booster.predict(matrix).tolist()
autolog.enable(model_format="skops")
recorded("skops", lambda: LogisticRegression(max_iter=300).fit(X, y))

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(4, 3)
        self.tied = self.inner
        self.scale = torch.nn.Parameter(torch.ones(3), requires_grad=False)
        self.shift = torch.full((3,), 0.5)

    def forward(self, x):
        return self.tied(x) * self.scale + self.shift

inputs = torch.tensor(X.values, dtype=torch.float32)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, torch.tensor(y.values)), batch_size=50)
net = Net()
with autolog.start_run(run_name="torch"):
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for batch, target in loader:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(batch), target).backward()
        optimizer.step()
    predicted["torch"] = net(inputs).tolist()
    del net, optimizer
print(json.dumps(predicted))
"""

LOADING = """
import json, sys
import mlflow, numpy
from sklearn.datasets import load_iris
try:
    import autolog
except ImportError:
    pass
else:
    raise SystemExit("autolog is importable here")
X, _ = load_iris(return_X_y=True, as_frame=True)
flavors = {"xgboost": mlflow.xgboost, "lightgbm": mlflow.lightgbm, "torch": mlflow.pytorch}
found = {}
for run in mlflow.search_runs(experiment_names=["models"], output_format="list"):
    name = run.info.run_name
    if "mlflow.parentRunId" in run.data.tags:
        continue
    uri = f"runs:/{run.info.run_id}/model"
    own = flavors.get(name.split()[0], mlflow.sklearn).load_model(uri)
    function = mlflow.pyfunc.load_model(uri)
    given = X.to_numpy("float32") if name == "torch" else X
    found[name] = {
        "class": type(own).__name__,
        "predicted": numpy.asarray(function.predict(given)).tolist(),
        "signature": function.metadata.signature is not None,
        "example": function.metadata.saved_input_example_info is not None,
        "linked": len(run.outputs.model_outputs),
    }
print(json.dumps(found))
"""

CLASSES = {
    "pickle": "LogisticRegression",
    "own code": "Pipeline",
    "search": "LogisticRegression",
    "skops": "LogisticRegression",
    "xgboost booster": "Booster",
    "xgboost estimator": "XGBClassifier",
    "lightgbm booster": "Booster",
    "lightgbm labels": "LGBMClassifier",
    "lightgbm estimator": "LGBMRegressor",
    "torch": "Net",
}


@pytest.fixture(scope="module")
def predictions(mlflow_uri: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What each model predicted where it was trained, and where MLflow loaded it; delivered twice over."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "train.py").write_text(TRAINING)
    trained = subprocess.run(
        [sys.executable, "train.py", str(folder / "runs")], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert trained.returncode == 0, trained.stderr[-4000:]
    for _ in range(2):
        assert {sent.state for sent in deliver(folder / "runs", mlflow_uri)} == {"sent"}
        for cursor in (folder / "runs").glob("*/.sent/*"):
            cursor.unlink()
    return json.loads(trained.stdout), json.loads(mlflow_python(mlflow_uri, LOADING))


@pytest.mark.parametrize("name", CLASSES)
def test_mlflow_loads_a_model(predictions: tuple[dict[str, Any], dict[str, Any]], name: str) -> None:
    """By its flavor it is what it was, as a function it predicts what it predicted, and it is the run's one model."""
    here, there = predictions
    assert there[name]["class"] == CLASSES[name]
    assert there[name]["predicted"] == (pytest.approx(here[name]) if isinstance(here[name][0], float) else here[name])
    assert there[name]["signature"]
    assert there[name]["linked"] == 1


def test_an_example_goes_along(predictions: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """The rows that were recorded as an example are the model's at the server."""
    assert predictions[1]["pickle"]["example"]

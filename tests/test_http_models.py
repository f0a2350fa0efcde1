"""Models in MLflow's own format: its client, where there is no autolog, loads them and has them predict the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

from at_mlflow import deliver
from mlflow_server import OLDER, mlflow_python, running

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
    if name not in sys.argv:
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
        "linked": len(getattr(getattr(run, "outputs", None), "model_outputs", ())),
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


Predictions = tuple[dict[str, Any], dict[str, Any]]


NUMBERS = ("xgboost booster", "lightgbm booster", "lightgbm estimator", "torch")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder with a run for each model, and what each predicted there."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "train.py").write_text(TRAINING)
    command = [sys.executable, "train.py", str(folder / "runs")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder / "runs", json.loads(done.stdout)


@pytest.fixture(scope="module")
def predictions(mlflow_uri: str, trained: tuple[Path, dict[str, Any]]) -> Predictions:
    """What each model predicted where it was trained, and where MLflow loaded it; delivered twice over."""
    folder, here = trained
    for _ in range(2):
        assert {sent.state for sent in deliver(folder, mlflow_uri)} == {"sent"}
        for cursor in folder.glob("*/.sent/*"):
            cursor.unlink()
    return here, json.loads(mlflow_python(mlflow_uri, LOADING, *CLASSES))


@pytest.mark.parametrize("name", CLASSES)
def test_mlflow_loads_a_model(predictions: Predictions, name: str) -> None:
    """By its flavor it is what it was, as a function it predicts what it predicted, and it is the run's one model."""
    here, there = predictions
    check(name, here, there)
    assert there[name]["linked"] == 1


def check(name: str, here: dict[str, Any], there: dict[str, Any]) -> None:
    """The model is of its class, predicts the same, and has its signature."""
    assert there[name]["class"] == CLASSES[name]
    assert (
        numpy.allclose(there[name]["predicted"], here[name])
        if name in NUMBERS
        else there[name]["predicted"] == here[name]
    )
    assert there[name]["signature"]


def test_an_example_goes_along(predictions: Predictions) -> None:
    """The rows that were recorded as an example are the model's at the server."""
    assert predictions[1]["pickle"]["example"]


@pytest.mark.slow
def test_an_older_server_has_models_among_artifacts(trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """Where MLflow knows no logged models, it loads them all the same, and takes no longer params than it can."""
    folder, here = trained
    known = CLASSES.keys() - {"skops"}  # which it has no flavor for
    with running(tmp_path / "server", OLDER) as uri:
        assert {sent.state for sent in deliver(folder, uri)} == {"sent"}
        there = json.loads(mlflow_python(uri, LOADING, *known, version=OLDER))
    assert not list(folder.glob("*/.sent/*.refused.jsonl"))
    for name in known:
        check(name, here, there)

"""Lightning by its older import name: a distribution of its own, with classes of its own."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("pytorch_lightning")
import pytorch_lightning as pl
import torch
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, TensorDataset

import autolog
from autolog.testing import only_run, series

pytestmark = [
    pytest.mark.usefixtures("recording"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),  # as Lightning warns of at each fit
    pytest.mark.filterwarnings("ignore:.*LeafSpec"),
]
X = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
BATCHES = DataLoader(TensorDataset(X, X.sum(1, keepdim=True)), batch_size=4)


class Net(pl.LightningModule):  # type: ignore[misc,name-defined]
    """Logs its loss at each step, and a validation's each epoch."""

    def __init__(self, lr: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(3, 1)
        self.seen: list[float] = []

    def forward(self, rows: Any) -> Any:
        return self.layer(rows)

    def training_step(self, batch: Any, number: int) -> Any:
        loss = mse_loss(self(batch[0]), batch[1])
        self.seen.append(loss.item())
        self.log("loss", loss)
        return loss

    def validation_step(self, batch: Any, number: int) -> None:
        self.log("val_loss", mse_loss(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)


def trainer() -> Any:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    return pl.Trainer(**quiet, enable_checkpointing=False, max_epochs=2, log_every_n_steps=1)


def test_a_fit_is_a_run_with_what_lightning_logs() -> None:
    """One run has hyperparameters, settings, a point a step and an epoch, and the model; no loop is recorded beside."""
    model = Net()
    trainer().fit(model, BATCHES, BATCHES)
    run = only_run()
    assert (run.run_name, run.status, run.notes) == ("Net", "FINISHED", [])
    assert {name: run.params[name] for name in ("lr", "max_epochs", "optimizer")} == {
        "lr": 0.1,
        "max_epochs": 2,
        "optimizer": "SGD",
    }
    assert [value for _, value in series(run, "loss")] == pytest.approx(model.seen)
    assert [step for step, _ in series(run, "val_loss")] == [0, 1]
    weights = autolog.load_model(f"runs:/{run.run_id}/model")
    assert torch.equal(weights["layer.weight"], model.layer.weight)


def test_a_validation_belongs_to_the_fit_of_its_model() -> None:
    """`validate` adds to the run that trained the model."""
    made = trainer()
    model = Net()
    made.fit(model, BATCHES, BATCHES)
    made.validate(model, BATCHES, verbose=False)
    assert [step for step, _ in series(only_run(), "val_loss")] == [0, 1, 2]
